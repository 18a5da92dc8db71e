"""The charts of a training run."""

import pandas as pd
import pytest

from model.training.run_log import DetectorEpoch
from pages.parts.learn.training_charts import beyond, loss_chart, loss_frame, loss_notes


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
    assert "▲ Epoch 4 lies beyond the chart: its loss is 271, mostly by its part “sigma”" in notes and "in its first epoch after a change" in notes.split("▲")[1]
    assert "▲ Epoch 8 lies beyond the chart: its loss is 830" in notes and "change" not in notes.split("▲")[2].split("Dashed")[0]
    assert "Dashed lines (from epoch 4)" in notes


def test_another_size_is_marked():
    frame = loss_frame(epochs([4, 3, 2.5, 2.4], sides=[128, 128, 256, 256]))
    (row,) = marks(loss_chart(frame), "rule")
    assert row["epoch"] == 3 and row["changed"] == "From here on the pictures have 256 pixels a side instead of 128."


def test_an_even_run_needs_no_marks():
    frame = loss_frame(epochs([4, 3, 2]))
    assert loss_notes(frame) == "" and not marks(loss_chart(frame), "rule") and not marks(loss_chart(frame), "triangle-up")


def test_the_released_runs_hide_nothing():
    """Whatever the weights' own trace holds, each loss is within its chart or told."""
    from model.training.run_log import read_released

    released = read_released()
    for run in (*(trace.epochs for trace in released.landmarks.values()), released.detector):
        frame = loss_frame(run)
        assert all(f"Epoch {number} " in loss_notes(frame) for number in beyond(frame)["epoch"])
