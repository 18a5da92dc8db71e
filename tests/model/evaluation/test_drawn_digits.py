"""The pictures of digits that no hand and no face may be found in."""

import numpy as np

from model.evaluation import drawn_digits, evaluate
from model.runtime.landmarker import Landmarker


def test_digits_differ_in_size_ground_and_number_and_are_the_same_every_time():
    first, again = list(drawn_digits.pictures(60)), list(drawn_digits.pictures(60))
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert {picture.shape[0] for picture in first} == {28, 64, 128, 256, 400}
    dark = [np.median(picture) < 128 for picture in first]
    assert 10 < sum(dark) < 50, "dark on light and light on dark"
    assert all(np.ptp(picture.astype(int)) > 40 for picture in first), "each shows something"


def test_the_release_detects_nothing_in_digits():
    assert evaluate.digits(Landmarker(threads=2), 200)["with_a_detection"] <= 2
