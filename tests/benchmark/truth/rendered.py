"""Photos for whoever has no data: the project's rendered example pictures, turned, scaled and set on other backgrounds, with their exact truth.

Two heads and five hands in all, so these figures only say that the two sides were run, and roughly how they stand.
"""

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from model.photo.image_file import open_photo
from tests.benchmark.truth.photos import Photo, Truth

EXAMPLES = Path(__file__).resolve().parents[3] / "model" / "examples"
WIDTH, HEIGHT = 800, 600
VIEWS = 16  # of each example
LEAST_INSIDE = 0.8  # share of an object's points; what is cut more is left out of the truth as unsure


def photos() -> list[Photo]:
    rng = np.random.default_rng(0)
    return [_photo(path, rng) for path in sorted(EXAMPLES.glob("*.json")) for _ in range(VIEWS)]


def _photo(truth: Path, rng: np.random.Generator) -> Photo:
    table = json.loads(truth.read_text())
    angle, scale = rng.uniform(-45, 45), np.exp(rng.uniform(np.log(0.3), np.log(1.1)))
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), angle, scale)
    matrix[:, 2] += rng.uniform(-0.1, 0.1, 2) * (WIDTH, HEIGHT)
    seed = int(rng.integers(1 << 30))
    objects = [_truth("hand", np.array(hand["landmarks"])[:, :2], matrix, int(hand["handedness"] == "right")) for hand in table["hands"]]
    objects += [_truth("face", np.array(face["ibug68"]), matrix) for face in table["faces"]]
    return Photo(partial(_view, truth.with_suffix(".webp"), matrix, seed), tuple(objects), frozenset({"hand"}))


def _truth(kind: str, points: np.ndarray, matrix: np.ndarray, right: int = -1) -> Truth:
    points = points @ matrix[:, :2].T + matrix[:, 2]
    inside = ((points >= 0) & (points < (WIDTH, HEIGHT))).all(1).mean()
    low, size = points.min(0), np.ptp(points, axis=0)
    box = np.concatenate([low - 0.07 * size, 1.14 * size])  # as people draw it
    return Truth(kind, points if inside >= LEAST_INSIDE else None, box, right, unsure=bool(inside < LEAST_INSIDE))


def _view(picture: Path, matrix: np.ndarray, seed: int) -> np.ndarray:
    """The example seen through `matrix`, on a soft pattern of random colours, in another light and with camera noise."""
    rng = np.random.default_rng(seed)
    pattern = rng.uniform(0, 255, (6, 8, 3)).astype(np.float32)
    canvas = cv2.resize(pattern, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    rgb = open_photo(picture)
    if abs(matrix[:, :2]).max() < 0.6:  # halved first, or bilinear sampling would skip pixels
        rgb = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    seen = cv2.warpAffine(rgb, matrix, (WIDTH, HEIGHT), canvas, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    noise = rng.normal(0, rng.uniform(0, 6), seen.shape)
    return (seen * rng.uniform(0.6, 1.2) + noise).clip(0, 255).astype(np.uint8)
