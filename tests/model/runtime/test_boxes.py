import numpy as np
import pytest

from model.runtime.boxes import iou, match, repeats


@pytest.mark.parametrize(
    "one, other, value",
    [((0, 0, 2, 2), (0, 0, 2, 2), 1), ((0, 0, 2, 2), (1, 0, 2, 2), 1 / 3), ((0, 0, 1, 1), (5, 5, 1, 1), 0), ((0, 0, 0, 0), (0, 0, 0, 0), 0)],
)
def test_iou(one, other, value):
    assert iou([one], [other]) == pytest.approx(np.array([[value]]))


def test_no_boxes_have_no_pairs():
    assert iou([], [(0, 0, 1, 1)]).shape == (0, 1) and iou([(0, 0, 1, 1)], []).shape == (1, 0)
    assert match([], [], [(0, 0, 1, 1)], 0.5).tolist() == [] and match([(0, 0, 1, 1)], [0.5], [], 0.5).tolist() == [-1]


def test_a_true_box_is_matched_once_by_the_box_with_the_higher_score():
    predicted = [(0, 0, 10, 10), (1, 0, 10, 10), (50, 50, 5, 5)]
    assert match(predicted, [0.6, 0.9, 0.8], [(0, 0, 10, 10)], 0.5).tolist() == [-1, 0, -1]


@pytest.mark.parametrize(
    "other, expected",
    [((2, 0, 10, 10), True), ((8, 0, 10, 10), False), ((1, 1, 3, 3), True), ((9, 9, 3, 3), False)],
)
def test_boxes_repeat_by_overlap_or_containment(other, expected):
    assert repeats([(0, 0, 10, 10)], [other], 0.4, 0.75)[0, 0] == expected
