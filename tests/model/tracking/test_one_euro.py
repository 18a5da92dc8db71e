"""Calm at rest, quick in motion."""

import numpy as np
import pytest

from model.tracking.one_euro import OneEuro

SIZE, FPS = 200.0, 30.0


def filtered(speed: float, noise: float, strength: float = 1.0, seconds: float = 6) -> tuple[np.ndarray, np.ndarray]:
    """True and smoothed points (frames, 21, 2) of a hand moving right; speed in sizes / s, noise as a share of it."""
    smooth, rng = OneEuro(), np.random.default_rng(0)
    times = np.arange(int(seconds * FPS)) / FPS
    truth = np.zeros((len(times), 21, 2)) + np.stack([speed * SIZE * times, 0 * times], axis=1)[:, None]
    noisy = truth + rng.normal(0, noise * SIZE / np.sqrt(2), truth.shape)
    return truth, np.stack([smooth(points, time, SIZE, strength) for points, time in zip(noisy, times)])


def test_a_still_hand_stops_trembling():
    truth, smoothed = filtered(speed=0, noise=0.006)
    jitter = np.sqrt(((smoothed - truth)[30:] ** 2).sum(axis=2).mean()) / SIZE
    assert jitter < 0.003


@pytest.mark.parametrize("speed", [0.05, 0.3, 1, 3, 10])
def test_a_moving_hand_lags_less_than_two_frames(speed):
    truth, smoothed = filtered(speed, noise=0.006)
    lag = (truth - smoothed)[30:, :, 0].mean() / (speed * SIZE / FPS)
    assert 0 <= lag < 2


def test_strength_scales_it():
    calm, usual, none = (np.abs(np.diff(filtered(0, 0.006, strength)[1][30:], axis=0)).mean() for strength in (3, 1, 0))
    assert calm < usual < none
    assert np.allclose(OneEuro()(np.ones((3, 2)), 0, SIZE, 0), 1)


def test_scale_does_not_matter():
    near, far = OneEuro(), OneEuro()
    rng = np.random.default_rng(1)
    for frame in range(20):
        points = rng.normal(size=(21, 3))
        assert np.allclose(near(10 * points, frame / FPS, 10 * SIZE), 10 * far(points, frame / FPS, SIZE))


@pytest.mark.parametrize("seconds", [1.0, 0.5])
def test_a_clock_that_stands_still_or_goes_back(seconds):
    smooth = OneEuro()
    smooth(np.zeros((2, 2)), 1.0, SIZE)
    assert np.allclose(smooth(np.ones((2, 2)), seconds, SIZE), 1)  # not smoothed, but no harm done
    assert np.isfinite(smooth(np.ones((2, 2)), 1.1, SIZE)).all()


def test_does_not_keep_hold_of_the_callers_array():
    smooth, points = OneEuro(), np.zeros((2, 2))
    smooth(points, 0, SIZE)
    points += 100
    assert smooth(np.zeros((2, 2)), 0.1, SIZE).max() == 0
