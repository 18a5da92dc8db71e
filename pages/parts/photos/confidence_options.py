"""Which detections are shown: the minimum confidence and the maximum number of hands and faces, and whether rejected ones are drawn."""

import streamlit as st

from model.runtime.confidence import MIN_CONFIDENCE
from pages.parts.album.limits import Limits

ALL = "all"
NUMBERS = (*range(11), 15, 20, 30, 50, ALL)  # what a person may choose as the most hands or faces of a photo


def choose_limits() -> Limits:
    """Four sliders, in a part of the page that opens; they keep their state for the whole visit."""
    # Its state is kept by the server: one that is opened while the page is still coming in stays open.
    with st.expander("Confidence and number", icon=":material/tune:", key="limits", on_change="rerun"):
        hand, most_hands = _minimum("hand"), _most("hand")
        face, most_faces = _minimum("face"), _most("face")
    return Limits(hand, face, most_hands, most_faces)


def choose_uncertain() -> bool:
    """A switch; whether uncertain detections are shown."""
    return st.toggle(
        "Show uncertain detections",
        key="uncertain",
        persist_state="session",
        help="Draws, dashed and with its confidence, what the minimum confidence rejects: at most 20 of a photo.",
    )


def _minimum(kind: str) -> float:
    released = MIN_CONFIDENCE[kind]
    percent = st.slider(
        f"Minimum confidence of {kind}s",
        0,
        100,
        round(100 * released),
        format="%d %%",
        key=f"minimum_{kind}",
        persist_state="session",
        help=f"A {kind} with less confidence is an uncertain detection.",
    )
    # The released minimum has fractions of a percent: left where it is, the slider changes nothing.
    return released if percent == round(100 * released) else percent / 100


def _most(kind: str) -> int | None:
    help = f"The most confident {kind}s stay."
    number = st.select_slider(f"Maximum number of {kind}s", NUMBERS, ALL, key=f"most_{kind}s", persist_state="session", help=help)
    return None if number == ALL else number
