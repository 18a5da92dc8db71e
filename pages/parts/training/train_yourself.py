"""The demo training's widgets: start, watch, stop, go on. The run itself is shared by all visitors of this server, the visitor's example is not."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from model.constants import CROP
from model.training.observations import lessons
from model.training.run_log import TrainingTrace
from pages.parts.shared.data_url import picture_url
from pages.parts.shared.epoch_player import FixedCrop, Step, play
from pages.parts.shared.visitor import visitor_id
from pages.parts.training import demo_training
from pages.parts.training.demo_training import EPOCHS, DemoTraining, StoppedRun, WatchedCrop
from pages.parts.training.epoch_player import in_words
from pages.parts.training.training_charts import accuracy_chart, accuracy_frame, loss_chart, loss_frame


@st.cache_resource(show_spinner=False)
def shared_training() -> DemoTraining:
    """The server's only demo training."""
    return DemoTraining()


def show_train_yourself(kind: str, example: Callable[[], WatchedCrop]) -> None:
    """kind: 'hand' | 'face', what is learned. example: makes the crop on which each epoch's points are shown."""
    training = shared_training()
    st.markdown(
        f"A small training on this computer: {EPOCHS} epochs on {kind}s that a little program draws, a few minutes in all. It starts from random "
        f"numbers; after every epoch you see its points on the {kind} chosen above. The network that it makes is thrown away, and the app's own "
        "stays as it is."
    )
    if not demo_training.torch_is_there():
        st.info("Training needs PyTorch, which is not installed here. This command adds it and runs the same training:")
        st.code("python3 make.py train --demo", language="bash")
        st.markdown("Afterwards, reload this page to train from here.")
        return
    _controls(training, example)
    if training.state == demo_training.RUNNING:
        _watch(training)
    else:
        _curves(training, "demo_player")


def _controls(training: DemoTraining, example: Callable[[], WatchedCrop]) -> None:
    running, mine = training.state == demo_training.RUNNING, training.owner == visitor_id()
    if running and not mine:
        st.info("Another visitor's training is running. There can be one at a time on a server; you are watching it.")
    with st.container(horizontal=True):
        if running:
            if mine:
                st.button("Stop", icon=":material/stop:", on_click=_stop, args=(training,), key="stop_training")
            return
        stopped: StoppedRun | None = st.session_state.get("stopped_training")
        resumable = stopped is not None and stopped.folder.is_there
        if stopped and resumable:
            label = f"Resume after epoch {stopped.epochs}"
            st.button(label, type="primary", icon=":material/resume:", on_click=_resume, args=(training, stopped), key="resume_training")
        label = "Train" if training.state == demo_training.IDLE else "Train again"
        kind: Literal["secondary", "primary"] = "secondary" if resumable else "primary"
        st.button(label, type=kind, icon=":material/play_arrow:", on_click=_start, args=(training, example), key="train")


def _start(training: DemoTraining, example: Callable[[], WatchedCrop]) -> None:
    crop = example()
    if training.start(visitor_id(), crop):
        st.session_state["watched_crop"] = crop
        st.session_state.pop("stopped_training", None)  # and its folder with it


def _stop(training: DemoTraining) -> None:
    training.stop()
    st.session_state["stopped_training"] = training.keep(st.session_state["watched_crop"])


def _resume(training: DemoTraining, stopped: StoppedRun) -> None:
    if stopped.folder.is_there and training.start(visitor_id(), stopped.crop, stopped.folder):
        st.session_state["watched_crop"] = stopped.crop
        st.session_state.pop("stopped_training", None)


@st.fragment(run_every=1.0)
def _watch(training: DemoTraining) -> None:
    """The running training, once a second; when it ends the whole page is drawn once more."""
    if training.state != demo_training.RUNNING:
        st.rerun()
    progress = training.progress()
    st.progress(progress.share, progress.said)
    _curves(training, "demo_player_running")


def _curves(training: DemoTraining, player: str) -> None:
    """player: the key of the visitor's example; a running training has another one, because a fragment does."""
    state, trace = training.state, training.trace()
    if state == demo_training.FAILED:
        st.error(f"The training has failed: {training.complaint() or 'it gave no reason'}")
    elif state == demo_training.STOPPED:
        st.warning(f"Stopped after {len(trace.epochs) if trace else 0} of {EPOCHS} epochs.")
    if trace is None:
        return
    left, right = st.columns(2)
    loss, accuracy = loss_frame(trace.epochs), accuracy_frame(trace)
    left.altair_chart(loss_chart(loss, EPOCHS), alt=f"Loss of the demo training after {len(loss)} epochs.", key="demo_loss")
    right.altair_chart(accuracy_chart(accuracy, EPOCHS), alt="Accuracy of the demo training.", key="demo_accuracy")
    if training.owner == visitor_id() and "watched_crop" in st.session_state:
        _example(st.session_state["watched_crop"], trace, player)
    if state == demo_training.FINISHED:
        st.success("\n".join(["**Done.** What happened:", "", *(f"- {sentence}" for sentence in lessons(trace))]))


def _example(crop: WatchedCrop, trace: TrainingTrace, key: str) -> None:
    """The visitor's example with the points of every epoch."""
    predicted = [epoch.watched for epoch in trace.epochs]
    if any(points is None for points in predicted):
        return
    st.subheader("Your example, epoch by epoch")
    steps = [Step(epoch.number, in_words(epoch), [points.round(1).tolist()]) for epoch, points in zip(trace.epochs, predicted) if points is not None]
    play([FixedCrop(picture_url(crop.rgb), crop.kind, CROP, crop.reference.round(1).tolist())], steps, key)
    st.caption("Coloured points: the network in training. White rings: the app's own network.")
