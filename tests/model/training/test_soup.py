"""The mean of several runs is a run: to export, and to go on from."""

import json

import pytest
import torch

from model.training import soup
from model.training.train import TrainingError


def write_run(folder, value: float, epochs: int, size: int = 3):
    folder.mkdir()
    trace = {"run": {"name": folder.name}, "pictures": [], "epochs": [{"epoch": n + 1} for n in range(epochs)]}
    average = {"weight": torch.full((size,), value), "count": torch.tensor(epochs)}
    torch.save({"network": average, "average": average, "begun": 0, "trace": json.dumps(trace)}, folder / "last.pt")
    (folder / "trace.json").write_text(json.dumps(trace))
    return folder


def test_the_mean_of_runs_is_a_run(tmp_path):
    runs = [write_run(tmp_path / name, value, epochs) for name, value, epochs in (("one", 1.0, 2), ("two", 4.0, 5))]
    soup.main([*map(str, runs), "--output", str(tmp_path / "mean")])
    state = torch.load(tmp_path / "mean" / "last.pt", weights_only=True)
    assert state["average"]["weight"].tolist() == [2.5] * 3
    assert state["average"]["count"] == 5, "what counts is the last run's"
    trace = json.loads((tmp_path / "mean" / "trace.json").read_text())
    assert trace == json.loads(state["trace"]) and len(trace["epochs"]) == 5
    assert trace["run"]["mean_of"] == ["one, epoch 2", "two, epoch 5"]


def test_networks_of_different_shapes_have_no_mean():
    with pytest.raises(TrainingError, match="different networks"):
        soup.mean([{"weight": torch.zeros(3)}, {"weight": torch.zeros(4)}])


@pytest.mark.parametrize("runs, sentence", [(("one", "nowhere"), "nowhere holds no checkpoint"), (("one", "wide"), "different networks")])
def test_runs_that_cannot_be_averaged_are_named(tmp_path, runs, sentence):
    write_run(tmp_path / "one", 1.0, 1)
    write_run(tmp_path / "wide", 1.0, 1, size=9)
    with pytest.raises(SystemExit, match=sentence):
        soup.main([*(str(tmp_path / run) for run in runs), "--output", str(tmp_path / "mean")])
    assert not (tmp_path / "mean").exists()


def test_nothing_is_overwritten(tmp_path):
    one = write_run(tmp_path / "one", 1.0, 1)
    with pytest.raises(SystemExit, match="exists already"):
        soup.main([str(one), "--output", str(one)])
