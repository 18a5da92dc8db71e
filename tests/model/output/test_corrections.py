"""Corrections as data: every edit, what is refused, undo and redo."""

import json
import math

import numpy as np
import pytest

from model.output import corrections
from model.output.corrections import EditError, History, labels_of
from model.runtime.geometry import ROI
from model.runtime.result import Face, Hand, Result


def hand(x=10.0):
    points = np.float32([[x + 3 * k, 20 + (7 * k) % 30, 0] for k in range(21)])
    return Hand(points, 0.9, (x, 20, 60, 30), np.ones(21, np.float32), "right", 0.9, ROI(x, 30, 80))


def face():
    points = np.float32([[100 + k % 22, 50 + k // 22, 0] for k in range(478)])
    return Face(points, 0.8, (100, 50, 22, 22), np.ones(478, np.float32), points[:68, :2].copy(), ROI(110, 60, 40))


@pytest.fixture
def labels():
    return labels_of(Result(200, 100, (hand(), hand(80.0)), (face(),), {}))


def test_the_network_s_result_is_no_correction(labels):
    assert [(label.number, label.kind, label.handedness) for label in labels.instances] == [(0, "hand", "right"), (1, "hand", "right"), (2, "face", None)]
    assert not labels.corrected and labels.instances[2].points.shape == (478, 2)


def test_a_moved_point_changes_one_instance_only(labels):
    moved = labels.edited({"do": "move", "number": 1, "points": [[8, 33.5, 44.25]]})
    assert moved.instances[1].points[8].tolist() == [33.5, 44.25] and moved.instances[1].corrected
    assert moved.instances[0] is labels.instances[0] and labels.instances[1].points[8].tolist() != [33.5, 44.25]
    assert (moved.instances[1].points[:8] == labels.instances[1].points[:8]).all()


def test_a_point_stays_near_the_photo(labels):
    moved = labels.edited({"do": "move", "number": 0, "points": [[0, 1e9, -1e9]]})
    assert moved.instances[0].points[0].tolist() == [400, -100]


def test_a_side_is_switched_and_a_face_has_none(labels):
    assert labels.edited({"do": "side", "number": 0, "handedness": "left"}).instances[0].handedness == "left"
    with pytest.raises(EditError, match="Only a hand"):
        labels.edited({"do": "side", "number": 2, "handedness": "left"})


def test_a_false_detection_is_kept_as_one_and_an_added_hand_is_not(labels):
    without = labels.edited({"do": "remove", "number": 0})
    assert [label.number for label in without.instances] == [1, 2] and [label.number for label in without.removed] == [0]
    more = labels.added(hand(50.0)).added(face())
    assert [label.number for label in more.instances] == [0, 1, 2, 1000, 1001] and more.instances[3].corrected
    fewer = more.edited({"do": "remove", "number": 1000})
    assert fewer.removed == () and [label.number for label in fewer.added(hand()).instances] == [0, 1, 2, 1001, 1002]


@pytest.mark.parametrize(
    "edit",
    [
        {},
        {"do": "move", "number": 0},
        {"do": "move", "number": 77, "points": []},
        {"do": "move", "number": 0, "points": [[21, 1, 1]]},
        {"do": "move", "number": 0, "points": [[-1, 1, 1]]},
        {"do": "move", "number": 0, "points": [[0, math.nan, 1]]},
        {"do": "move", "number": 0, "points": [[0, "x", 1]]},
        {"do": "move", "number": 0, "points": 5},
        {"do": "move", "number": None, "points": []},
        {"do": "side", "number": 0, "handedness": "up"},
        {"do": "explode", "number": 0},
    ],
    ids=json.dumps,
)
def test_what_does_not_fit_is_refused(labels, edit):
    with pytest.raises(EditError):
        labels.edited(edit)


def test_the_number_of_instances_is_bounded(labels):
    while len(labels.instances) < corrections.MOST_INSTANCES:
        labels = labels.added(hand())
    with pytest.raises(EditError):
        labels.added(hand())


def test_undo_and_redo(labels):
    history = History(labels)
    steps = [labels]
    for x in (1, 2, 3):
        history.do(history.present.moved(0, [[0, x, x]]))
        steps.append(history.present)
    history.undo(), history.undo()
    assert history.present is steps[1] and history.can_undo and history.can_redo
    history.redo()
    assert history.present is steps[2]
    history.do(steps[0])
    assert not history.can_redo
    history.redo()
    assert history.present is steps[0]
    for _ in range(9):
        history.undo()
    assert history.present is labels and not history.can_undo


def test_undo_is_bounded(labels):
    history = History(labels)
    for x in range(corrections.MOST_STEPS + 5):
        history.do(history.present.moved(0, [[0, x, 0]]))
    for _ in range(corrections.MOST_STEPS + 5):
        history.undo()
    assert history.present.instances[0].points[0, 0] == 4
