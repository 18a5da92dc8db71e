"""Figures on photos in which every hand and face is labelled: recall, precision, turns, and why a hand was missed."""

import numpy as np
import pytest

from model.constants import CONSTANTS, KINDS
from model.data.detection_sets import Scenes
from model.evaluation import metrics, natural_photos
from model.evaluation.natural_photos import Counts, recall_at, turned_boxes, turned_points
from model.runtime.geometry import box_around
from tests.model.drawn_world import photo, place

HAND, FACE, OTHER = ("hand", 120, 160, 60, 20), ("face", 330, 150, 80, 0), ("hand", 300, 330, 50, 0)


def scenes(*labelled, shown=None, doubtful=()):
    """One photo of 440 x 400 that shows `shown` (default: what is labelled)."""
    image = np.zeros((1, 448, 448, 3), np.uint8)
    image[0, :400, :440] = photo(440, 400, *(shown if shown is not None else labelled))
    objects, points, sure = [], [], []
    for kind, cx, cy, width, degrees in (*labelled, *doubtful):
        xy = place(kind, cx, cy, width, degrees)
        box = box_around(xy, CONSTANTS["roi"][kind]["box_margin"])
        objects.append([KINDS.index(kind), *box, 0, 0, (kind, cx, cy, width, degrees) in doubtful])
        points.append(xy if kind == "hand" else np.full((21, 2), np.nan))
        sure.append(kind == "hand")
    rows = np.array(objects, np.float32).reshape(-1, 8)
    return Scenes(
        "natural",
        image,
        np.array([[440, 400]]),
        [rows],
        np.ones((1, 2), bool),
        np.array([False]),
        np.array(["val"]),
        [np.array(points).reshape(-1, 21, 2)],
        np.ones(1),
        np.array([False]),
        ["a"],
        [np.array(sure, bool)],
        [np.ones(len(rows), np.int8)],
    )


@pytest.mark.parametrize("way", [*natural_photos.TURNS, "grey"])
def test_all_is_found_and_placed_however_the_photo_is_turned(landmarker, way):
    figures = natural_photos.report(landmarker, scenes(HAND, FACE, OTHER), 10, ways=(way,))[way]
    if way == "grey":  # the drawn world is recognised by its colours
        assert figures["hands"]["recall@0.3"] == 0 and figures["missed hands"]["no detection there"] == 2
        return
    for kind, count in (("hands", 2), ("faces", 1)):
        assert (figures[kind]["recall@0.5"], figures[kind]["precision@0.5"], figures[kind]["labelled"]) == (1, 1, count)
    assert figures["sure hands"]["nme"] < 0.03 and figures["sure hands"]["missed"] == 0 and figures["sure hands"]["handedness"] == 1
    assert sum(figures["missed hands"].values()) == 0


def test_a_miss_has_its_reason(landmarker, network):
    gone = natural_photos.report(landmarker, scenes(HAND, OTHER, shown=[HAND]), 1, ways=("upright",))["upright"]
    assert gone["hands"]["recall@0.3"] == 0.5 and gone["missed hands"] == {"no detection there": 1, "below the minimum confidence": 0, "points off": 0}
    network.score, network.presence = 0.3, 0.05
    rejected = natural_photos.report(landmarker, scenes(HAND), 1, ways=("upright",))["upright"]
    assert rejected["missed hands"] == {"no detection there": 0, "below the minimum confidence": 1, "points off": 0}


def test_what_nobody_labelled_is_false_and_what_is_doubtful_is_neither(landmarker):
    false = natural_photos.report(landmarker, scenes(HAND, shown=[HAND, OTHER]), 1, ways=("upright",))["upright"]["hands"]
    assert (false["precision@0.3"], false["recall@0.3"]) == (0.5, 1)
    doubtful = natural_photos.report(landmarker, scenes(HAND, shown=[HAND, OTHER], doubtful=[OTHER]), 1, ways=("upright",))["upright"]["hands"]
    assert (doubtful["precision@0.3"], doubtful["recall@0.3"], doubtful["labelled"]) == (1, 1, 1)


def test_hands_in_front_of_faces_are_counted_by_themselves(landmarker):
    before = ("hand", 330, 170, 40, 0)
    figures = natural_photos.report(landmarker, scenes(HAND, before, FACE, shown=[HAND, FACE]), 1, ways=("upright",))["upright"]
    assert figures["hands in front of faces"]["labelled"] == 1 and figures["hands in front of faces"]["recall@0.3"] == 0


@pytest.mark.parametrize("quarters", range(4))
def test_boxes_and_points_turn_with_the_photo(quarters):
    marked = np.zeros((30, 50), np.uint8)
    marked[4:9, 7:20] = 1
    y, x = np.nonzero(np.rot90(marked, quarters))
    box = turned_boxes(np.array([[7, 4, 12, 4]], float), quarters, 50, 30)[0]
    assert box.tolist() == [x.min(), y.min(), np.ptp(x), np.ptp(y)]
    corner = turned_points(np.array([7.0, 4.0]), quarters, 50, 30)
    assert np.rot90(np.arange(1500).reshape(30, 50), quarters)[int(corner[1]), int(corner[0])] == 4 * 50 + 7


def test_recall_at_a_precision():
    scores, correct = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    assert recall_at(scores, correct, 4, 0.95) == 0.5 and recall_at(scores, correct, 4, 0.7) == 0.75 and recall_at(scores[2:3], correct[2:3], 4, 0.5) == 0


def test_counts_by_size():
    counts = Counts()
    counts.add(np.array([[0, 0, 10, 10.0]]), np.array([0.9]), np.array([[0, 0, 10, 10.0], [50, 50, 40, 40]]), np.zeros((0, 4)), 100)
    by = counts.figures(0.5)["recall@0.5 by size"]
    assert by == {"8-16 %": [1.0, 1], "over 32 %": [0.0, 1]}


def test_nearest_points():
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]])
    assert metrics.nearest([square + 30, square + 3], square) == 1
    assert metrics.nearest([square + 30], square) is None and metrics.nearest([], square) is None
