"""Hands without labels, labelled by the network itself."""

import sys

import numpy as np
import pytest

from model.data import detection_sets, pseudo_labels
from model.data.detection_sets import Scenes
from model.runtime.geometry import box_around
from tests.model.drawn_world import RIGHT_HAND, photo, place

ONE, OTHER = ("hand", 130, 150, 80, 20), ("hand", 330, 280, 60, -70)


def boxes(*hands: tuple) -> np.ndarray:
    return np.array([box_around(place(*hand), 0.07) for hand in hands]).reshape(-1, 4)


def test_what_has_landmarks_needs_none_and_the_rest_gets_them(landmarker):
    rgb = photo(448, 448, ONE, OTHER)
    [label] = pseudo_labels.pseudo_labels(landmarker, rgb, boxes(ONE))
    assert np.linalg.norm(label.landmarks[:, :2] - place(*OTHER), axis=1).max() < 3
    assert label.right == pytest.approx(RIGHT_HAND, abs=0.01) and label.spread.mean() < 0.02
    picture, points = label.crop(rgb)
    assert picture.shape == (256, 256, 3) and np.ptp(points[:, :2], axis=0).max() == pytest.approx(256 / 1.7, abs=1)
    red = picture[..., 0].astype(int) - picture[..., 1]
    inner = points[5:, 1::-1].astype(int)  # the others lie on its edge
    assert red[tuple(inner.T)].min() > 100, "the points lie on the hand"
    assert len(list(pseudo_labels.pseudo_labels(landmarker, rgb, boxes()))) == 2
    assert not list(pseudo_labels.pseudo_labels(landmarker, rgb, boxes(ONE, OTHER)))


def test_views_that_show_no_hand_or_disagree_give_no_label(landmarker, network, monkeypatch):
    rgb = photo(448, 448, ONE)
    network.presence = pseudo_labels.PRESENT - 0.05
    assert not list(pseudo_labels.pseudo_labels(landmarker, rgb, boxes()))
    network.presence = 0.99
    monkeypatch.setattr(pseudo_labels, "MOST_SPREAD", 0.0)
    assert not list(pseudo_labels.pseudo_labels(landmarker, rgb, boxes()))


def test_the_command_keeps_a_set_and_boxes(landmarker, monkeypatch, tmp_path, capsys):
    images = np.stack([photo(448, 448, ONE, OTHER)] * 2)
    objects = [np.concatenate([[[0]], boxes(ONE), [[0, -1, 0]]], 1)] * 2
    ones, names = np.ones(2), ["0.png", "1.png"]
    scenes = Scenes(
        "wild", images, np.full((2, 2), 448), objects, ones > 0, ones < 0, np.array(["train", "val"]), [], ones, ones < 0, names, [np.array([True])] * 2, []
    )
    monkeypatch.setattr(pseudo_labels, "Landmarker", lambda *_: landmarker)
    monkeypatch.setattr(detection_sets, "read_all", lambda *_: [scenes])
    monkeypatch.setattr(sys, "argv", ["pseudo_labels", "--data", str(tmp_path), "--cache", str(tmp_path / "cache")])
    assert not pseudo_labels.read(tmp_path / "cache")
    pseudo_labels.main()
    assert "wild: 1 hands" in capsys.readouterr().out
    [kept] = pseudo_labels.read(tmp_path / "cache")
    assert kept.images.shape == (1, 256, 256, 3) and kept.points.shape == (1, 21, 2) and list(kept.split) == ["train"]
    assert (kept.weights > 0.5).all() and kept.right is not None and list(kept.right) == [-1], "80 % is no sure side"
    unlabelled = detection_sets.read_unlabelled(tmp_path / "cache", "wild")
    assert list(unlabelled) == ["0.png"] and np.abs(unlabelled["0.png"][0] - place(*OTHER)).max() < 3


@pytest.mark.parametrize("ignored", [None, 0.0, 1.0])
def test_a_box_without_a_label_is_added_or_fills_a_doubtful_one(ignored):
    """Beside a face; where the hand is labelled, nothing changes."""
    face = [[1, 300, 20, 90, 110, 0, -1, 0]]
    own = [] if ignored is None else [[0, *(boxes(OTHER)[0] + 4), 0, 0, ignored]]
    rows, points = np.array(face + own, np.float32), np.full((1 + len(own), 21, 2), np.nan, np.float32)
    objects, keypoints = detection_sets.with_unlabelled([place(*OTHER)], rows.copy(), points.copy())
    hands = objects[objects[:, 0] == 0]
    assert len(objects) == len(keypoints) == 2 and len(hands) == 1 and hands[0, 7] == 0
    if ignored == 0.0:
        assert np.array_equal(objects, rows) and np.isnan(keypoints).all()
    else:
        assert hands[0, 1:5] == pytest.approx(boxes(OTHER)[0], abs=0.01) and np.hypot(*hands[0, 5:7]) == pytest.approx(1, abs=1e-5)
        assert np.abs(keypoints[1] - place(*OTHER)).max() < 0.01
