"""The One-Euro filter: still points stop trembling, moving points do not lag.

G. Casiez, N. Roussel, D. Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems", CHI 2012, doi:10.1145/2207676.2208639.
"""

import math

import numpy as np

from ..constants import CONSTANTS


class OneEuro:
    """Smooths one object's points. Speeds count in object sizes per second, so that near and far behave alike."""

    def __init__(self, min_cutoff: float | None = None, beta: float | None = None):
        """min_cutoff in Hz: lower = calmer at rest. beta in Hz per (object size / s): higher = less lag in motion."""
        rule = CONSTANTS["smoothing"]
        self.min_cutoff = rule["min_cutoff"] if min_cutoff is None else min_cutoff
        self.beta = rule["beta"] if beta is None else beta
        self._derivative_cutoff = rule["derivative_cutoff"]
        self._time: float | None = None
        self._value: np.ndarray | None = None
        self._velocity: np.ndarray | None = None

    def __call__(self, points: np.ndarray, seconds: float, size: float, strength: float = 1.0) -> np.ndarray:
        """Smoothed points (K, D), like `points`, seen at `seconds` on an object of `size` (same unit as the points).

        strength scales the smoothing: 0 = none, 1 = as set, 2 = twice as calm at rest.
        """
        elapsed = seconds - self._time if self._time is not None else 0.0
        if self._value is None or elapsed <= 0 or strength <= 0:
            # First frame, a repeated or backward timestamp, or switched off: nothing to average with.
            if self._value is None or elapsed > 0:
                self._time, self._value, self._velocity = seconds, points.copy(), np.zeros_like(points)
            return points.copy()
        velocity = (points - self._value) / elapsed
        self._velocity += _weight(self._derivative_cutoff, elapsed) * (velocity - self._velocity)
        speed = np.linalg.norm(self._velocity[:, :2], axis=1, keepdims=True) / max(size, 1e-6)  # (K, 1)
        cutoff = self.min_cutoff / strength + self.beta * speed
        self._value = self._value + _weight(cutoff, elapsed) * (points - self._value)
        self._time = seconds
        return self._value.copy()


def _weight(cutoff, elapsed: float):
    """Weight of the new value in a first-order low-pass filter with this cutoff in Hz."""
    turn = 2 * math.pi * cutoff * elapsed
    return turn / (turn + 1)
