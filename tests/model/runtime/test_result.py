"""Results are frozen, and can be shown mirrored."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from model.runtime.geometry import transform
from tests.model.drawn_world import photo

RGB = photo(640, 480, ("hand", 200, 300, 100, 40), ("face", 420, 200, 130, 10))


def test_frozen(landmarker):
    result = landmarker.detect(RGB)
    with pytest.raises(FrozenInstanceError):
        result.hands[0].score = 1.0
    with pytest.raises(ValueError, match="read-only"):
        result.faces[0].landmarks[0, 0] = 1.0


def test_mirrored_is_what_the_mirrored_photo_shows(landmarker):
    result = landmarker.detect(RGB)
    mirrored = result.mirrored()
    [seen] = landmarker.detect(np.ascontiguousarray(RGB[:, ::-1])).faces
    [face] = mirrored.faces
    assert np.allclose(face.box, seen.box, atol=2)
    assert mirrored.hands[0].handedness == result.hands[0].handedness  # the person's real hand
    assert np.allclose(mirrored.mirrored().faces[0].landmarks, result.faces[0].landmarks, atol=1e-3)


def test_mirrored_crops_are_the_same_crops(landmarker):
    result = landmarker.detect(RGB)
    for one, other in zip(result.hands, result.mirrored().hands):
        in_crop = transform(one.roi.to_crop(), one.landmarks[:, :2])
        assert np.allclose(in_crop, transform(other.roi.to_crop(), other.landmarks[:, :2]), atol=0.01)


class TestFiltered:
    LEAST = {"hand": 0.5, "face": 0.5}

    @pytest.fixture
    def result(self, landmarker):
        found = landmarker.detect(RGB)
        [hand], [face] = found.hands, found.faces
        hands = [replace(hand, score=score) for score in (0.9, 0.6)]
        return replace(found, hands=tuple(hands), faces=(replace(face, score=0.7),), uncertain=(replace(face, score=0.4), replace(hand, score=0.2)))

    def test_minimum_moves_them_both_ways(self, result):
        def scores(least):
            shown = result.filtered(least)
            return tuple([instance.score for instance in instances] for instances in (shown.hands, shown.faces, shown.uncertain))

        assert scores(self.LEAST) == ([0.9, 0.6], [0.7], [0.4, 0.2])
        assert scores({"hand": 0.8, "face": 0.3}) == ([0.9], [0.7, 0.4], [0.6, 0.2])
        assert scores({"hand": 0.0, "face": 1.0}) == ([0.9, 0.6, 0.2], [], [0.7, 0.4])

    def test_one_too_many_is_left_out(self, result):
        shown = result.filtered(self.LEAST, {"hand": 1, "face": None})
        assert [hand.score for hand in shown.hands] == [0.9] and len(shown.faces) == 1
        assert [instance.score for instance in shown.uncertain] == [0.4, 0.2], "a confident hand is not uncertain"

    def test_uncertain_ones_are_mirrored_too(self, result):
        moved = result.mirrored().uncertain[1]
        assert np.allclose(moved.landmarks[:, 0], result.width - 1 - result.uncertain[1].landmarks[:, 0], atol=1e-3)
