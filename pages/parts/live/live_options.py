"""What the visitor chooses on the live page, the same in both modes."""

from dataclasses import asdict, dataclass

import streamlit as st

from model.output.draw import Layers

# field of Layers -> what the switch is called
SWITCHES = {"skeleton": "Hand bones", "contours": "Face contours", "mesh": "Face mesh", "points": "Hand points", "labels": "Labels"}
DEFAULT = [field for field in SWITCHES if getattr(Layers(), field)]


@dataclass(frozen=True)
class LiveOptions:
    """layers: what is drawn. smoothing: strength, 1 = normal, 0 = none. min_confidence: 0..1, what is tracked with less is not drawn.
    mirrored: the picture is shown as in a mirror."""

    layers: Layers = Layers()
    smoothing: float = 1.0
    min_confidence: float = 0.0
    mirrored: bool = True

    def for_browser(self) -> dict:
        """The options as JSON-able values."""
        return asdict(self)


def choose_options() -> LiveOptions:
    """The controls beside the live picture, and what they are set to."""
    chosen = st.pills("Draw", list(SWITCHES), selection_mode="multi", default=DEFAULT, format_func=SWITCHES.__getitem__, key="live_layers", wrap=True)
    smoothing = st.slider("Smoothing", 0.0, 3.0, 1.0, 0.25, help="More is steadier; less follows a fast movement with less delay.")
    least = st.slider("Minimum confidence", 0, 100, 0, format="%d %%", help="A hand or face that is tracked with less confidence is not drawn.")
    mirrored = st.toggle("Mirror", value=True, help="A camera that faces away from you is never mirrored on this device.")
    layers = Layers(**{field: field in (chosen or ()) for field in SWITCHES})
    return LiveOptions(layers, smoothing, least / 100, mirrored)
