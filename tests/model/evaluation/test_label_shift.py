"""Labels that lie to the side of what pictures show are found out, and by how much."""

from types import SimpleNamespace

import numpy as np
import pytest

from model.data.samples import Samples
from model.evaluation.label_shift import shifts

DOWN = np.stack([np.zeros(21), np.arange(21)], 1)


class SeesTheBrightPixel:
    def predict(self, picture, requests):
        ((kind, roi),) = requests
        y, x = np.unravel_index(picture[..., 0].argmax(), picture.shape[:2])
        assert abs(roi.cx - x) < 5, "it is asked at the place of the object, mirrored where the picture is"
        return [SimpleNamespace(landmarks=np.array([x + 0.25, y]) + DOWN)]  # and prefers a side a little


@pytest.mark.parametrize("moved", [0.0, 1.5])
def test_a_shift_of_labels_is_measured(moved):
    rng = np.random.default_rng(0)
    images, points = np.zeros((6, 256, 256, 3), np.uint8), np.zeros((6, 21, 2))
    for image, own in zip(images, points):
        x, y = rng.integers(20, 230, 2)
        image[y, x] = 255
        own[:] = (x + moved, y) + DOWN
    s = Samples("drawn", "hand", "CC0", images, points, np.zeros((6, 21)), np.ones((6, 21)), np.array(["train"] * 6))
    found = shifts(SeesTheBrightPixel(), s, np.arange(6), {"hand": np.arange(21)})
    assert set(found) == {"points"} and np.allclose(found["points"], moved)
