"""Inside the first convolution: for any cell of its feature maps the window, the kernel, the products and the sum, from the real weights."""

import base64
from pathlib import Path

import numpy as np
import streamlit as st

from export.graph import stem
from model.inference.network_file import WEIGHTS
from pages.parts.explore.example_picker import Selection
from pages.parts.explore.feature_explorer import COLOURS
from pages.parts.photos.stage_views import crop_points
from pages.parts.style.component_css import component_css

_component = st.components.v2.component(
    "pointillist_convolution_explorer",
    html="""
<div class="maps" role="group" aria-label="The maps of the first convolution"></div>
<div class="views">
  <figure><canvas class="crop" role="img" aria-label="The crop; a square marks the window."></canvas>
    <figcaption>The crop and the window</figcaption></figure>
  <figure><canvas class="map" role="img" tabindex="0"></canvas>
    <figcaption>The map and the cell: point at it, or use the arrow keys</figcaption></figure>
</div>
<div class="channels" role="group" aria-label="Colour channel"></div>
<div class="tables"></div>
<p class="sum" role="status"></p>
""",
    css=component_css(Path(__file__).with_name("convolution_explorer.css")),
    js=Path(__file__).with_name("convolution_explorer.js").read_text(encoding="utf-8"),
)


@st.cache_resource(show_spinner=False, max_entries=4)
def _stem(weights: Path, changed: float, kind: str) -> stem.Stem:
    return stem.read(weights, kind)


def explore_convolution(selection: Selection) -> None:
    """Begins with a map of edges, at the landmark where it is strongest."""
    layer = _stem(WEIGHTS, WEIGHTS.stat().st_mtime, selection.kind)
    data = convolution_data(layer, selection.instance.tensors.crop, crop_points(selection.instance)[:, :2])
    _component(key=f"convolution_{selection.key}", data=data)


def convolution_data(layer: stem.Stem, crop: np.ndarray, points: np.ndarray) -> dict:
    """What the script needs for a crop, uint8 (side, side, 3), and its landmarks (K, 2) in pixels of the crop."""
    maps = layer.maps(crop)
    columns, rows = np.clip(points / stem.STRIDE, 0, len(maps[0]) - 1).astype(int).T
    weight = layer.weight.reshape(len(layer.weight), -1)
    edges = 1 - np.abs(weight.sum(axis=1)) / np.abs(weight).sum(axis=1)  # 1: the kernel's weights cancel out, so that it sees no even area
    first = int((maps[:, rows, columns].max(axis=1) * edges).argmax())
    at = maps[first, rows, columns].argmax()
    row, column = rows[at], columns[at]
    return {
        "pixels": base64.b64encode(crop.tobytes()).decode(),
        "side": len(crop),
        "weight": layer.weight.tolist(),
        "bias": layer.bias.tolist(),
        "stride": stem.STRIDE,
        "padding": stem.PADDING,
        "first": {"map": first, "row": int(row), "column": int(column)},
        "colours": COLOURS.tolist(),
    }
