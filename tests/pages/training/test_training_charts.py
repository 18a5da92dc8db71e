"""The charts of a training run."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model.training.run_log import DetectorEpoch, read_released
from pages.parts.training import training_charts
from pages.parts.training.training_charts import (
    accuracy_chart,
    accuracy_frame,
    beyond,
    error_map,
    loss_chart,
    loss_frame,
    loss_notes,
    recall_chart,
    recall_frame,
)

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("loss, top", [
    ([80, 60, 50, 45, 40], 80), ([80, 60, 500, 45, 40], 80), ([80, 90, 120, 150, 130], 150), ([40, 60], 60), ([40], 40), ([], 1),
])  # fmt: skip
def test_one_epoch_gone_astray_does_not_hide_the_others(loss, top):
    frame = pd.DataFrame({"epoch": range(1, len(loss) + 1), "loss": pd.Series(loss, dtype=float)})
    assert f'"domain": [0, {float(top)}]' in loss_chart(frame).to_json(indent=None)


def epochs(losses, parameters=None, sides=None) -> list[DetectorEpoch]:
    count = len(losses)
    return [
        DetectorEpoch(n + 1, (sides or [256] * count)[n], 1, 1.0, loss, {}, {"detector.box": 1.0, "detector.sigma": loss - 50}, (parameters or [7] * count)[n])
        for n, loss in enumerate(losses)
    ]


def marks(chart, shape: str) -> list[dict]:
    """The rows under every mark of this type in a chart's document."""
    document = chart.to_dict()

    def walk(layer):
        for inner in layer.get("layer", ()):
            yield from walk(inner)
        if layer.get("mark", {}).get("shape" if "-" in shape else "type") == shape:
            yield from document["datasets"][layer["data"]["name"]]

    return list(walk(document))


def test_a_loss_beyond_the_edge_is_marked_and_explained():
    frame = loss_frame(epochs([80, 60, 50, 271.2, 45, 44, 43, 829.6, 40, 39], parameters=[7, 7, 7, 9, 9, 9, 9, 9, 9, 9]))
    assert list(beyond(frame)["epoch"]) == [4, 8]
    assert [row["loss"] for row in marks(loss_chart(frame), "triangle-up")] == [271.2, 829.6]
    assert [row["epoch"] for row in marks(loss_chart(frame), "rule")] == [4]
    notes = loss_notes(frame)
    assert (
        "▲ Epoch 4 lies beyond the chart: its loss is 271, mostly by its part “sigma”" in notes and "in its first epoch after a change" in notes.split("▲")[1]
    )
    assert "▲ Epoch 8 lies beyond the chart: its loss is 830" in notes and "change" not in notes.split("▲")[2].split("Dashed")[0]
    assert "Dashed lines (from epoch 4)" in notes


def test_another_size_is_marked():
    frame = loss_frame(epochs([4, 3, 2.5, 2.4], sides=[128, 128, 256, 256]))
    (row,) = marks(loss_chart(frame), "rule")
    assert row["epoch"] == 3 and row["changed"] == "From here on the pictures have 256 pixels a side instead of 128."


def test_other_data_is_marked_and_every_mark_named():
    run = epochs([4, 3, 2.5, 2.4], parameters=[7, 7, 9, 9], sides=[128, 128, 256, 256])
    run = [replace(epoch, sets={"old": {}} | ({"new": {}} if epoch.number == 4 else {})) for epoch in run]
    chart = loss_chart(loss_frame(run))
    assert [row["what"] for row in marks(chart, "rule")] == ["size, network", "data"]
    assert "(measured on: new)" in marks(chart, "rule")[1]["changed"]


def test_the_curves_of_accuracy_and_recall_carry_the_same_marks():
    released = read_released()
    for trace in released.landmarks.values():
        changed = [row["epoch"] for row in marks(loss_chart(loss_frame(trace.epochs)), "rule")]
        assert len(changed) > 3 and [row["epoch"] for row in marks(accuracy_chart(accuracy_frame(trace)), "rule")] == changed
    changed = [row["epoch"] for row in marks(loss_chart(loss_frame(released.detector)), "rule")]
    assert len(changed) > 1 and [row["epoch"] for row in marks(recall_chart(recall_frame(released.detector)), "rule")] == changed


def test_late_epochs_can_be_told_apart_in_the_error_map():
    """The second half of the run takes more of the colours than it would on a linear scale."""
    trace = read_released().landmarks["face"]
    document = error_map(trace, "face").to_dict()
    error = pd.DataFrame(document["datasets"][document["data"]["name"]]).set_index("epoch")["error"]
    assert document["encoding"]["color"]["scale"]["type"] == "log" and error.min() > 0
    late = error[error.index > len(trace.epochs) // 2]
    linear = (late.max() - late.min()) / (error.max() - error.min())
    assert np.log(late.max() / late.min()) / np.log(error.max() / error.min()) > 1.3 * linear


def test_an_even_run_needs_no_marks():
    frame = loss_frame(epochs([4, 3, 2]))
    assert loss_notes(frame) == "" and not marks(loss_chart(frame), "rule") and not marks(loss_chart(frame), "triangle-up")


def test_the_released_runs_hide_nothing():
    """Whatever the weights' own trace holds, each loss is within its chart or named below it."""
    released = read_released()
    for run in (*(trace.epochs for trace in released.landmarks.values()), released.detector):
        frame = loss_frame(run)
        assert all(f"Epoch {number} " in loss_notes(frame) for number in beyond(frame)["epoch"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_written_in_a_chart_can_be_read(theme):
    """WCAG's contrast of 4.5 : 1 on the page's ground."""
    ground = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][theme]["backgroundColor"]
    one, other = sorted((luminance(training_charts.MARKS[theme]), luminance(ground)))
    assert (other + 0.05) / (one + 0.05) >= 4.5


def luminance(colour: str) -> float:
    channels = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
