"""The demo training's widgets: start, watch, stop. The run itself is shared by all visitors of this server."""

import streamlit as st

from model.training.run_log import lessons
from pages.parts.shared.visitor import visitor_id
from pages.parts.training import demo_training
from pages.parts.training.demo_training import EPOCHS, DemoTraining
from pages.parts.training.training_charts import accuracy_chart, accuracy_frame, loss_chart, loss_frame


@st.cache_resource(show_spinner=False)
def shared_training() -> DemoTraining:
    """The server's only demo training."""
    return DemoTraining()


def show_train_yourself() -> None:
    training = shared_training()
    st.markdown(
        f"A small training on this computer: {EPOCHS} epochs on hands that a little program draws, a few "
        "minutes in all. It starts from random numbers and shows how learning goes; the network that it makes is "
        "thrown away, and the app's own stays as it is."
    )
    if not demo_training.torch_is_there():
        st.info("Training needs PyTorch, which is not installed here. This command adds it and runs the same training:")
        st.code("python3 make.py train --demo", language="bash")
        st.markdown("Afterwards, reload this page to train from here.")
        return
    _controls(training)
    if training.state == demo_training.RUNNING:
        _watch(training)
    else:
        _curves(training)


def _controls(training: DemoTraining) -> None:
    running, mine = training.state == demo_training.RUNNING, training.owner == visitor_id()
    if running and not mine:
        st.info("Another visitor's training is running. There can be one at a time on a server; you are watching it.")
    with st.container(horizontal=True):
        if not running:
            label = "Train" if training.state == demo_training.IDLE else "Train again"
            st.button(label, type="primary", icon=":material/play_arrow:", on_click=training.start, args=(visitor_id(),), key="train")
        elif mine:
            st.button("Stop", icon=":material/stop:", on_click=training.stop, key="stop_training")


@st.fragment(run_every=1.0)
def _watch(training: DemoTraining) -> None:
    """The running training, once a second; when it ends the whole page is drawn once more."""
    if training.state != demo_training.RUNNING:
        st.rerun()
    progress = training.progress()
    st.progress(progress.share, progress.said)
    _curves(training)


def _curves(training: DemoTraining) -> None:
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
    if state == demo_training.FINISHED:
        st.success("\n".join(["**Done.** What happened:", "", *(f"- {sentence}" for sentence in lessons(trace))]))
