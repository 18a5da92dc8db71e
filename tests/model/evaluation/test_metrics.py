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


@pytest.mark.parametrize("other, expected", [((0, 0, 10, 10), 1.0), ((5, 0, 10, 10), 1 / 3), ((20, 20, 5, 5), 0.0)])
def test_iou(other, expected):
    assert metrics.iou(np.array([[0, 0, 10, 10]]), np.array([other]))[0, 0] == pytest.approx(expected)


def test_a_true_box_is_matched_once_and_by_the_surer_find():
    found = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [50, 50, 5, 5]])
    assert metrics.match(found, np.array([0.6, 0.9, 0.8]), np.array([[0, 0, 10, 10]]), 0.5).tolist() == [-1, 0, -1]
