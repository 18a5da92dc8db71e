"""Results are frozen, and can be shown mirrored."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from model.geometry import transform
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
