"""The detector's task: the boxes that a run records of every epoch on the shipped examples."""

import json

import numpy as np
import pytest
import torch

from export.__main__ import write_trace
from model import Landmarker, open_photo
from model.data import detection_sets
from model.inference.network_file import WEIGHTS
from model.network.architecture import SIZE, Detector
from model.runtime.boxes import iou
from model.training import run_log, warm_start
from model.training.detector_task import EXAMPLES, LEAST, SHOWN, DetectorTask
from model.training.trace_pictures import save_pictures


@pytest.fixture
def task(monkeypatch, tmp_path) -> DetectorTask:
    """Without data: the examples need none."""
    monkeypatch.setattr(detection_sets, "read_all", lambda *_: [object()])
    return DetectorTask(tmp_path, tmp_path, (), 0)


def test_the_released_detectors_boxes_are_those_of_the_app(task):
    network = Detector()
    warm_start.load(network, "detector", WEIGHTS, torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8))
    network.eval()
    pictures = task.pictures()
    assert len(pictures) == len(SHOWN) and all(picture["image"].shape == (SIZE, SIZE, 3) for picture in pictures)
    for name, rows in zip(SHOWN, task.trace(network, pictures, SIZE)):
        photo = open_photo(EXAMPLES / name)
        scale = SIZE / max(photo.shape[:2])
        rows = np.array(rows)
        assert (rows[:, 1] >= LEAST).all()
        large = [hand for hand in Landmarker().detect(photo).hands if max(hand.box[2:]) * scale > 25]
        assert large
        for hand in large:
            assert iou(rows[rows[:, 0] == 0, 2:], scale * np.array([hand.box])).max() > 0.5


def test_the_trace_of_a_release_has_the_pictures_and_boxes(task, tmp_path):
    pictures = task.pictures()
    boxes = [[[1, 0.75, 10.0, 20.0, 30.0, 40.0]] for _ in pictures]
    runs = {}
    for part in ("hand", "face", "detector"):
        folder = tmp_path / part
        shown = save_pictures(pictures, folder / "trace") if part == "detector" else []
        epoch = {"epoch": 1, "crop": 256, "crops": 9, "seconds": 1.0, "learning_rate": 0.1, "loss": 1.5, "accuracy": {}, "nme": {}}
        (folder).mkdir(exist_ok=True)
        document = {"run": {}, "pictures": shown, "epochs": [epoch | {"predictions": boxes if shown else []}]}
        (folder / "trace.json").write_text(json.dumps(document))
        runs[part] = folder
    weights = tmp_path / "weights"
    weights.mkdir()
    write_trace(runs, weights)
    released = run_log.read_released(weights / "trace.json")
    assert len(released.detector_pictures) == len(SHOWN) and all(picture.is_file() for picture in released.detector_pictures)
    assert released.detector[0].predictions[0].tolist() == boxes[0]
