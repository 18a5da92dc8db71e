"""The heat maps behind the points of a hand or face, and each point's first guess."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from export.graph import face_head
from model import Face, Hand
from model.inference.network_file import WEIGHTS
from model.runtime.topology import POINT_NAMES
from pages.parts.shared import images


@st.cache_resource(show_spinner=False, max_entries=2)
def _face_head(weights: Path, changed: float) -> face_head.FaceHead:
    return face_head.read(weights)


@dataclass(frozen=True)
class HeadMaps:
    """maps (K, 64, 64): each sums to 1. names: of what each is the map. weights (points, K): how the points' first guesses are mixed."""

    maps: np.ndarray
    names: tuple[str, ...]
    weights: np.ndarray

    def of(self, point: int) -> np.ndarray:
        """(64, 64): the map with the point's first guess as its mean: its own, or its mixture of all."""
        return np.tensordot(self.weights[point], self.maps, 1)

    def guess(self, point: int) -> tuple[float, float]:
        """x, y as fractions of the crop's side."""
        return face_head.place(self.of(point))

    def strongest(self, point: int, count: int = 3) -> list[tuple[str, float]]:
        """The maps that weigh most in the point's mixture, with their weights."""
        order = np.argsort(-np.abs(self.weights[point]))[:count]
        return [(self.names[index], float(self.weights[point, index])) for index in order]


def head_maps(instance: Hand | Face) -> HeadMaps:
    """Of a hand: those that the network gave out, one for each point. Of a face: 78, computed from its features (export/graph/face_head.py)."""
    trace = instance.tensors
    if trace.heatmaps is not None:
        return HeadMaps(trace.heatmaps, tuple(name.replace("_", " ") for name in POINT_NAMES["hand"]), np.eye(len(trace.heatmaps), dtype=np.float32))
    head = _face_head(WEIGHTS, WEIGHTS.stat().st_mtime)
    return HeadMaps(head.maps(trace.features), tuple(name.replace("_", " ") for name in face_head.ANCHOR_NAMES), head.spread)


def show_all_maps(heads: HeadMaps) -> None:
    """All maps in one picture."""
    if len(heads.maps) == len(heads.weights):
        alt, caption = "The heat maps of all 21 points", "Where the network expects each point; every map sums to 1."
    else:
        alt = "The 78 heat maps of a face"
        caption = (
            "0 to 67 are the points of the iBUG view (jaw, brows, nose, eyes, lips), 68 to 77 the two irises; every map sums to 1. The network's file "
            "does not give these maps out: they are computed here from the features of stage 3 with the head's own weights, in single precision."
        )
    columns = 7 if len(heads.maps) < 50 else 13
    picture = images.grid(heads.maps, columns=columns, tile=896 // columns)
    st.image(picture, alt=f"{alt} as a grid, numbered row by row.", caption=caption, width="stretch")
