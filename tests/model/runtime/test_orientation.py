"""The photo's orientation by its faces, and detections turned back."""

import numpy as np
import pytest

from model.constants import CONSTANTS
from model.runtime.detector import Detector
from model.runtime.orientation import quarter_turns, turned_back
from model.runtime.result import Detection
from tests.model.drawn_world import photo

FACE, HAND = ("face", 420, 360, 130, 10), ("hand", 200, 300, 100, 40)
LEAST = CONSTANTS["detector"]["orientation"]["score"]


def detection(kind: str, degrees: float, score: float = 0.9) -> Detection:
    """degrees: clockwise from upright."""
    return Detection(kind, score, (10, 20, 30, 40), (np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))))


@pytest.mark.parametrize(
    "seen, turns",
    [
        ([], 0),
        ([("face", 0)], 0),
        ([("face", 90)], 1),  # turned clockwise: turn it back counterclockwise
        ([("face", 180)], 2),
        ([("face", -90)], 3),
        ([("face", -170)], 2),
        ([("face", 100), ("face", 80), ("face", 95)], 1),
        ([("face", 90), ("face", 0)], 0),  # one of two lies down
        ([("face", 45)], 0),  # neither
        ([("hand", 90)], 0),  # hands point anywhere
        ([("face", 90, LEAST - 0.01)], 0),
    ],
)
def test_faces_tell_how_to_turn_the_photo(seen, turns):
    assert quarter_turns([detection(*each) for each in seen]) == turns


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_gives_the_detections_of_the_upright_one(network, turns):
    detector = Detector(lambda pictures: network.run(pictures, "detections")["detections"])
    upright = photo(640, 480, FACE, HAND)
    expected = detector.detect(upright)
    height, width = upright.shape[:2]
    found = detector.detect(np.ascontiguousarray(np.rot90(upright, 4 - turns)))  # that is `turns` quarters clockwise
    assert [each.kind for each in found] == [each.kind for each in expected]
    for one, other in zip(found, expected):
        back = turned_back(other, turns, width, height)  # the upright one is the photo turned by `turns`
        assert one.box == pytest.approx(back.box) and one.up == pytest.approx(back.up)


def test_four_quarters_are_none():
    first = detection("hand", 30)
    once = turned_back(first, 1, 300, 200)  # 300 x 200 -> 200 x 300
    assert turned_back(once, 3, 200, 300).box == pytest.approx(first.box)
    assert turned_back(once, 3, 200, 300).up == pytest.approx(first.up)


def test_an_upright_photo_is_run_once(network):
    Detector(lambda pictures: network.run(pictures, "detections")["detections"]).detect(photo(640, 480, FACE, HAND))
    assert [count for count, _ in network.asked] == [1]
