"""The runs that made the networks' weights: their curves, their tables, their points and what they teach."""

from typing import Literal

import pandas as pd
import streamlit as st

from model.training.observations import lessons, observations
from model.training.run_log import DetectorEpoch, Released, TrainingTrace
from pages.parts.shared.glossary import explain
from pages.parts.training.epoch_player import play_boxes, play_epochs
from pages.parts.training.training_charts import (
    TEXTBOOK,
    accuracy_chart,
    accuracy_frame,
    error_map,
    loss_chart,
    loss_frame,
    loss_notes,
    recall_chart,
    recall_frame,
)

# The last part of a loss's name in the trace -> what it measures.
LOSSES = {
    "points": "distance of the final points from the truth, in percent of the crop's side",
    "ibug": "the same for a face's 68 points",
    "coarse": "the same for the points as the heat maps give them",
    "depth": "error of the depth z, in percent of the crop's side",
    "heat": "how badly the heat maps are concentrated on the true places",
    "sigma": "how badly the network judges its own error",
    "presence": "mistakes about whether the crop shows a hand or face at all",
    "handedness": "mistakes about left and right hands",
}


DETECTOR = "detector"
NETWORKS = {"hand": "Hand landmarks", "face": "Face landmarks", DETECTOR: "Detector"}


def show_training(released: Released) -> None:
    """How the three networks were trained: one of them at a time, as the visitor chooses."""
    there = [*released.landmarks, *([DETECTOR] if released.detector else [])]
    chosen = st.segmented_control(
        "The three networks",
        there,
        default=there[0],
        required=True,
        format_func=NETWORKS.__getitem__,
        key="network",
        persist_state="session",
        bind="query-params",
    )
    if chosen == DETECTOR:
        _detector(released)
    else:
        _landmarks(released.landmarks[chosen], chosen)


def _landmarks(trace: TrainingTrace, kind: str) -> None:
    _run(trace, kind)
    _definitions(trace)
    _curves(trace)
    st.header("Epoch by epoch")
    _table(trace)
    st.header("Watch the points converge")
    st.markdown(
        "Pictures that the network never learned from, and where it put the points after each epoch. White rings are "
        "the true places. Move the slider (arrow keys work too) or press Play."
    )
    play_epochs(trace, f"epoch_player_{kind}")
    st.header("Error per point")
    _errors(trace)
    st.header("What this run shows")
    st.markdown("\n".join(f"- {sentence}" for sentence in lessons(trace)))


def _run(trace: TrainingTrace, kind: str) -> None:
    run = trace.run
    together = sum(epoch.together for epoch in trace.epochs)
    shared = f" (in the first {together} one network learned hands and faces)" if together else ""
    facts = [f"{len(trace.epochs)} epochs{shared}", f"{sum(e.crops for e in trace.epochs):,} crops"]
    facts.append(f"{sum(e.seconds for e in trace.epochs) / 60:.0f} minutes of training")
    if run.get("parameters"):
        facts.append(f"{run['parameters']:,} parameters")
    facts += [str(run[fact]) for fact in ("device", "date") if run.get(fact)]
    st.markdown(f"How the network that finds the points of {kind}s was trained: " + ", ".join(facts) + ".")
    explain("accuracy", "batch", "epoch", "learning rate", "loss", "MCP, PIP, DIP, IP", "NME", "PCK", "parameter", "validation")


def _definitions(trace: TrainingTrace) -> None:
    left, right = st.columns(2, border=True)
    with left:
        st.markdown("**Loss** ↓ is what training makes smaller: one number for all that is wrong with the predictions.")
        st.latex(r"\text{loss} = \textstyle\sum_i w_i \cdot \text{part}_i")
        _loss_parts(trace)
    with right:
        within = f"{trace.pck_threshold:g}" if trace.pck_threshold is not None else "a fixed share"
        st.markdown(
            f"**Accuracy** ↑ is the share of points within **{within}** of the hand's or face's size from the truth (PCK), on pictures kept out of training."
        )
        st.latex(r"\text{accuracy} = \frac{\#\{\,k : \lVert p_k - t_k \rVert \le \tau \cdot \text{size}\,\}}{\#\text{points}}")
        _sets(trace)


def _loss_parts(trace: TrainingTrace) -> None:
    first, last = trace.epochs[0].losses, trace.epochs[-1].losses
    if not last:
        return
    with st.popover("Loss components"):
        rows = [{"part": name.replace(".", ": "), "first": first.get(name), "last": value, "what it is": _meaning(name)} for name, value in last.items()]
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=dict.fromkeys(("first", "last"), _number("%.3g")))


def _meaning(name: str) -> str:
    return LOSSES.get(name.rsplit(".", 1)[-1], "")


def _sets(trace: TrainingTrace) -> None:
    measured = trace.epochs[-1].sets
    if not measured:
        return
    with st.popover("Evaluation sets"):
        rows = [{"pictures": name.replace("_", " "), "number": v.get("rows"), "NME": v.get("nme"), "accuracy": v.get("pck")} for name, v in measured.items()]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={"NME": _number("%.3f"), "accuracy": _number("percent")},
        )
        st.caption("After the last epoch. The curves show the real photos where there are any.")


def _curves(trace: TrainingTrace) -> None:
    ours, textbook = st.columns([3, 2], gap="medium", border=True)
    loss, accuracy = loss_frame(trace.epochs), accuracy_frame(trace)
    with ours:
        st.markdown("**This network**")
        _loss(loss, "Loss")
        _notes(loss)
        words = "; ".join(_curve(str(of), rows["accuracy"], "{:.0%}") for of, rows in accuracy.groupby("of"))
        st.altair_chart(accuracy_chart(accuracy), alt=f"Accuracy. {words}")
    with textbook:
        st.markdown("**A textbook's trace**, for comparison: made up to show the idea, not measured")
        st.altair_chart(loss_chart(TEXTBOOK), alt=_curve("Loss of the textbook's trace", TEXTBOOK["loss"], "{:g}"))
        words = _curve("Accuracy of the textbook's trace", TEXTBOOK["accuracy"], "{:.0%}")
        st.altair_chart(accuracy_chart(TEXTBOOK), alt=words)
        shown = TEXTBOOK.rename(columns={"loss": "loss ↓", "accuracy": "accuracy ↑"}).style.format({"loss ↓": "{:g}", "accuracy ↑": "{:.0%}"})
        st.table(shown, hide_index=True)  # unlike a data frame it breaks lines
    st.caption(
        "The two losses add up different errors, so only their shapes can be compared: steep at first, then flatter "
        "and flatter, while accuracy rises the other way round."
    )


def _loss(frame: pd.DataFrame, what: str) -> None:
    st.altair_chart(loss_chart(frame), alt=f"{_curve(what, frame['loss'], '{:.3g}')}. {loss_notes(frame)}")


def _notes(frame: pd.DataFrame) -> None:
    notes = loss_notes(frame)
    if notes:
        st.caption(notes)
    changed = frame[frame["changed"] != ""]
    if len(changed):
        with st.popover("What changed"):
            st.markdown("\n".join(f"- **Epoch {row.epoch}**: {row.changed}" for row in changed.itertuples()))


def _curve(what: str, values: pd.Series, form: str) -> str:
    return f"{what}: from {form.format(values.iloc[0])} to {form.format(values.iloc[-1])} in {len(values)} epochs"


def _table(trace: TrainingTrace) -> None:
    frame = pd.DataFrame({"epoch": [e.number for e in trace.epochs], "loss": [e.loss for e in trace.epochs]})
    config = {"epoch": st.column_config.NumberColumn(width="small"), "loss": _number("%.4g", "loss ↓", "small")}
    for kind in trace.kinds:
        frame[kind] = [e.accuracy[kind] for e in trace.epochs]
        config[kind] = _number("percent", f"accuracy, {kind}s ↑", "small")
    frame["observation"] = observations(trace)
    config["observation"] = _text()
    st.dataframe(frame, hide_index=True, column_config=config, height=min(38 + 35 * len(frame), 400))


def _errors(trace: TrainingTrace) -> None:
    kinds = [kind for kind in trace.kinds if all(kind in epoch.point_nme for epoch in trace.epochs)]
    if not kinds:
        return
    st.markdown(
        "The mean error of every point (NME) over the epochs: dark is near, bright is far off. "
        "Equal steps of colour are equal ratios, so that late epochs can be distinguished too."
    )
    for column, kind in zip(st.columns(len(kinds), gap="medium"), kinds):
        with column:
            st.markdown(f"**{kind.capitalize()}**")
            st.altair_chart(error_map(trace, kind), alt=f"Heat map of the error of a {kind}'s points in each epoch.")


def _number(form: str, label: str | None = None, width: Literal["small"] | None = None):
    return st.column_config.NumberColumn(label, format=form, width=width)


def _text():
    return st.column_config.TextColumn("observation", width="large")


def _detector(released: Released) -> None:
    epochs: tuple[DetectorEpoch, ...] = released.detector
    st.markdown(
        f"A landmark network needs a crop, and a detector finds the place for it in the photo. How it was trained: {len(epochs)} epochs, "
        f"{sum(e.pictures for e in epochs):,} pictures, {sum(e.seconds for e in epochs) / 60:.0f} minutes. **Recall** is the share of the hands or faces in "
        "validation photos that it finds in one pass (IoU 0.5, score 0.5)."
    )
    loss, recall = loss_frame(epochs), recall_frame(epochs)
    left, right = st.columns(2, gap="medium", border=True)
    with left:
        _loss(loss, "Loss of the detector")
    words = "; ".join(_curve(str(of), rows["recall"], "{:.0%}") for of, rows in recall.groupby("of"))
    right.altair_chart(recall_chart(recall), alt=f"Recall. {words}")
    _notes(loss)
    st.header("Epoch by epoch")
    table = recall.pivot(index="epoch", columns="of", values="recall").add_prefix("recall, ")
    table.insert(0, "loss", loss.set_index("epoch")["loss"])
    table["observation"] = loss.set_index("epoch")["changed"]
    config = {"loss": _number("%.4g", "loss ↓"), "observation": _text()}
    config |= {name: _number("percent", f"{name} ↑") for name in table if name.startswith("recall")}
    st.dataframe(table.reset_index(), hide_index=True, column_config=config, height=min(38 + 35 * len(table), 400))
    heading = st.container()  # stays empty with a run that recorded no boxes
    if play_boxes(released):
        heading.header("Watch the boxes converge")
        heading.markdown(
            "Examples that the network never learned from, and the boxes that it reports on the whole picture, after the epochs for which they were "
            "recorded: orange for hands, blue for faces, dashed below a score of 50 %."
        )
