"""The figures of the validation splits: what is not found counts as missed, and only found objects have an error."""

import numpy as np
import pytest

from model.data.samples import Samples
from model.evaluation import evaluate
from model.runtime.geometry import ROI
from model.runtime.result import Hand, Result

TRUE = np.random.default_rng(0).uniform(40, 200, (4, 21, 2)).astype(np.float32)


def hand(points: np.ndarray) -> Hand:
    landmarks = np.concatenate([points, np.zeros((21, 1), np.float32)], 1)
    return Hand(landmarks, 0.9, (40, 40, 160, 160), np.ones(21, np.float32), "right", 0.9, ROI(128, 128, 256))


class Predicts:
    """Stands in for the Landmarker: the points of the row's picture are known, moved by `off` pixels; rows in `blind` are not found."""

    def __init__(self, blind: tuple[int, ...] = (), off: float = 0):
        self.blind, self.off = blind, off

    def _hand(self, picture: np.ndarray) -> Hand:
        return hand(TRUE[picture[0, 0, 0]] + np.float32(self.off))

    def predict(self, picture, requests):
        return [self._hand(picture)]

    def detect(self, picture):
        hands = () if picture[0, 0, 0] in self.blind else (self._hand(picture),)
        return Result(256, 256, hands, (), {})


@pytest.fixture
def rows():
    """Four rows of validation and one of training; a row's picture is its number."""
    pictures = np.stack([np.full((256, 256, 3), row % 4, np.uint8) for row in range(5)])
    points, split = np.concatenate([TRUE, TRUE[:1]]), np.array(["val"] * 4 + ["train"])
    unknown, trusted = np.full((5, 21), np.nan), np.ones((5, 21))
    return Samples("made up", "hand", "", pictures, points, unknown, trusted, split, right=np.array([True, True, False, True, True]))


@pytest.mark.parametrize("blind, missed", [((), 0), ((1,), 0.25), ((0, 2, 3), 0.75)])
def test_what_is_not_found_is_missed(rows, blind, missed):
    report = evaluate.landmarks(Predicts(blind), rows, most=10)
    assert report["rows"] == 4
    assert report["photo"]["missed"] == missed and report["crop"]["missed"] == 0
    assert report["photo"]["nme"] == pytest.approx(0, abs=1e-6) and report["photo"]["pck@0.05"] == 1


def test_an_object_elsewhere_is_none(rows):
    """Further off than half the hand's size it is another one, however many points it has."""
    report = evaluate.landmarks(Predicts(off=120), rows, most=10)
    assert report["photo"]["missed"] == 1 and report["crop"]["missed"] == 0


def test_errors_and_sides(rows):
    report = evaluate.landmarks(Predicts(off=3), rows, most=10)
    sizes = np.ptp(TRUE, axis=1).max(1)
    assert report["crop"]["nme"] == report["photo"]["nme"] == pytest.approx(np.mean(3 * np.sqrt(2) / sizes), rel=1e-4)
    assert report["crop"]["handedness"] == 0.75
