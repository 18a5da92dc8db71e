"""The widgets that train a network of the visitor's own on the corrections: start, watch, stop, take along."""

from functools import partial

import altair as alt
import pandas as pd
import streamlit as st

from model.constants import CROP
from model.output.coco_folder import LabelledPhoto
from pages.parts.correct import teaching
from pages.parts.correct.teaching import Lesson, Taught, shared_teaching
from pages.parts.downloads.download_links import Made, link
from pages.parts.server import background_run
from pages.parts.server.background_run import FAILED, FINISHED, RUNNING, STOPPED, BackgroundRun
from pages.parts.shared.epoch_player import FixedCrop, Step, play
from pages.parts.shared.visitor import visitor_id
from pages.parts.style.palette import FACE, HAND

WITHOUT_TORCH = "Training needs PyTorch, which this server does not have. Download the corrections; in a checkout of the project this trains the same:"
COMMAND = "python3 make.py teach --corrections corrections.zip --kind {kind} --output own"
OWN, KEPT = "your corrected crops", "the project's own pictures"
COLOURS = {OWN: HAND, KEPT: FACE}
LOSS = "#7C6FD0"


def show_teach(photos: list[LabelledPhoto]) -> None:
    """Below the corrections. photos: those that have some."""
    kinds = teaching.counts(photos)
    st.markdown(
        "A short training on your corrections makes a network of your own from the released one. So that it forgets little, it also sees pictures "
        "that come with the project, and goes on answering there as before. This page and all other visitors keep the released network."
    )
    kind = next(iter(kinds))
    if len(kinds) > 1:
        kind = st.segmented_control("Train the network of", list(kinds), default=kind, format_func=lambda each: f"{each}s", required=True, key="teach_kind")
    if not background_run.torch_is_there():
        st.info(WITHOUT_TORCH)
        st.code(COMMAND.format(kind=kind), language="bash")
        return
    run = shared_teaching()
    _collect(run)
    running, mine = run.state == RUNNING, run.owner == visitor_id()
    with st.container(horizontal=True):
        if not running:
            label = f"Train on my corrected {kind}s"
            st.button(label, type="primary", icon=":material/play_arrow:", on_click=_start, args=(run, kind, photos), key="teach")
        elif mine:
            st.button("Stop", icon=":material/stop:", on_click=run.stop, key="stop_teaching")
    st.caption(
        "It takes a minute or a few on this server. The photos reach the training through a pipe, never a disk. What it writes, points and weights, "
        "is removed when your page has taken it over, or with the next training."
    )
    if running and not mine:
        st.info("Another visitor's training is running. There can be one at a time on a server; yours can start when it has ended.")
    elif running:
        _watch(run)
    elif mine and run.state == FAILED:
        st.error(f"The training has failed: {run.complaint() or 'it gave no reason'}")
    elif mine and run.state == STOPPED:
        st.warning("The training was stopped.")
    if not running and "taught" in st.session_state:
        _show_taught(st.session_state["taught"])


def _start(run: BackgroundRun, kind: str, photos: list[LabelledPhoto]) -> None:
    lesson = teaching.start(run, visitor_id(), kind, photos)
    if lesson is not None:
        st.session_state["lesson"] = lesson
        st.session_state.pop("taught", None)


def _collect(run: BackgroundRun) -> None:
    """A finished training of this visitor goes into the visit's memory, and its folder away."""
    if run.state == FINISHED and run.owner == visitor_id():
        content, trace = run.file(teaching.ZIP), run.document(teaching.TRACE)
        if content and trace and "lesson" in st.session_state:
            st.session_state["taught"] = Taught(st.session_state["lesson"], trace, content)
            run.forget()


@st.fragment(run_every=1.0)
def _watch(run: BackgroundRun) -> None:
    """The running training, once a second; when it ends the whole page is drawn once more."""
    if run.state != RUNNING:
        st.rerun()
    trace = run.document(teaching.TRACE)
    epochs = trace["epochs"] if trace else []
    planned = trace["run"]["planned"] if trace else 1
    done = max(len(epochs) - 1, 0)
    words = f"Epoch {done} of {planned} is done." if trace else "Loading the network and your corrections …"
    st.progress(min(done / planned, 1.0), words if done < planned else "Writing your network's file, and measuring it …")
    if trace:
        _curves(epochs, planned)
        _show_points(st.session_state["lesson"], trace, "teach_player_running")


def _curves(epochs: list[dict], planned: int) -> None:
    left, right = st.columns(2)
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[0, planned]), axis=alt.Axis(tickMinStep=1, format="d"))
    loss = pd.DataFrame([(epoch["number"], epoch["loss"]) for epoch in epochs if epoch["loss"] is not None], columns=["epoch", "loss"])
    curve = alt.Chart(loss).mark_line(point=alt.OverlayMarkDef(color=LOSS), color=LOSS)
    curve = curve.encode(x=x, y=alt.Y("loss:Q", title="loss ↓"), tooltip=[alt.Tooltip("epoch:Q"), alt.Tooltip("loss:Q", format=".3~g")])
    left.altair_chart(curve.properties(height=220), alt=f"The loss after each of {len(loss)} epochs.", key="teach_loss")
    rows = [(epoch["number"], name, epoch[field]) for epoch in epochs for name, field in ((OWN, "own"), (KEPT, "kept")) if epoch[field] is not None]
    frame = pd.DataFrame(rows, columns=["epoch", "on", "error"])
    colour = alt.Color(
        "on:N", title=None, scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())), legend=alt.Legend(orient="bottom", labelLimit=0)
    )
    lines = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            x=x,
            y=alt.Y("error:Q", title="error ↓", axis=alt.Axis(format="%")),
            color=colour,
            strokeDash=alt.StrokeDash("on:N", legend=None, scale=alt.Scale(domain=list(COLOURS), range=[[1, 0], [6, 3]])),
            tooltip=[alt.Tooltip("epoch:Q"), alt.Tooltip("on:N"), alt.Tooltip("error:Q", format=".2%")],
        )
    )
    right.altair_chart(lines.properties(height=260), alt="The mean error of the points on your crops and on the project's own pictures.", key="teach_error")


def _show_points(lesson: Lesson, trace: dict, key: str) -> None:
    """The corrected crops with the points of every epoch; white rings are the corrected places."""
    truth = trace["run"]["truth"][: len(lesson.crops)]
    if truth:
        crops = [FixedCrop(address, lesson.kind, CROP, points) for address, points in zip(lesson.crops, truth)]
        steps = [Step(epoch["number"], _described(epoch), epoch["predictions"][: len(crops)]) for epoch in trace["epochs"]]
        play(crops, steps, key)
        st.caption("White rings are your corrected points, coloured ones the network's.")


def _described(epoch: dict) -> str:
    before = "before the training; " if epoch["number"] == 0 else ""
    return f"{before}error {epoch['own']:.1%} on {OWN}, {epoch['kept']:.1%} on {KEPT}"


def _show_taught(taught: Taught) -> None:
    trace = taught.trace
    before, after = trace["figures"]["before"], trace["figures"]["after"]
    st.markdown(f"**Your {taught.lesson.kind} network is ready**, after {trace['run']['seconds']:.0f} seconds. Mean error of the points, by its file:")
    columns = st.columns(2)
    for column, (name, title) in zip(columns, (("corrected", OWN), ("built_in", KEPT))):
        if after[name] is not None:
            change = after[name] / before[name] - 1
            column.metric(f"On {title}", f"{after[name]:.1%}", f"{change:+.0%} (before: {before[name]:.1%})", delta_color="inverse")
    st.caption(
        f"As a fraction of the {taught.lesson.kind}'s size. Your crops were trained on, the project's own pictures were not: a rise there is forgetting."
    )
    link(
        "Download my network (ZIP)", teaching.ZIP, help="own.onnx, its trace and its card", made=Made(partial(_pieces, taught), teaching.ZIP, "application/zip")
    )
    st.markdown('Use it: `pointillist prepare own.onnx`, then `pointillist detect PHOTO --weights own.onnx` or `Landmarker(weights="own.onnx")` in Python.')
    _curves(trace["epochs"], trace["run"]["planned"])
    _show_points(taught.lesson, trace, "teach_player")


def _pieces(taught: Taught):
    yield taught.content
