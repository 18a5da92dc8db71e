"""The points that each epoch of a training predicted on fixed crops, to slide and to play through."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from model.runtime.topology import FACE_CONTOURS, FACE_POINTS, FINGERS, HAND_EDGES, IBUG_GROUPS, PALM_COLOUR
from pages.parts.style.component_css import component_css
from pages.parts.style.palette import FACE, KIND_COLOURS

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
    css=component_css(Path(__file__).with_name("epoch_player.css")),
    js=Path(__file__).with_name("epoch_player.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class FixedCrop:
    """address: of the picture, a square of `size` pixels. truth: [x, y] of 21 points of a hand, 68 or 478 of a face, pixels of the crop;
    none of a "photo", on which boxes are shown."""

    address: str
    kind: str
    size: int
    truth: list[list[float]]


@dataclass(frozen=True)
class Step:
    """One epoch: words say its figures; points: the predicted ones of each crop, of a photo its boxes as class, score, x, y, w, h."""

    number: int
    words: str
    points: list[list[list[float]]]


def play(crops: list[FixedCrop], steps: list[Step], key: str) -> None:
    """The slider and the crops."""
    pictures = [
        {
            "address": crop.address,
            "kind": crop.kind,
            "size": crop.size,
            "truth": crop.truth,
            "edges": edges_of(crop.kind, len(crop.truth)) if crop.truth else [],
            "colours": _colours(crop.kind, len(crop.truth)),
        }
        for crop in crops
    ]
    epochs = [{"number": step.number, "words": step.words, "points": step.points} for step in steps]
    _component(key=key, data={"pictures": pictures, "epochs": epochs, "moving": min(LONGEST, max(SHORTEST, WHOLE / len(steps)))})


def edges_of(kind: str, count: int) -> list[list[int]]:
    """The lines of a hand, of the 68 points of a face, or along the contours of its mesh of 478."""
    paths = FACE_CONTOURS if count == FACE_POINTS else IBUG_GROUPS
    edges = HAND_EDGES if kind == "hand" else [edge for path in paths for edge in path.edges]
    return [list(edge) for edge in edges]


def _colours(kind: str, count: int) -> list[str]:
    if kind == "photo":
        return list(KIND_COLOURS.values())  # of its boxes, by class
    if kind != "hand":
        return [FACE] * count
    by_point = {point: finger.colour for finger in FINGERS for point in finger.points}
    return [by_point.get(point, PALM_COLOUR) for point in range(count)]
