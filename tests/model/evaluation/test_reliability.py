import numpy as np
import pytest

from model.evaluation import reliability


def outcomes(p: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).random(len(p)) < p


def test_honest_scores_have_next_to_no_calibration_error_and_boasting_ones_have():
    p = np.random.default_rng(0).uniform(0.05, 0.95, 20_000)
    right = outcomes(p)
    boasting = reliability.sigmoid(3 * reliability.logit(p))
    assert reliability.expected_calibration_error(p, right) < 0.02
    assert reliability.expected_calibration_error(boasting, right) > 0.1


@pytest.mark.parametrize("slope, offset", [(3.0, 0.0), (0.5, -1.0)])
def test_the_correction_undoes_what_was_done_to_honest_scores(slope, offset):
    p = np.random.default_rng(0).uniform(0.05, 0.95, 20_000)
    correction = reliability.fit_correction(reliability.Correction(slope, offset)(p), outcomes(p))
    assert correction.slope == pytest.approx(1 / slope, rel=0.1)
    assert correction.offset == pytest.approx(-offset / slope, abs=0.1)


def test_without_an_offset_one_half_stays_one_half():
    scores = np.array([0.9, 0.8, 0.7, 0.99])
    correction = reliability.fit_correction(scores, np.array([True, True, False, True]), with_offset=False)
    assert correction.offset == 0 and correction(np.array([0.5]))[0] == pytest.approx(0.5)


@pytest.mark.parametrize("right", [[], [True] * 5, [False] * 5])
def test_the_correction_is_finite_whatever_happened(right):
    correction = reliability.fit_correction(np.full(len(right), 0.97), np.array(right, bool))
    assert np.isfinite([correction.slope, correction.offset]).all()
    if not right:
        assert correction == reliability.Correction()


def test_sigma_that_tells_the_mean_error_is_right_and_half_of_it_is_found_out():
    rng = np.random.default_rng(0)
    sigma = rng.choice([0.004, 0.012, 0.04], 30_000)
    errors = rng.exponential(sigma)
    assert reliability.fit_sigma(errors, sigma / 2) == pytest.approx(2, rel=0.02)
    assert reliability.sigma_error(errors, sigma) < 0.03 and reliability.sigma_error(errors, sigma / 2) > 0.4
    *bins, everything = reliability.sigma_table(errors, sigma)
    assert sum(row["count"] for row in bins) == everything["count"] == 30_000
    for k, share in reliability.EXPECTED_WITHIN.items():
        assert everything[f"within_{k}_sigma"] == pytest.approx(share, abs=0.02)
