"""Naming the part that excites a feature map."""

import numpy as np

from model.runtime.topology import FINGERS
from pages.parts.explore.feature_parts import BACKGROUND, responds_to


def hand() -> np.ndarray:
    """A flat hand in a 256 pixel crop: five straight fingers above a wrist."""
    points = np.zeros((21, 2))
    points[0] = 128, 240
    for finger, x in zip(FINGERS, (40, 85, 128, 170, 212)):
        points[list(finger.points)] = [(x, y) for y in (150, 110, 75, 40)]
    return points


def glow(x: int, top: int, bottom: int) -> np.ndarray:
    plane = np.zeros((64, 64), np.float32)
    plane[top // 4 : bottom // 4 + 1, x // 4 - 1 : x // 4 + 2] = 1
    return plane


def test_every_finger_is_named():
    planes = np.stack([glow(x, 40, 150) for x in (40, 85, 128, 170, 212)])
    named = responds_to(planes, hand(), "hand")
    assert named == ["thumb", "index finger", "middle finger", "ring finger", "pinky finger"]


def test_background_and_flat_maps():
    around = np.zeros((64, 64), np.float32)
    around[46:, :26] = 1
    around[46:, -26:] = 1
    assert responds_to(np.stack([around, np.full((64, 64), 3.0)]), hand(), "hand") == [BACKGROUND, ""]


def test_points_outside_the_crop_are_no_error():
    assert responds_to(np.ones((1, 64, 64), np.float32), hand() - 1000, "hand") == [""]
    assert len(responds_to(np.ones((2, 64, 64), np.float32), np.zeros((478, 2)), "face")) == 2
