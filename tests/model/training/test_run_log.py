"""Reading a training trace."""

import json

import numpy as np
import pytest

from model.training import run_log


def document(accuracies=((0.1, 0.2), (0.4, 0.5), (0.8, 0.85), (0.805, 0.86)), crops=(128, 128, 128, 256)) -> dict:
    """A run with errors of (1 - accuracy) / 5 at every point, except a thumb tip that stays behind."""
    epochs = []
    for number, ((hand, face), crop) in enumerate(zip(accuracies, crops), 1):
        hand_errors = [(1 - hand) / 5] * 21
        hand_errors[4] = 0.19
        epochs.append(
            {
                "epoch": number, "crop": crop, "crops": 640, "seconds": 3.5, "learning_rate": 1e-3, "loss": 10 / number,
                "losses": {"hand.points": 4 / number}, "accuracy": {"hand": hand, "face": face},
                "nme": {"hand": float(np.mean(hand_errors)), "face": (1 - face) / 5},
                "point_nme": {"hand": hand_errors, "face": [(1 - face) / 5] * 68},
                "sets": {"some_hands": {"nme": 0.1, "pck": hand, "rows": 9}},
                "predictions": [[[number, 1.0]] * 21],
            }
        )  # fmt: skip
    pictures = [{"file": "trace/0.webp", "kind": "hand", "size": 256, "truth": [[5.0, 1.0]] * 21}]
    return {"run": {"name": "test"}, "pck_threshold": 0.1, "pictures": pictures, "epochs": epochs}


@pytest.fixture
def write(tmp_path):
    def write(content: dict | str):
        path = tmp_path / "trace.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_read(write):
    path = write(document())
    trace = run_log.read(path)
    assert len(trace.epochs) == 4 and trace.kinds == ("hand", "face") and trace.pck_threshold == 0.1
    assert trace.pictures[0].file == path.parent / "trace" / "0.webp" and trace.pictures[0].truth.shape == (21, 2)
    assert trace.epochs[2].predictions[0].shape == (21, 2)
    assert trace.epochs[0].mean_accuracy == pytest.approx(0.15)


def test_the_runs_behind_the_release(write):
    epochs = [{"epoch": 1, "crop": 256, "crops": 320, "seconds": 9, "loss": 2.5, "sets": {"hand_scenes": {"recall": 0.5, "precision": 0.9}}}]
    released = run_log.read_released(write({"hand": document(), "detector": {"run": {}, "epochs": epochs}}))
    (epoch,) = released.detector
    assert len(released.landmarks["hand"].epochs) == 4 and "face" not in released.landmarks
    assert (epoch.side, epoch.pictures, epoch.loss, epoch.sets["hand_scenes"]["recall"]) == (256, 320, 2.5, 0.5)
    assert run_log.read_released(write({"hand": document()})).detector == ()
    assert released.detector_pictures == () and epoch.predictions == ()


def test_the_detectors_boxes_are_read(write, tmp_path):
    epoch = {"epoch": 1, "crop": 256, "crops": 320, "seconds": 9, "loss": 2.5, "predictions": [[[0, 0.9, 1, 2, 3, 4]], []]}
    pictures = [{"file": f"trace/detector/{n}.webp"} for n in (0, 1)]
    released = run_log.read_released(write({"hand": document(), "detector": {"pictures": pictures, "epochs": [epoch]}}))
    assert [boxes.shape for boxes in released.detector[0].predictions] == [(1, 6), (0, 6)]
    assert released.detector_pictures == (tmp_path / "trace/detector/0.webp", tmp_path / "trace/detector/1.webp")


def test_nothing_there_yet(write, tmp_path):
    assert run_log.read(tmp_path / "missing.json") is run_log.read_released(tmp_path / "missing.json") is None
    assert run_log.read_released(write({})) is None
    assert run_log.read(write({"run": {}, "epochs": []})) is None


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"epochs": [{}]}', '{"epochs": 3}', '{"epochs": [{"epoch"'])
def test_other_files_are_refused_in_one_sentence(write, content):
    with pytest.raises(run_log.TraceError, match=r"^The training trace trace\.json .*\.$"):
        run_log.read(write(content))
