"""The confidence that is fitted: its factors, and the sign that each of them must have."""

import numpy as np
import pytest

from model.evaluation.fit_confidence import SIGNS, fit


def drawn(weights: tuple[float, ...], offset: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 1.5, (4000, len(weights)))
    return evidence, rng.random(4000) < 1 / (1 + np.exp(-(evidence @ np.array(weights) + offset)))


def test_the_factors_that_drew_the_labels_come_back():
    truth = (2.0, 0.6, -0.9, -1.2)
    assert fit(*drawn(truth, -0.5)) == pytest.approx([*truth, -0.5], abs=0.25)


def test_a_factor_of_the_wrong_sign_is_left_out():
    """More expected error must never make a detection more likely to be right; size may act either way."""
    factors = fit(*drawn((2.0, 0.6, 0.9, 0.8), -0.5))
    assert factors[3] == 0 and factors[:3] == pytest.approx([1.7, 0.5, 0.75], abs=0.4)
    assert all(factor * sign >= 0 for factor, sign in zip(factors, SIGNS))
