"""Training on a few drawn pictures: it learns, it resumes exactly, it writes its trace."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from export import torch_to_onnx
from model.data.hard_examples import HardExamples
from model.data.landmark_batches import Plan
from model.network.architecture import Landmarks
from model.training import run_log, warm_start
from model.training.landmark_task import demo_task
from model.training.train import TrainingError, check_gradients, crop_size, learning_rate, read_crop, train


def tiny(kind="hand"):
    task = demo_task(kind, 0, rows=24, validation=4)
    task.plan = Plan(own=4, empty=1, others=1)
    return task


def run(folder, epochs, steps=4, peak=1e-3):
    torch.set_num_threads(2)
    return train(tiny(), folder, epochs, steps, peak, 0, (256, 256), 0, compile=False, workers=0, command="test")


@pytest.mark.slow
def test_a_resumed_run_is_the_run_that_never_stopped(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole", 2)
    # learning rates depend on the planned length, so plan two epochs, stop after the first, and go on
    planned = learning_rate
    monkeypatch.setattr("model.training.train.learning_rate", lambda peak, step, steps: planned(peak, step, 8))
    run(tmp_path / "stopped", 1)
    resumed = run(tmp_path / "stopped", 2)
    a, b = (torch.load(tmp_path / n / "last.pt", weights_only=True)["network"] for n in ("whole", "stopped"))
    assert all(torch.equal(a[k], b[k]) for k in a)
    strip = lambda trace: [{k: v for k, v in e.items() if k != "seconds"} for e in trace["epochs"]]  # noqa: E731
    assert strip(whole) == strip(resumed)


@pytest.mark.slow
def test_loss_falls_and_the_trace_tells(tmp_path):
    trace = run(tmp_path, 2, steps=24, peak=0.02)
    assert trace["epochs"][1]["loss"] < trace["epochs"][0]["loss"]
    assert json.loads((tmp_path / "trace.json").read_text())["epochs"] == trace["epochs"]
    entry = trace["epochs"][-1]
    assert {"epoch", "loss", "losses", "learning_rate", "seconds", "accuracy", "nme", "point_nme", "predictions"} <= set(entry)
    assert len(entry["predictions"]) == len(trace["pictures"]) > 0
    for picture, points in zip(trace["pictures"], entry["predictions"]):
        assert (tmp_path / picture["file"]).exists()
        assert np.shape(points) == np.shape(picture["truth"]) == ((21, 2) if picture["kind"] == "hand" else (68, 2))


def test_every_epoch_tells_its_points_on_a_crop_that_is_watched_and_keeps_no_copy_of_it(tmp_path):
    crop = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    given = read_crop(io.BytesIO(crop.tobytes()))
    train(tiny(), tmp_path, 2, 2, 1e-3, 0, (256, 256), 0, compile=False, workers=0, command="test", watched=given)
    first, second = (epoch.watched for epoch in run_log.read(tmp_path / "trace.json").epochs)
    assert first.shape == second.shape == (21, 2) and not np.array_equal(first, second)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and crop.tobytes()[:3000] in path.read_bytes()]
    with pytest.raises(TrainingError, match="standard input"):
        read_crop(io.BytesIO(b"short"))


def test_a_layer_that_learns_nothing_is_an_error():
    layers = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    layers[1](layers[0](torch.ones(1, 3)).detach()).sum().backward()
    with pytest.raises(RuntimeError, match="no gradient reaches 0.weight"):
        check_gradients(layers)


@pytest.mark.parametrize("step, expected", [(0, 1 / 300), (300, 1.0), (400, 1.0), (700, 0.51), (999, 0.02)])
def test_learning_rate(step, expected):
    assert learning_rate(1.0, step, 1000) == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_a_run_that_begins_with_released_weights_continues_their_trace(tmp_path):
    first = run(tmp_path / "first", 1)
    network = torch_to_onnx.load(None, tmp_path / "first" / "last.pt", None)
    (tmp_path / "released").mkdir()
    torch_to_onnx.write(network, tmp_path / "released" / "network.onnx", {})
    (tmp_path / "released" / "trace.json").write_text(json.dumps({"hand": first}))
    second = train(
        tiny(), tmp_path / "second", 1, 2, 1e-3, 0, (256, 256), 0, compile=False, workers=0, command="test", initial=tmp_path / "released" / "network.onnx"
    )
    assert [e["epoch"] for e in second["epochs"]] == [1, 2]
    assert second["epochs"][0] == first["epochs"][0]
    state = torch.load(tmp_path / "second" / "last.pt", weights_only=True)
    assert state["begun"] == 1, "the schedule is that of the new run"
    rows = state["network"]["encoder.smallest.0.0.weight"].flatten(1)
    assert rows.pow(2).mean(1).sqrt().min() > 0.99 * warm_start.TYPICAL, "folding leaves kernels that the optimiser would turn too fast"


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    of_faces = tmp_path / "face.pt"
    torch.save({"average": Landmarks("face").state_dict(), "trace": "{}"}, of_faces)
    with pytest.raises(TrainingError, match=r"face\.pt does not fit a network of --part hand: .* does not fit into"):
        train(tiny(), tmp_path / "run", 1, 2, 1e-3, 0, (256, 256), 0, compile=False, workers=0, command="test", initial=of_faces)


def test_full_resolution_comes_last():
    assert [crop_size(e, 5, 2, (128, 256)) for e in range(1, 6)] == [128, 128, 128, 256, 256]


def explode(task, at, monkeypatch):
    """The loss of the steps `at` (counted over the whole run) is no number."""
    whole, steps = task.loss, iter(range(1000))
    monkeypatch.setattr(
        task, "loss", lambda network, batch: {k: v * (float("nan") if n in at else 1) for n in [next(steps)] for k, v in whole(network, batch).items()}
    )
    return task


def go_on(task, folder, epochs, steps=4):
    return train(task, folder, epochs, steps, 1e-3, 0, (256, 256), 0, compile=False, workers=0, command="test")


def test_a_step_whose_loss_is_no_number_changes_no_weight_and_is_reported(tmp_path, monkeypatch, capsys):
    torch.set_num_threads(2)
    trace = go_on(explode(tiny(), {1}, monkeypatch), tmp_path, 1)
    assert np.isfinite(trace["epochs"][0]["loss"])
    assert "Epoch 1, step 2: the loss is not finite (hand.points" in capsys.readouterr().err
    kept = torch.load(tmp_path / "last.pt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in kept["network"].values())


def test_a_run_that_cannot_go_on_keeps_its_last_good_checkpoint(tmp_path, monkeypatch):
    torch.set_num_threads(2)
    go_on(tiny(), tmp_path, 1, steps=2)
    good = (tmp_path / "last.pt").read_bytes()
    monkeypatch.setattr("model.training.train.MOST_NOT_FINITE", 3)
    with pytest.raises(TrainingError, match="not finite for 3 steps in a row"):
        go_on(explode(tiny(), range(1000), monkeypatch), tmp_path, 2)
    assert (tmp_path / "last.pt").read_bytes() == good


def test_of_two_kept_checkpoints_the_older_one_replaces_a_damaged_one(tmp_path, capsys):
    torch.set_num_threads(2)
    go_on(tiny(), tmp_path, 2, steps=2)
    assert len(json.loads(torch.load(tmp_path / "previous.pt", weights_only=True)["trace"])["epochs"]) == 1
    (tmp_path / "last.pt").write_bytes(b"half a file")
    assert len(go_on(tiny(), tmp_path, 2, steps=2)["epochs"]) == 2
    assert "last.pt is damaged" in capsys.readouterr().err
    for name in ("last.pt", "previous.pt"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(TrainingError, match="No checkpoint"):
        go_on(tiny(), tmp_path, 3, steps=2)


def test_a_training_ends_with_the_process_that_started_it():
    code = (
        "import os, time; from model.training.train import follow; follow(os.getppid() + 1, lambda: print('last')); time.sleep(60)"  # not its parent any more
    )
    ended = subprocess.run([sys.executable, "-u", "-c", code], timeout=50, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (1, "last\n")


def test_presence_learns_from_what_the_detector_found():
    task = tiny()
    grey = np.broadcast_to(np.array([50, 100, 150], np.uint8)[:, None, None, None], (3, 256, 256, 3))
    task.mined = HardExamples(grey, np.array([[1, np.nan], [0, np.nan], [np.nan, 1]]), np.full((3, 2), 0.5))  # a hand, none, and what is a hand perhaps
    task.plan = Plan(own=2, found=3, others=1, empty=20)
    (batch,) = task.stream(256, 1, 1)
    assert batch["present"][:, 0].tolist() == [1] * 5 + [0] * 21
    assert len(batch["target"]["points"]) == 2
    level = [float(np.median(picture)) for picture in batch["image"]]
    assert np.median(level[2:5]) < np.median(level[6:])  # light and colour vary
    assert torch.isfinite(task.loss(task.build(), batch)["hand.presence"])


@pytest.mark.parametrize("alone", [False, True])
def test_a_batch_shows_its_own_kind_first_and_then_what_is_none(alone):
    task = tiny("face")
    if alone:  # nobody needs pictures of hands to train on faces
        task.sets = task.own_sets
    (batch,) = task.stream(256, 1, 1)
    assert batch["image"].shape == (6, 256, 256, 3) and batch["present"].sum() == 4 and batch["target"]["ibug"].shape == (4, 68, 2)
    network = task.build()
    parts = task.loss(network, batch)
    assert set(parts) >= {"face.ibug", "face.presence", "face.heat"} and all(torch.isfinite(v) for v in parts.values())
