"""Charts of a training run. Their colours on text and axes are Streamlit's, so they follow light and dark."""

from collections.abc import Sequence
from typing import cast

import altair as alt
import pandas as pd
import streamlit as st

from model.training.observations import changes, errors, rows_of, unusual_part
from model.training.run_log import DetectorEpoch, Epoch, TrainingTrace
from pages.parts.style.palette import KIND_COLOURS

HEIGHT, BELOW = 240, 120  # pixels of a chart, and of what stands below a heat map
LOSS = "#7C6FD0"
MARKS = {"light": "#B94F14", "dark": "#F08A4B"}  # what is written in a chart, by the page's theme

# The trace that the lesson's text gives, for comparison: epoch, loss, accuracy, observation. No network of this project made it.
TEXTBOOK = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 4, 5],
        "loss": [0.12, 0.08, 0.05, 0.035, 0.025],
        "accuracy": [0.65, 0.75, 0.82, 0.88, 0.91],
        "observation": [
            "Learns basic positions.",
            "More precise, so the loss falls.",
            "Learns the shapes of hands and faces.",
            "Learns fine details: finger joints.",
            "Converges: little is left to gain.",
        ],
    }
)


def loss_frame(epochs: Sequence[Epoch | DetectorEpoch]) -> pd.DataFrame:
    """One row per epoch; changed: what is other than before it, in sentences or ""; part: that of the loss which is most unusual in it."""
    changed = changes(epochs)
    rows = [(e.number, e.loss, changed.get(e.number, ""), unusual_part(epochs, index).rsplit(".", 1)[-1]) for index, e in enumerate(epochs)]
    return pd.DataFrame(rows, columns=["epoch", "loss", "changed", "part"])


def accuracy_frame(trace: TrainingTrace) -> pd.DataFrame:
    """One row per epoch and kind; changed: as in loss_frame."""
    changed = changes(trace.epochs)
    rows = [
        {"epoch": epoch.number, "of": f"{kind}s", "accuracy": value, "NME": epoch.nme.get(kind), "changed": changed.get(epoch.number, "")}
        for epoch in trace.epochs
        for kind, value in epoch.accuracy.items()
    ]
    return pd.DataFrame(rows, columns=["epoch", "of", "accuracy", "NME", "changed"])


def recall_frame(epochs: Sequence[DetectorEpoch]) -> pd.DataFrame:
    """One row per epoch and kind of photo; changed: as in loss_frame."""
    changed = changes(epochs)
    kinds = {"hand_scenes": "hands", "face_scenes": "faces"}
    rows = [
        {
            "epoch": e.number, "of": kinds[name], "recall": values["recall"], "precision": values["precision"],
            "changed": changed.get(e.number, ""),
        }
        for e in epochs
        for name, values in e.sets.items()
        if name in kinds
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["epoch", "of", "recall", "precision", "changed"])


def loss_chart(frame: pd.DataFrame, last: int | None = None) -> alt.LayerChart:
    """frame: epoch, loss, and perhaps what loss_frame adds. last: where the axis ends (a run that is not over yet).

    A triangle stands at the edge for a loss beyond it."""
    x = _epochs(frame, last)
    y = alt.Y("loss:Q", title="loss ↓", scale=alt.Scale(domain=[0, _top(frame["loss"])], clamp=True))
    tips = [alt.Tooltip("epoch:Q"), alt.Tooltip("loss:Q", format=".4~g")]
    chart = _with_pointer(alt.Chart(frame).encode(x=x), y, tips, alt.value(LOSS))
    high, chart = beyond(frame), _with_changes(chart, frame, x)
    if len(high):
        edge = alt.Chart(high).encode(x=x, y=alt.value(0), tooltip=tips)
        triangles = edge.mark_point(shape="triangle-up", filled=True, size=90, opacity=1, color=_mark())
        values = edge.mark_text(dy=-10, color=_mark()).encode(text=alt.Text("loss:Q", format=".3~g"))
        chart = _layered(chart, triangles, values)
    return chart


def _layered(*charts: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    return cast(alt.LayerChart, alt.layer(*charts).properties(height=HEIGHT))


def _mark() -> str:
    return MARKS[st.context.theme.type or "light"]


def _top(loss: pd.Series) -> float:
    """Where the axis ends. The mean of one epoch in which a single row went astray may be thirty times the others, and would hide their curve."""
    steady = loss.rolling(3, center=True, min_periods=1).median().max()
    return float(loss[loss <= max(2 * steady, loss.iloc[0])].max()) if len(loss) else 1.0


def beyond(frame: pd.DataFrame) -> pd.DataFrame:
    """The epochs with a loss beyond the chart's edge."""
    return frame[frame["loss"] > _top(frame["loss"])]


def _changed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["changed"] != ""].drop_duplicates("epoch") if "changed" in frame else frame[:0]


def _with_changes(chart: alt.LayerChart, frame: pd.DataFrame, x: alt.X) -> alt.LayerChart:
    """A dashed line, named, where the run went on with another network, size of pictures or data."""
    other = _changed(frame)
    if not len(other):
        return chart
    lines = alt.Chart(other.assign(what=[what_changed(said) for said in other["changed"]])).encode(x=x, tooltip=["epoch", "changed"])
    rules = lines.mark_rule(strokeDash=[4, 3], color=_mark(), opacity=0.8)
    names = lines.mark_text(angle=270, align="right", dx=-4, dy=-5, fontSize=11, color=_mark()).encode(y=alt.value(0), text="what:N")
    return _layered(rules, names, chart)


def what_changed(said: str) -> str:
    """A word or two for the sentences of observations.changes."""
    words = {"size": "pixels a side", "network": "network", "data": "other data"}
    return ", ".join(word for word, found in words.items() if found in said)


def loss_notes(frame: pd.DataFrame) -> str:
    """What the marks of the loss's chart mean, in sentences; "" if it has none. frame: of loss_frame."""
    notes = []
    for row in beyond(frame).itertuples():
        cause = f", mostly by its part “{row.part}”" if row.part else ""
        if row.part == "sigma":
            cause += ": a few points of which the network was much too sure"
        start = ", in its first epoch after a change" if row.changed else ""
        notes.append(f"▲ Epoch {row.epoch} lies beyond the chart: its loss is {row.loss:.0f}{cause}{start}.")
    other = _changed(frame)
    if len(other):
        numbers = ", ".join(map(str, other["epoch"]))
        notes.append(
            f"Dashed lines (from epoch {numbers}): the run goes on with another network, another size of pictures or other data, so losses "
            "before and after one cannot be compared."
        )
    return " ".join(notes)


def accuracy_chart(frame: pd.DataFrame, last: int | None = None) -> alt.LayerChart:
    """frame: epoch, accuracy, and perhaps `of` (a line each) and NME."""
    base = alt.Chart(frame).encode(x=_epochs(frame, last))
    y = alt.Y("accuracy:Q", title="accuracy ↑", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    tips = [alt.Tooltip("epoch:Q"), alt.Tooltip("accuracy:Q", format=".1%")]
    if "of" not in frame:
        return _with_pointer(base, y, tips, alt.value("#009E73"))
    chart = _with_pointer(base, y, [alt.Tooltip("of:N"), *tips, alt.Tooltip("NME:Q", format=".3f")], _by_kind(frame))
    return _with_changes(chart, frame, _epochs(frame, last))


def recall_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """frame: epoch, of, recall, precision."""
    base = alt.Chart(frame).encode(x=_epochs(frame, None))
    y = alt.Y("recall:Q", title="recall ↑", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    tips = [alt.Tooltip("of:N"), alt.Tooltip("epoch:Q"), alt.Tooltip("recall:Q", format=".1%"), alt.Tooltip("precision:Q", format=".1%")]
    return _with_changes(_with_pointer(base, y, tips, _by_kind(frame)), frame, _epochs(frame, None))


def _by_kind(frame: pd.DataFrame) -> alt.Color:
    """Each kind in its colour everywhere; a legend where there is more than one."""
    colours = {f"{kind}s": colour for kind, colour in KIND_COLOURS.items()}
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("of:N", scale=scale, legend=alt.Legend(title=None, orient="top") if frame["of"].nunique() > 1 else None)


def error_map(trace: TrainingTrace, kind: str) -> alt.Chart:
    """Rows of a hand or face, epochs across, the mean error as colour. The scale is logarithmic: equal ratios have equal steps, early and late."""
    rows = rows_of(kind)
    table = errors(trace, kind, rows)
    frame = pd.DataFrame(
        [{"part": name, "epoch": epoch.number, "error": table[row, column]} for row, name in enumerate(rows) for column, epoch in enumerate(trace.epochs)]
    )
    return (
        alt.Chart(frame, height=20 * len(rows) + BELOW)
        .mark_rect()
        .encode(
            x=alt.X("epoch:O", title="epoch", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("part:N", title=None, sort=list(rows), axis=alt.Axis(labelOverlap=False)),
            color=alt.Color(
                "error:Q",
                scale=alt.Scale(type="log", scheme="inferno"),
                legend=alt.Legend(title="error (NME)", orient="bottom", format=".2f"),
            ),
            tooltip=["part", "epoch", alt.Tooltip("error:Q", format=".3f")],
        )
    )


def _epochs(frame: pd.DataFrame, last: int | None) -> alt.X:
    end = max(last or 0, int(frame["epoch"].max()) if len(frame) else 1, 2)
    return alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(domain=[1, end], nice=False))


def _with_pointer(base: alt.Chart, y: alt.Y, tooltip: list, colour) -> alt.LayerChart:
    """A line with dots; the epoch nearest to the pointer is marked."""
    nearest = alt.selection_point(nearest=True, on="pointerover", fields=["epoch"], empty=False)
    line = base.mark_line().encode(y=y, color=colour)
    dots = base.mark_point(filled=True).encode(y=y, color=colour, tooltip=tooltip, size=alt.condition(nearest, alt.value(140), alt.value(30)))
    return _layered(line, dots.add_params(nearest))
