"""The speed table, of two sides that answer at once."""

import numpy as np
import pytest

from tests.benchmark.figures import speed


class Side:
    """Takes `milliseconds` for everything but the first frames, which take a second."""

    started = 1.0

    def __init__(self, milliseconds: float):
        self.milliseconds, self.asked = milliseconds, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, picture: np.ndarray, live: bool = False, few: bool = False) -> dict:
        self.asked += 1
        took = 1000.0 if self.asked <= speed.WARM else self.milliseconds
        return {
            "milliseconds": took,
            "cpu_milliseconds": took,
            "hand_points": np.zeros((2, 21, 2)),
            "face_points": np.zeros((1, 478, 2)),
            "peak_mb": 100,
            "model_mb": 7,
        }


@pytest.mark.parametrize("photos", [1, 2, 8])
def test_a_set_may_be_smaller_than_the_warm_up(photos):
    pictures = [np.zeros((60, 80, 3), np.uint8)] * photos
    table = speed.rows(lambda cores: Side(3.0), lambda cores: Side(6.0), 1, {"few": pictures})
    rows = {row.figure: row for row in table if row.section.endswith("1 core")}
    assert (rows["few, mean per photo"].ours, rows["few, mean per photo"].peer) == (3.0, 6.0)
