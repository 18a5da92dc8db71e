"""Reading a training trace, and the sentences that are derived from it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from model.training import run_log as traces


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
    trace = traces.read(path)
    assert len(trace.epochs) == 4 and trace.kinds == ("hand", "face") and trace.pck_threshold == 0.1
    assert trace.pictures[0].file == path.parent / "trace" / "0.webp" and trace.pictures[0].truth.shape == (21, 2)
    assert trace.epochs[2].predictions[0].shape == (21, 2)
    assert trace.epochs[0].mean_accuracy == pytest.approx(0.15)


def test_the_runs_behind_the_release(write):
    epochs = [{"epoch": 1, "crop": 256, "crops": 320, "seconds": 9, "loss": 2.5, "sets": {"hand_scenes": {"recall": 0.5, "precision": 0.9}}}]
    released = traces.read_released(write({"hand": document(), "detector": {"run": {}, "epochs": epochs}}))
    (epoch,) = released.detector
    assert len(released.landmarks["hand"].epochs) == 4 and "face" not in released.landmarks
    assert (epoch.side, epoch.pictures, epoch.loss, epoch.sets["hand_scenes"]["recall"]) == (256, 320, 2.5, 0.5)
    assert traces.read_released(write({"hand": document()})).detector == ()
    assert released.detector_pictures == () and epoch.predictions == ()


def test_the_detectors_boxes_are_read(write, tmp_path):
    epoch = {"epoch": 1, "crop": 256, "crops": 320, "seconds": 9, "loss": 2.5, "predictions": [[[0, 0.9, 1, 2, 3, 4]], []]}
    pictures = [{"file": f"trace/detector/{n}.webp"} for n in (0, 1)]
    released = traces.read_released(write({"hand": document(), "detector": {"pictures": pictures, "epochs": [epoch]}}))
    assert [boxes.shape for boxes in released.detector[0].predictions] == [(1, 6), (0, 6)]
    assert released.detector_pictures == (tmp_path / "trace/detector/0.webp", tmp_path / "trace/detector/1.webp")


def test_a_larger_network_is_observed(write):
    content = document()
    for epoch in content["epochs"]:
        epoch["parameters"] = 1000 if epoch["epoch"] < 3 else 1500
    said = traces.observations(traces.read(write(content)))
    assert [" has 1,500 parameters instead of 1,000" in sentence for sentence in said] == [False, False, True, False]


def test_the_epoch_in_which_the_kinds_part_is_observed(write):
    content = document()
    for epoch in content["epochs"][:2]:
        epoch["together"] = True
    said = traces.observations(traces.read(write(content)))
    assert ["network each" in sentence for sentence in said] == [False, False, True, False]


def test_nothing_there_yet(write, tmp_path):
    assert traces.read(tmp_path / "missing.json") is traces.read_released(tmp_path / "missing.json") is None
    assert traces.read_released(write({})) is None
    assert traces.read(write({"run": {}, "epochs": []})) is None


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"epochs": [{}]}', '{"epochs": 3}', '{"epochs": [{"epoch"'])
def test_other_files_are_refused_in_one_sentence(write, content):
    with pytest.raises(traces.TraceError, match=r"^The training trace trace\.json .*\.$"):
        traces.read(write(content))


def test_observations_tell_what_was_special(write):
    said = traces.observations(traces.read(write(document())))
    assert said[0] == "The start: 15% of the points are right."
    assert "25% of the hand points" in said[1] and "50% of the face points" in said[1]
    assert "75% of the hand points" in said[2] and "Converged" in said[2]
    assert "256 pixels a side instead of 128" in said[3]


def test_ordinary_epochs_name_the_most_improved_part(write):
    trace = traces.read(write(document(accuracies=((0.3, 0.3), (0.31, 0.3), (0.32, 0.3)), crops=(64, 64, 64))))
    better = trace.epochs[2].point_nme["face"].copy()
    better[48:60] *= 0.5
    epoch = replace(trace.epochs[2], point_nme=trace.epochs[2].point_nme | {"face": better})
    said = traces.observations(replace(trace, epochs=(*trace.epochs[:2], epoch)))
    assert "lips outer (face), error −50%" in said[2]


def test_a_rising_loss_is_said(write):
    content = document()
    content["epochs"][3]["loss"] = content["epochs"][2]["loss"] * 1.1
    assert "loss rose by 10.0%" in traces.observations(traces.read(write(content)))[3]


def test_a_long_run_tells_only_what_is_special(write):
    """Thirty epochs in which all goes evenly, but for a thumb tip that catches up, a spike, and new data."""
    accuracies = [(0.3 + 0.001 * n, 0.3 + 0.001 * n) for n in range(30)]
    content = document(accuracies, (64,) * 30)
    for epoch in content["epochs"]:
        n = epoch["epoch"]
        epoch["loss"] = 50.0 if n == 12 else 10.1 if n == 16 else 10.0
        epoch["point_nme"]["hand"][4] = 0.19 if n < 20 else epoch["point_nme"]["hand"][0]
        if n >= 25:
            epoch["sets"]["new_hands"] = {}
    said = traces.observations(traces.read(write(content)))
    sentences = {number: sentence for number, sentence in enumerate(said, 1) if sentence}
    assert set(sentences) >= {1, 12, 13, 20, 25} and len(sentences) <= 7
    assert "rose by 400.0%" in sentences[12] and "back from its peak" in sentences[13]
    assert "Catching up (hand): thumb tip, no longer much worse than the rest." in sentences[20] and "new hands" in sentences[25]


def test_a_halved_error_is_said_once(write):
    content = document(accuracies=[(0.2 + 0.02 * n, 0.5) for n in range(25)], crops=(64,) * 25)
    said = traces.observations(traces.read(write(content)))
    (halved,) = [number for number, sentence in enumerate(said, 1) if "mean error of hands is half of that in epoch 1" in sentence]
    mean = [np.mean(epoch["point_nme"]["hand"]) for epoch in content["epochs"]]
    assert mean[halved - 1] <= mean[0] / 2 < mean[halved - 2]


def test_lessons(write):
    said = " ".join(traces.lessons(traces.read(write(document()))))
    assert "In 4 epochs the loss fell from 10 to 2.5." in said
    assert "accuracy rose from 10% to 80%" in said.replace("81%", "80%")
    assert "thumb tip is the hardest at the end (0.190)" in said
    assert "hardest finger is the thumb" in said
    assert "converged in epoch 3" in said


def test_lessons_say_when_other_pictures_count(write):
    content = document()
    assert "other pictures" not in " ".join(traces.lessons(traces.read(write(content))))
    content["epochs"][3]["sets"]["wild"] = {}
    (said,) = [line for line in traces.lessons(traces.read(write(content))) if "other pictures" in line]
    assert said.startswith("From epoch 4 on other pictures count too (wild), and accuracy went from 82% to 83%")


def test_a_run_that_still_improves_has_not_converged(write):
    trace = traces.read(write(document(accuracies=((0.1, 0.1), (0.3, 0.3), (0.5, 0.5)), crops=(64, 64, 64))))
    assert traces.converged(trace) is None
    assert "still rising" in traces.lessons(trace)[-1]


def test_a_run_of_one_kind(write):
    content = document()
    for epoch in content["epochs"]:
        for figures in ("accuracy", "nme", "point_nme"):
            del epoch[figures]["hand"]
    trace = traces.read(write(content))
    assert trace.kinds == ("face",) and traces.finger_errors(trace) == {}
    assert len(traces.observations(trace)) == 4 and traces.lessons(trace)


def test_rows_cover_every_point_once():
    for kind, count in (("hand", 21), ("face", 68)):
        for rows in (traces.rows_of(kind), traces.parts_of(kind)):
            assert sorted(point for points in rows.values() for point in points) == list(range(count))


def test_errors_are_means_over_the_rows_points(write):
    trace = traces.read(write(document()))
    table = traces.errors(trace, "hand", traces.parts_of("hand"))
    assert table.shape == (6, 4)
    assert table[0] == pytest.approx([0.18, 0.12, 0.04, 0.039])
    assert table[1] == pytest.approx([(3 * e + 0.19) / 4 for e in (0.18, 0.12, 0.04, 0.039)])
