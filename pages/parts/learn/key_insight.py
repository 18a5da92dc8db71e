"""What a learner should take home."""

import streamlit as st

from model.training.run_log import Released


def show_key_insight(released: Released | None) -> None:
    """Features, refinement and how to see that it works, with the runs' own figures where there are runs."""
    text = (
        "**Key insight:** a model learns to find detailed points on hands and faces by extracting image features and "
        "refining its predictions over time. A falling loss together with a rising accuracy confirms that it learns."
    )
    if released:
        rose = " and ".join(
            f"from {run.epochs[0].accuracy[kind]:.0%} to {run.epochs[-1].accuracy[kind]:.0%} on {kind}s in {run.epochs[-1].number} epochs"
            for kind, run in released.landmarks.items()
        )
        text += f" Here the share of points in the right place rose {rose}."
        harder = [f"{kind}s" for kind, run in released.landmarks.items() if set(run.epochs[-1].sets) - set(run.epochs[0].sets)]
        if harder:
            text += f" (Of {' and '.join(harder)}, the last epochs are measured on other pictures than the first: see the training trace.)"
    st.info(text, icon=":material/lightbulb:")
