import cv2
import numpy as np
import pytest

from model.data import augment
from model.data.landmark_batches import sample
from model.data.samples import Samples


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_points_go_where_the_warp_puts_their_pixels(angle, mirror):
    picture = np.zeros((200, 200, 3), np.uint8)
    point = np.array([120.0, 70.0])
    cv2.circle(picture, (120, 70), 3, (255, 255, 255), -1)
    matrix = augment.similarity(np.array([100.0, 90.0]), 150.0, angle, mirror, 128)
    crop = augment.warp(picture, matrix, 128).astype(float)[..., 0]
    ys, xs = np.mgrid[:128, :128]
    seen = np.array([(xs * crop).sum(), (ys * crop).sum()]) / crop.sum()
    assert np.allclose(augment.moved(point, matrix), seen, atol=0.2)


def test_up_of_the_object_is_up_in_the_crop():
    points = np.array([[100.0, 100.0], [140.0, 100.0]])  # points to the right
    centre, side, angle = augment.jittered_roi("hand", points, np.random.default_rng(0), (0, 1), amount=0.0)
    start, end = augment.moved(points, augment.similarity(centre, side, angle, False, 128))
    assert end[1] < start[1] - 10 and abs(end[0] - start[0]) < 1e-6
    assert side == pytest.approx(1.4 * 40)


def test_the_68_point_flip_undoes_itself():
    order = augment.FLIP_IBUG
    assert sorted(order) == list(range(len(order)))
    assert (order[order] == np.arange(len(order))).all()


def test_mesh_flip_is_found_from_a_symmetric_face():
    rng = np.random.default_rng(0)
    others = rng.permutation([i for i in range(468) if i not in (33, 263)])
    right, left = np.append(others[:233], 33), np.append(others[233:], 263)
    mean = np.zeros((478, 2))
    mean[right] = np.stack([rng.uniform(-1, -0.05, 234), rng.uniform(-1, 1, 234)], 1)
    mean[left] = mean[right] * (-1, 1)
    flip = augment.flip_mesh(mean + (0.3, 0))  # wherever the axis lies
    assert (flip[right] == left).all() and (flip[left] == right).all()
    assert flip[468] == 473 and (flip[flip] == np.arange(478)).all()


def one_hand() -> Samples:
    rng = np.random.default_rng(0)
    points = rng.uniform(60, 190, (1, 21, 2)).astype(np.float32)
    return Samples(
        "one",
        "hand",
        "CC0",
        rng.integers(0, 256, (1, 256, 256, 3), dtype=np.uint8),
        points,
        np.zeros((1, 21), np.float32),
        np.ones((1, 21), np.float32),
        np.array(["train"]),
        right=np.array([1], np.int8),
    )


def test_mirroring_swaps_handedness_and_keeps_the_finger_order():
    hands = one_hand()
    flips = {"hand": np.arange(21)}
    sides = set()
    for seed in range(40):
        row = sample(hands, 0, 64, np.random.default_rng(seed), [], flips)
        a, b = row["points"][[5, 17]] - row["points"][0]
        c, d = hands.points[0][[5, 17]] - hands.points[0][0]
        mirrored = np.sign(a[0] * b[1] - a[1] * b[0]) != np.sign(c[0] * d[1] - c[1] * d[0])
        assert row["right"] == (0 if mirrored else 1)
        sides.add(row["right"])
    assert sides == {0, 1}


def test_measured_crops_are_not_altered():
    a, b = (sample(one_hand(), 0, 64, np.random.default_rng(s), [], {}, amount=0.0) for s in (1, 2))
    assert np.array_equal(a["image"], b["image"]) and np.array_equal(a["points"], b["points"])


def test_camera_keeps_shape_and_kind():
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    for seed in range(60):
        out = augment.camera(picture, np.random.default_rng(seed))
        assert out.shape == picture.shape and out.dtype == np.uint8
