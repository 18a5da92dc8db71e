"""What the detector mined in training photos, and whether it is right."""

import numpy as np
import pytest

from model.data import hard_examples
from model.data.detection_sets import Scenes
from model.runtime.geometry import ROI, extract_crop
from tests.model.drawn_world import COLOURS, photo


def scene(kind: int, negative: bool = False) -> Scenes:
    """One photo; unless negative with an object of 100 x 100 pixels at the top left, and an unsure one at the bottom right."""
    known = np.array([[negative or k == kind for k in (0, 1)]])
    objects = np.zeros((0, 8)) if negative else np.array([[kind, 0, 0, 100, 100, 0, -1, 0], [kind, 300, 300, 100, 100, 0, -1, 1.0]])
    return Scenes(
        "",
        np.zeros((1, 448, 448, 3), np.uint8),
        np.array([[448, 448]]),
        [objects],
        known,
        np.array([negative]),
        np.array(["train"]),
        [],
        np.ones(1),
        np.array([False]),
        ["a"],
        [],
        [],
    )


FACE = np.array([320.0, 10, 90, 110])
NEAR, BESIDE, FAR, UNSURE = np.array([[5, 5, 100, 100], [50, 50, 100, 100], [200, 0, 80, 80], [300, 300, 100, 100]], float)


@pytest.mark.parametrize(
    "kind, box, expected",
    [
        (0, NEAR, (1, np.nan)),
        (1, NEAR, (np.nan, 1)),
        (0, BESIDE, None),
        (0, FAR, (0, np.nan)),
        (1, FAR, None),
        (0, UNSURE, None),
        (1, UNSURE, None),
    ],
)
def test_a_detection_is_right_wrong_or_not_known(kind, box, expected):
    found = hard_examples.judged(kind, box, 0.4, scene(kind), 0)
    assert found is None if expected is None else np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize(
    "kind, box, presence, expected",
    [
        (0, NEAR, 0.1, (1, np.nan)),
        (0, FAR, 0.2, (0, np.nan)),
        (0, FAR, 0.9, None),
        (1, FAR, 0.2, (np.nan, 0)),
        (0, FACE, 0.2, (0, 1)),
        (0, UNSURE, 0.2, None),
    ],
)
def test_in_natural_photos_what_may_be_an_unlabelled_hand_is_not_called_wrong(kind, box, presence, expected):
    """A hand at the top left, a face beside it; one hand in five has no label there."""
    photo = scene(0)
    photo.objects[0] = np.vstack([photo.objects[0], [[1, *FACE, 0, -1, 0]]])
    photo.known[:] = True
    found = hard_examples.judged(kind, box, presence, photo, 0)
    assert found is None if expected is None else np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize("kind", [0, 1])
def test_nothing_is_right_in_an_empty_photo_and_nothing_known_of_the_other_kind(kind):
    assert hard_examples.judged(kind, NEAR, 0.4, scene(kind, negative=True), 0).tolist() == [0, 0]
    assert hard_examples.judged(1 - kind, NEAR, 0.4, scene(kind), 0) is None


def test_suspects_are_cut_out_whole_with_room_around(landmarker):
    rgb = photo(448, 336, ("hand", 120, 160, 60, 20), ("face", 330, 150, 80, 0))
    found = list(hard_examples.suspects(landmarker, rgb))
    assert sorted(kind for kind, *_ in found) == [0, 1]
    for kind, box, roi in found:
        crop = extract_crop(rgb, ROI(roi.cx, roi.cy, roi.side * hard_examples.ROOM, roi.angle))
        assert np.allclose(box[:2] + box[2:] / 2, ((120, 160), (330, 150))[kind], atol=4)
        own = np.abs(crop[..., :2].astype(int) - COLOURS["hand" if kind == 0 else "face"][:2]).max(axis=2) < 60
        assert own[128, 128] and not own[[0, -1]].any() and not own[:, [0, -1]].any()


def test_what_was_kept_is_read_again(tmp_path):
    assert hard_examples.read(tmp_path) is None
    crops, shows = np.full((2, 256, 256, 3), 7, np.uint8), np.array([[1, np.nan], [0, 0]])
    (tmp_path / hard_examples.CROPS).write_bytes(crops.tobytes())
    np.savez(tmp_path / hard_examples.FILE, shows=shows, presence=shows)
    kept = hard_examples.read(tmp_path)
    assert np.array_equal(kept.crops, crops) and np.array_equal(kept.shows, shows, equal_nan=True)


def test_what_is_misjudged_is_drawn_more_often():
    shows = np.array([[1, np.nan], [1, np.nan], [0, 0], [0, 0], [np.nan, 1]])
    mined = hard_examples.HardExamples(np.zeros((5, 1, 1, 3), np.uint8), shows, np.array([[0.9, 0], [0.1, 0], [0.9, 0.0], [0.4, 0.0], [0.9, 1]]))
    assert mined.odds("hand", 1) == pytest.approx([0.2 / 1.2, 1.0 / 1.2, 0, 0, 0])
    assert mined.odds("hand", 0) == pytest.approx([0, 0, 1.0 / 1.5, 0.5 / 1.5, 0])
    assert mined.odds("face", 0) == pytest.approx([0, 0, 0.5, 0.5, 0])
    assert not hard_examples.HardExamples(mined.crops[:1], shows[:1], mined.presence[:1]).odds("face", 1).any()
