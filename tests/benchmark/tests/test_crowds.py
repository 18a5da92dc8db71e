"""Photos with small rendered faces."""

import numpy as np

from model.data.samples import Samples
from tests.benchmark.crowds import LARGEST, SMALLEST, crowd


def test_heads_lie_in_their_boxes_and_nothing_else_changes():
    rng = np.random.default_rng(0)
    points = rng.uniform(64, 192, (3, 478, 2)).astype(np.float32)
    white = np.full((3, 256, 256, 3), 255, np.uint8)
    masks = np.zeros((3, 256, 256), np.uint8)
    masks[:, 64:192, 64:192] = 255
    heads = Samples("", "face", "", white, points, np.zeros((3, 478)), np.ones((3, 478)), np.array(["val"] * 3), masks)
    seen, boxes = crowd(np.zeros((300, 448, 3), np.uint8), heads, np.arange(3), rng)
    assert seen.shape == (300, 448, 3) and len(boxes) == 3
    inside = np.zeros((300, 448), bool)
    for x, y, w, h in boxes:
        assert SMALLEST * 448 * 0.99 <= w <= LARGEST * 448 * 1.01
        assert seen[int(y + 0.55 * h), int(x + w / 2)].min() > 200
        inside[int(y) - 2 : int(y + h) + 3, int(x) - 2 : int(x + w) + 3] = True
    assert seen[~inside].max() < 40
