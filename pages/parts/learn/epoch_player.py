"""The points that each epoch predicted on the trace's fixed pictures, to slide and to play through."""

from pathlib import Path

import streamlit as st

from model.runtime.topology import FINGERS, HAND_EDGES, IBUG_GROUPS, PALM_COLOUR
from model.training.run_log import Epoch, TrainingTrace, observations
from pages.parts.shared.data_url import file_url
from pages.parts.shared.palette import FACE

LONGEST, SHORTEST, WHOLE = 0.8, 0.12, 12  # seconds: of one epoch at most, at least, and of all together

_component = st.components.v2.component(
    "pointillist_epoch_player",
    html="""
<div class="controls">
  <button type="button"></button>
  <label>Epoch <input type="range" min="0" step="1" /></label>
</div>
<output></output>
<div class="pictures"></div>
""",
    css=Path(__file__).with_name("epoch_player.css").read_text(encoding="utf-8"),
    js=Path(__file__).with_name("epoch_player.js").read_text(encoding="utf-8"),
)


def play_epochs(trace: TrainingTrace, key: str = "epoch_player") -> None:
    """The slider and the pictures; a sentence instead if the trace has no pictures."""
    shown = [
        (index, picture)
        for index, picture in enumerate(trace.pictures)
        if picture.file.is_file() and all(len(epoch.predictions) > index for epoch in trace.epochs)
    ]
    if not shown:
        st.info("This trace comes without pictures.")
        return
    data = {
        "pictures": [
            {
                "address": file_url(picture.file),
                "kind": picture.kind,
                "size": picture.size,
                "truth": picture.truth.tolist(),
                "edges": _edges(picture.kind),
                "colours": _colours(picture.kind, len(picture.truth)),
            }
            for _, picture in shown
        ],
        "epochs": [
            {
                "number": epoch.number,
                "told": f"{told(epoch)}. {seen}",
                "points": [epoch.predictions[index].round(1).tolist() for index, _ in shown],
            }
            for epoch, seen in zip(trace.epochs, observations(trace))
        ],
        "moving": min(LONGEST, max(SHORTEST, WHOLE / len(trace.epochs))),
    }
    _component(key=key, data=data)


def told(epoch: Epoch) -> str:
    """The epoch's figures in words."""
    accuracy = ", ".join(f"{kind}s {value:.0%}" for kind, value in epoch.accuracy.items())
    return f"loss {epoch.loss:.3g}, accuracy {accuracy}"


def _edges(kind: str) -> list[list[int]]:
    edges = HAND_EDGES if kind == "hand" else [edge for group in IBUG_GROUPS for edge in group.edges]
    return [list(edge) for edge in edges]


def _colours(kind: str, count: int) -> list[str]:
    if kind != "hand":
        return [FACE] * count
    by_point = {point: finger.colour for finger in FINGERS for point in finger.points}
    return [by_point.get(point, PALM_COLOUR) for point in range(count)]
