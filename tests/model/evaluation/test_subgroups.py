import numpy as np
import pytest
from PIL import Image

from model.data.samples import Samples
from model.evaluation import calibration, failure_gallery, subgroups
from model.evaluation.calibration import Seen


@pytest.mark.parametrize("colour, name", [((244, 210, 190), "skin: light"), ((70, 45, 35), "skin: dark")])
def test_skin_is_classified_by_its_colour_around_the_points(colour, name):
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[10:40, 10:40] = colour
    angle = subgroups.skin_angle(picture, np.array([[15, 15], [30, 30], [20, 35], [500, -3.0]]))
    assert [label for low, high, label in subgroups.SKIN if low <= angle < high] == [name]
    assert np.isnan(subgroups.skin_angle(picture, np.array([[-5.0, 3]])))


def rendered_hands() -> Samples:
    rng = np.random.default_rng(0)
    points = np.tile(rng.uniform(20, 180, (1, 21, 2)), (12, 1, 1)).astype(np.float32)
    weights = np.ones((12, 21), np.float32)
    weights[0, :10] = 0.7
    notes = {"bg": np.arange(12) % 3, "degrade": np.array([0, 1, 5] + [0] * 9), "skin": np.arange(12) // 6, "cropped": np.arange(12) < 6}
    images = rng.integers(0, 255, (12, 256, 256, 3), dtype=np.uint8)
    return Samples("rendered", "hand", "CC0", images, points, np.zeros((12, 21)), weights, np.full(12, "val"), notes=notes)


def test_slices_come_from_what_the_set_knows():
    found = subgroups.of(rendered_hands(), np.arange(12))
    assert found["rendered low light"].tolist() == [False, True, True] + [False] * 9
    assert found["rendered low resolution"].sum() == 1 and found["rendered clean"].sum() == 10
    assert found["seen: under 60 % of the points"].tolist() == [True] + [False] * 11
    assert found["cut by the edge"].sum() == 6 and found["skin texture 1"].sum() == 6


def test_a_slice_of_few_rows_is_left_out_and_missed_rows_count_as_not_found():
    rows = np.arange(12)
    table = {row["slice"]: row for row in subgroups.figures({"six": rows < 6, "two": rows < 2}, [None, 0.1, 0.3] + [0.0] * 9)}
    assert table.keys() == {"all", "six"}
    assert table["six"]["found"] == pytest.approx(5 / 6) and table["six"]["nme"] == pytest.approx(0.4 / 5)


def test_the_gallery_shows_free_pictures_only(tmp_path):
    s = rendered_hands()
    seen = Seen(s, np.arange(12), found=[None] * 12, nme=[None] * 12)
    assert [failure_gallery.shippable(s, row) for row in range(3)] == [False, True, True]
    tiles = calibration.worst(seen)
    assert len(tiles) == calibration.WORST // 2  # all missed: half of the tiles
    failure_gallery.sheet(tiles, tmp_path / "worst.webp", columns=3)
    assert Image.open(tmp_path / "worst.webp").size == (768, 512)


def test_a_set_that_does_not_tell_its_backgrounds_is_never_shown():
    s = rendered_hands()
    del s.notes["bg"]
    assert not any(failure_gallery.shippable(s, row) for row in range(12))
