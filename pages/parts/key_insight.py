"""What a learner should take home."""

import streamlit as st

from model.trace import TrainingTrace


def show_key_insight(trace: TrainingTrace | None) -> None:
    """The one sentence, with the run's own figures where there is a run."""
    text = (
        "**Key insight:** a model learns to find detailed points on hands and faces by extracting image features and "
        "refining its predictions over time."
    )
    if trace:
        first, last = trace.epochs[0], trace.epochs[-1]
        rose = " and ".join(
            f"from {first.accuracy[kind]:.0%} to {last.accuracy[kind]:.0%} on {kind}s" for kind in trace.kinds
        )
        text += f" This one needed {last.number} epochs; the share of points in the right place rose {rose}."
    st.info(text, icon=":material/lightbulb:")
