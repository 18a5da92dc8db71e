"""From the network's cells to boxes in the photo; tiles for what is small."""

import numpy as np
import pytest

from model.constants import CONSTANTS, CROP, KINDS
from model.runtime.detector import Detector, DetectorInput, Proposals, decode, suppress, tiles
from model.runtime.geometry import ImagePyramid, box_around, transform
from tests.model.drawn_world import photo, place

RULE = CONSTANTS["detector"]


def cells(*rows: tuple) -> np.ndarray:
    """The network's output (2, 1024, 7) with these (kind, score, cx, cy, w, h) in it, all upright."""
    output = np.zeros((2, 1024, 7), np.float32)
    for cell, (kind, *values) in enumerate(rows):
        output[KINDS.index(kind), cell] = (*values, 0, -1)
    return output


def view(**changes) -> DetectorInput:
    return DetectorInput(np.zeros((CROP, CROP, 3), np.uint8), np.eye(3), **changes)


def found(*rows: tuple, level: int = 0) -> Proposals:
    return decode(cells(*rows), view(level=level))


def test_decode_gives_photo_pixels():
    to_photo = np.array([[4.0, 0, 100], [0, 4.0, 200], [0, 0, 1]])
    seen = decode(cells(("face", 0.8, 50, 60, 20, 30)), DetectorInput(np.zeros((CROP, CROP, 3), np.uint8), to_photo))
    assert seen.box.tolist() == [[4 * 40 + 100, 4 * 45 + 200, 4 * 20, 4 * 30]]
    assert seen.up.tolist() == [[0, -1]]
    assert seen.size.tolist() == [30]
    assert KINDS[seen.kind[0]] == "face"


def test_decode_leaves_out_nonsense():
    output = cells(("hand", 0.9, 50, 50, -4, 10), ("hand", np.nan, 50, 50, 10, 10), ("hand", 0.9, np.inf, 50, 10, 10))
    assert not len(decode(output, view()).score)


def test_boxes_cut_by_an_inner_edge_are_left_to_the_neighbour():
    rows = [("hand", 0.9, 10, 128, 30, 30), ("hand", 0.9, 245, 128, 30, 30)]
    assert len(found(*rows).score) == 2
    seen = decode(cells(*rows), view(inner=(True, False, False, False)))
    assert seen.box[:, 0].tolist() == [230]


@pytest.mark.parametrize(
    "rows, kept",
    [
        ([], []),
        ([("hand", 0.19, 50, 50, 20, 20)], []),  # unsure
        ([("hand", 0.7, 50, 50, 20, 20), ("hand", 0.9, 52, 50, 20, 20)], [1]),  # one object
        ([("hand", 0.7, 50, 50, 20, 20), ("face", 0.9, 50, 50, 20, 20)], [1, 0]),  # a hand before a face
        ([("hand", 0.7, 50, 50, 20, 20), ("hand", 0.9, 80, 50, 20, 20)], [1, 0]),  # two hands
        ([("hand", 0.9, 50, 50, 60, 60), ("hand", 0.7, 50, 50, 20, 20)], [0, 1]),  # a small one before a large one
    ],
)
def test_suppression(rows, kept):
    candidates = found(*rows)
    in_order = [int(np.flatnonzero(candidates.score == np.float32(row[1]))[0]) for row in rows if row[1] >= 0.5]
    assert suppress(candidates) == [in_order[index] for index in kept]


def test_a_tile_does_not_split_an_instance_detected_whole():
    whole, part = ("face", 0.8, 128, 128, 100, 100), ("face", 0.95, 110, 110, 25, 25)
    assert suppress(found(whole) + found(part, level=1)) == [0]
    assert suppress(found(whole, part)) != [0]


@pytest.mark.parametrize("more, kept", [(-0.1, [0, 1]), (0.1, [0])])
def test_a_tile_s_detection_is_a_part_only_if_enough_of_it_lies_inside(more, kept):
    """What a tile detects half outside the larger box is an object of its own, such as a face behind a shoulder."""
    share = RULE["contained"] + more
    whole, other = ("face", 0.95, 100, 100, 100, 100), ("face", 0.8, 150 + 40 * (0.5 - share), 100, 40, 40)
    assert suppress(found(whole) + found(other, level=1)) == kept


@pytest.mark.parametrize("size", [(1280, 960), (576, 300), (3000, 200), (600, 600)])
def test_tiles_cover_the_photo_and_overlap(size):
    width, height = size
    longer = 576
    picture = ImagePyramid(np.zeros((height, width, 3), np.uint8))
    views = tiles(picture, longer, level=1)
    rng = np.random.default_rng(0)
    points = rng.uniform((0, 0), (width - 1, height - 1), (300, 2))
    for point in points:
        (around,) = tiles(picture, longer, 1, point[None])
        off_centre = [np.abs(transform(np.linalg.inv(each.to_photo), point) - (CROP - 1) / 2).max(initial=0) for each in (around, *views)]
        assert off_centre[0] == min(off_centre) <= CROP / 2
    # Whatever is smaller than the overlap is whole in some tile, away from its inner edges.
    reach = (RULE["tiles"]["overlap"] / 2 - RULE["tiles"]["border"]) * max(size) / longer - 1
    for point in points:
        corners = np.clip(point + reach * np.array([[-1, -1], [1, 1]]), 0, (width - 1, height - 1))
        assert any(
            (transform(np.linalg.inv(each.to_photo), corners) >= -0.51).all() and (transform(np.linalg.inv(each.to_photo), corners) <= CROP - 0.49).all()
            for each in views
        )


def detector(network) -> Detector:
    return Detector(lambda pictures: network.run(pictures, "detections")["detections"])


def test_boxes_and_directions_are_detected(network):
    instances = [("hand", 200, 300, 100, 40), ("hand", 500, 150, 80, -100), ("face", 420, 360, 130, 10)]
    seen = detector(network).detect(photo(640, 480, *instances))
    assert sorted(each.kind for each in seen) == ["face", "hand", "hand"]
    for each in seen:
        x, y, w, h = each.box
        kind, cx, cy, width, degrees = min(instances, key=lambda instance: np.hypot(x + w / 2 - instance[1], y + h / 2 - instance[2]))
        assert each.kind == kind
        wanted = box_around(place(kind, cx, cy, width, degrees), 0)
        assert np.allclose(each.box, wanted, atol=5)
        assert each.up == pytest.approx((np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))), abs=0.05)


def test_large_instances_need_the_whole_photo_only(network):
    detector(network).detect(photo(2000, 1500, ("face", 1000, 700, 500, 0)))
    assert [count for count, _ in network.asked] == [1]


def test_small_instances_in_a_large_photo_are_found_in_tiles(network):
    """A group photo: too small for the whole view (30 pixels of the colour), large enough closer by."""
    instances = [("face", 300 + 400 * column, 400 + 500 * row, 70, 5 * column) for row in range(3) for column in range(6)]
    seen = detector(network).detect(photo(2800, 1900, *instances))
    centres = sorted((round(each.box[0] + each.box[2] / 2, -2), round(each.box[1] + each.box[3] / 2, -2)) for each in seen)
    assert len(seen) == len(instances)
    assert centres == sorted((instance[1], instance[2]) for instance in instances)


def test_an_empty_photo_gets_one_level_of_tiles_and_gives_nothing(network):
    assert detector(network).detect(photo(640, 480)) == []
    assert sum(count for count, _ in network.asked) == 1 + len(tiles(photo(640, 480), 576, 1))


@pytest.mark.parametrize("scores, levels", [((0.25, 0.9), 1), ((0.31, 0.3), 2), ((0.31, 0.36), 3)])
def test_a_proposal_must_be_strong_enough_to_be_worth_tiles(scores, levels):
    """scores: of something small in the first and in the second view; something large is always clear."""
    asked = []

    def run(pictures):
        asked.append(len(pictures))
        small = ("hand", (*scores, 0)[len(asked) - 1], 128, 128, 20, 20)
        return np.stack([cells(("face", 0.9, 128, 128, 90, 90), small)] * len(pictures))

    Detector(run).detect(photo(1280, 960))
    assert len(asked) == levels


@pytest.mark.parametrize("width, runs", [(320, 1), (345, 2)])
def test_a_photo_is_not_enlarged_by_next_to_nothing(width, runs):
    """Less than 1.3 times as large as it was seen already shows nothing new, whatever the hint."""
    asked = []

    def run(pictures):
        asked.append(len(pictures))
        return np.stack([cells(("hand", 0.36, 128, 96, 20, 20))] * len(pictures))

    Detector(run).detect(photo(width, width * 3 // 4))
    assert len(asked) == runs


def test_a_small_photo_without_a_proposal_is_run_once(network):
    assert detector(network).detect(photo(480, 360)) == []
    assert [count for count, _ in network.asked] == [1]


def test_live_pictures_get_no_tiles(network):
    detector(network).detect(photo(1280, 720), tiled=False)
    assert [count for count, _ in network.asked] == [1]


def test_no_more_than_the_stated_number(network):
    rows = [("hand", 0.9, 8 + 10 * (n % 24), 8 + 10 * (n // 24), 8, 8) for n in range(200)]
    answer = cells(*rows)[None]
    assert len(Detector(lambda pictures: answer).detect(photo(200, 200))) == RULE["most"]
