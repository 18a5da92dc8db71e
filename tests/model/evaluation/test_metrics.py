import numpy as np
import pytest

from model.evaluation import metrics


def test_nme_and_pck_of_a_known_error():
    truth = np.zeros((1, 4, 2))
    truth[0, :, 0] = [0, 10, 20, 100]
    found = truth + [[[3, 4]]]  # five pixels off everywhere
    errors = metrics.point_errors(found, truth, metrics.extent(truth))
    assert metrics.nme(errors) == pytest.approx(0.05)
    assert metrics.pck(errors, 0.05) == 1 and metrics.pck(errors, 0.049) == 0


def test_pa_mpjpe_forgives_a_similarity_but_not_a_reflection():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(1, 21, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    assert metrics.pa_mpjpe(truth @ turn * 3 + 5, truth)[0] == pytest.approx(0, abs=1e-9)
    assert metrics.pa_mpjpe(truth * (-1, 1, 1), truth)[0] > 0.1
