"""The confidence that is fitted: its factors, and the sign that each of them must have."""

import numpy as np
import pytest

from model.evaluation.fit_confidence import BOUNDS, fit, predicted


def drawn(weights: tuple[float, ...], offset: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 1.5, (4000, len(weights)))
    return evidence, rng.random(4000) < 1 / (1 + np.exp(-(evidence @ np.array(weights) + offset)))


def test_the_factors_that_drew_the_labels_come_back():
    truth = (2.0, 0.6, -0.9, -1.5)
    assert fit(*drawn(truth, -0.5), BOUNDS["hand"]) == pytest.approx([*truth, -0.5], abs=0.25)


@pytest.mark.parametrize("kind, drawn_with, held_at", [("face", 0.8, 0.0), ("hand", 0.8, -1.4), ("hand", -0.9, -1.4)])
def test_a_factor_beyond_its_bounds_is_held_at_the_nearer_one(kind, drawn_with, held_at):
    """More expected error must never make a detection more likely to be right, of hands it must count; size may act either way."""
    evidence, right = drawn((2.0, 0.6, 0.9, drawn_with), -0.5)
    factors = fit(evidence, right, BOUNDS[kind])
    assert factors[3] == held_at
    assert all(low <= factor <= high for factor, (low, high) in zip(factors, BOUNDS[kind], strict=False))
    assert predicted(evidence, factors).mean() == pytest.approx(right.mean(), abs=0.01), "the others are fitted with it in place"


def test_factors_are_held_where_the_evidence_is_far_from_zero():
    """As the logarithms of expected errors are: the first step of the fit must not go too far."""
    evidence, right = drawn((2.0, 0.6, -0.8, -0.9), -0.5)
    shifted = evidence - (0, -6, 2, 4)
    assert predicted(shifted, fit(shifted, right, BOUNDS["hand"])) == pytest.approx(predicted(evidence, fit(evidence, right, BOUNDS["hand"])), abs=0.01)
