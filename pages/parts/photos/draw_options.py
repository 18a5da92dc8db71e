"""The switches for what is drawn."""

import streamlit as st

from model.output.draw import Layers

# field of Layers -> what the switch is called
SWITCHES = {
    "skeleton": "Hand bones",
    "contours": "Face contours",
    "mesh": "Face mesh",
    "points": "Points",
    "labels": "Labels",
    "boxes": "Boxes",
    "numbers": "Point numbers",
    "photo": "Photo",
}
DEFAULT = [field for field in SWITCHES if getattr(Layers(), field)]


def choose_layers() -> Layers:
    """The switches; they keep their state for the whole visit."""
    chosen = st.pills(
        "Draw",
        list(SWITCHES),
        selection_mode="multi",
        default=DEFAULT,
        format_func=SWITCHES.__getitem__,
        key="layers",
        persist_state="session",
        wrap=True,
    )
    return Layers(**{field: field in chosen for field in SWITCHES})
