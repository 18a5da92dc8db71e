"""The feature maps of one crop, to hover, tap or walk through, with the part of the hand or face that each responds to."""

from pathlib import Path

import cv2
import numpy as np
import streamlit as st

from pages.parts.explore.example_picker import Selection
from pages.parts.explore.feature_parts import BACKGROUND, responds_to
from pages.parts.photos.stage_views import crop_points
from pages.parts.shared import images
from pages.parts.shared.data_url import picture_url
from pages.parts.style.component_css import component_css

COLUMNS = 8
COLOURS = cv2.cvtColor(cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)[0]

_component = st.components.v2.component(
    "pointillist_feature_explorer",
    html="""
<div class="explorer">
  <div>
    <canvas role="img"></canvas>
    <p class="title" role="status"></p>
    <p class="value"></p>
  </div>
  <div class="maps" role="group" aria-label="All feature maps; the arrow keys walk through them"></div>
</div>
""",
    css=component_css(Path(__file__).with_name("feature_explorer.css")),
    js=Path(__file__).with_name("feature_explorer.js").read_text(encoding="utf-8"),
)


def explore_features(selection: Selection) -> None:
    """The maps as a grid; enlarged to begin with is, of those that respond to a part of the hand or face, the one that varies most."""
    trace = selection.instance.tensors
    points = crop_points(selection.instance)[:, :2]
    parts = responds_to(trace.features, points, selection.kind)
    maps = [{"part": part, "low": float(plane.min()), "high": float(plane.max())} for part, plane in zip(parts, trace.features)]
    responding = [index for index, part in enumerate(parts) if part not in ("", BACKGROUND)] or list(range(len(parts)))
    side = len(trace.crop)
    named = [[name, (x + 0.5) / side, (y + 0.5) / side] for name, (x, y) in zip(selection.point_names, points.tolist())]
    data = {
        "crop": picture_url(trace.crop),
        "sheet": picture_url(_sheet(trace.features), quality=None),
        "maps": maps,
        "columns": COLUMNS,
        "first": responding[images.strongest(trace.features[responding])],
        "colours": [[*colour, 255] for colour in COLOURS.tolist()],
        "points": named,
        "kind": selection.kind,
    }
    _component(key=f"features_{selection.key}", data=data)


def _sheet(planes: np.ndarray) -> np.ndarray:
    """Planes (n, h, w) side by side, each scaled to 0..255 by its own range: uint8 RGB without gaps."""
    low, high = planes.min((1, 2), keepdims=True), planes.max((1, 2), keepdims=True)
    levels = np.round((planes - low) / np.maximum(high - low, 1e-9) * 255).astype(np.uint8)
    count, height, width = levels.shape
    rows = -(-count // COLUMNS)
    tiles = np.zeros((rows * COLUMNS, height, width), np.uint8)
    tiles[:count] = levels
    sheet = tiles.reshape(rows, COLUMNS, height, width).swapaxes(1, 2).reshape(rows * height, COLUMNS * width)
    return np.repeat(sheet[..., None], 3, axis=2)
