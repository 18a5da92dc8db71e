"""Hands that nobody labelled, on photos that no network is trained on: what the file holds, and that a detection of one is right and a miss of one a miss."""

import json

import numpy as np
import pytest

from model.evaluation import natural_photos, unlabelled_hands
from tests.model.evaluation.test_natural_photos import FACE, HAND, OTHER, scenes


@pytest.fixture
def one_known(tmp_path, monkeypatch):
    """OTHER is known as a hand of photo "a", by a box that is a little off."""
    x, y, width, height = scenes(OTHER).objects[0][0, 1:5]
    boxes = [[float(x + 3) / 440, float(y - 3) / 400, float(width) / 440, float(height) / 400]]
    monkeypatch.setattr(unlabelled_hands, "FILE", tmp_path / "known.json")
    unlabelled_hands.FILE.write_text(json.dumps({"a": boxes, "elsewhere": boxes}))


def test_boxes_lie_in_their_photos():
    known = unlabelled_hands.read()
    boxes = np.concatenate(list(known.values()))
    assert len(boxes) > 50 and boxes.shape[1] == 4
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    assert (boxes[:, 2:] > 0).all() and (centres > 0).all() and (centres < 1).all()


@pytest.mark.parametrize("way", natural_photos.TURNS)
def test_a_detection_of_one_is_right(landmarker, one_known, way):
    figures = natural_photos.report(landmarker, scenes(HAND, FACE, shown=[HAND, FACE, OTHER]), 1, ways=(way,))[way]
    labelled, completed = figures["hands"], figures["hands, unlabelled ones too"]
    assert (labelled["labelled"], labelled["recall@0.3"], labelled["precision@0.3"], labelled["false@0.3"]) == (1, 1, 0.5, 1)
    assert (completed["labelled"], completed["recall@0.3"], completed["precision@0.3"], completed["false@0.3"]) == (2, 1, 1, 0)


def test_one_that_is_not_detected_is_a_miss(landmarker, one_known):
    figures = natural_photos.report(landmarker, scenes(HAND, shown=[HAND]), 1, ways=("upright",))["upright"]
    assert figures["hands, unlabelled ones too"]["recall@0.3"] == 0.5
    assert figures["missed hands"] == dict.fromkeys(figures["missed hands"], 0), "reasons are given for labelled hands only"


def test_training_photos_and_other_photos_stay_as_they_are(one_known):
    photos = scenes(HAND)
    photos.split = np.array(["train"])
    assert len(unlabelled_hands.with_unlabelled(photos).objects[0]) == 1
    photos.split = np.array(["tune"])
    assert len(unlabelled_hands.with_unlabelled(photos).objects[0]) == 2
    photos.names[0] = "b"
    assert len(unlabelled_hands.with_unlabelled(photos).objects[0]) == 1
