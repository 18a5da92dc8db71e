"""Milliseconds by stage of the pipeline."""

import time
from contextlib import contextmanager


class StageTimer:
    """Adds up time by stage: `with timer("crop"): ...`"""

    def __init__(self):
        self._started = time.perf_counter()
        self._seconds = {"detect": 0.0, "crop": 0.0, "landmarks": 0.0}

    @contextmanager
    def __call__(self, stage: str):
        """Counts the time inside for `stage`: 'detect', 'crop' or 'landmarks'."""
        entered = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[stage] += time.perf_counter() - entered

    def milliseconds(self) -> dict[str, float]:
        """By stage, and 'total' since the timer was made."""
        stages = {stage: 1000 * seconds for stage, seconds in self._seconds.items()}
        return {**stages, "total": 1000 * (time.perf_counter() - self._started)}
