"""Figures by skin tone, light, size, yaw and occlusion: where the network is worse than its average."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..data.samples import Samples
from . import metrics

DEGRADED = {1: "low light", 2: "blurred", 4: "low resolution", 8: "grey"}  # bits of the rendered sets' `degrade`
# Individual typology angle (Chardon et al. 1991): degrees, from dark to light skin.
SKIN = ((-90, -30, "skin: dark"), (-30, 10, "skin: brown"), (10, 28, "skin: tan"), (28, 41, "skin: intermediate"), (41, 91, "skin: light"))
LIGHT = ((0, 30, "picture: dark"), (30, 60, "picture: middling"), (60, 101, "picture: bright"))
SIZE = ((0, 64, "size: under 64 px"), (64, 128, "size: 64-128 px"), (128, 1e9, "size: over 128 px"))
YAW = ((0, 15, "yaw: under 15°"), (15, 40, "yaw: 15-40°"), (40, 181, "yaw: over 40°"))
SEEN = ((0, 0.6, "seen: under 60 % of the points"), (0.6, 0.9, "seen: 60-90 %"), (0.9, 1.01, "seen: over 90 %"))
CHEEKS = np.array([50, 101, 118, 205, 280, 330, 347, 425])  # mesh points


def skin_angle(rgb: np.ndarray, points: np.ndarray) -> float:
    """Individual typology angle, degrees, of the median colour around the points (K, 2): the skin as the picture shows it, in its light.
    NaN when no point lies inside."""
    inside = ((points >= 0) & (points < rgb.shape[1::-1])).all(1)
    if not inside.any():
        return float("nan")
    x, y = points[inside].astype(int).T
    colour = np.median(cv2.blur(rgb, (3, 3))[y, x], axis=0).astype(np.float32) / 255
    lightness, _, yellow = cv2.cvtColor(colour[None, None], cv2.COLOR_RGB2LAB)[0, 0]
    return float(np.degrees(np.arctan2(lightness - 50, max(yellow, 1e-3))))


def lightness(rgb: np.ndarray) -> float:
    """Median L*, 0..100, of the picture where it is not padded with black."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0]
    return float(np.median(lab[rgb.any(2)])) if rgb.any() else 0.0


def _between(values: np.ndarray, ranges: Sequence[tuple[float, float, str]]) -> dict[str, np.ndarray]:
    return {name: (values >= low) & (values < high) for low, high, name in ranges}


def of(s: Samples, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Slice -> (len(rows),) bool, for what is known of this set."""
    pictures = [np.ascontiguousarray(s.images[i]) for i in rows]
    where = [s.points[i][CHEEKS] if s.kind == "face" else s.points[i] for i in rows]
    notes = {name: np.asarray(column)[rows] for name, column in s.notes.items() if len(column) == len(s.split)}
    found = _between(np.array([skin_angle(p, w) for p, w in zip(pictures, where)]), SKIN)
    found |= _between(np.array([lightness(p) for p in pictures]), LIGHT)
    found |= _between(metrics.extent(s.measured[rows]), SIZE)
    if "yaw" in notes:
        found |= _between(np.abs(notes["yaw"]), YAW)
    if "bg" in notes:  # a rendered set: it knows which points are hidden, their weights tell
        weights = (s.weights if s.ibug_weights is None else s.ibug_weights)[rows]
        found |= _between((weights >= weights.max()).mean(1), SEEN)
        found |= {f"rendered {name}": notes["degrade"] & bit > 0 for bit, name in DEGRADED.items()} | {"rendered clean": notes["degrade"] == 0}
        found |= {f"skin texture {n}": notes["skin"] == n for n in np.unique(notes["skin"])}
    for name, label in (("occluder", "something in front"), ("cropped", "cut by the edge")):
        if name in notes:
            found[label] = notes[name] > 0
    for name in ("source", "race"):
        if name in notes:
            found |= {f"{name} {value}": notes[name] == value for value in np.unique(notes[name])}
    return found


def figures(slices: dict[str, np.ndarray], errors: Sequence[float | None], least: int = 5) -> list[dict]:
    """errors: NME of each row, None = missed. Slices of fewer than `least` rows would only show chance and are left out."""
    found = np.array([e is not None for e in errors])
    value = np.array([np.nan if e is None else e for e in errors])
    everything = {"all": np.ones(len(found), bool)} | slices
    return [
        {"slice": name, "rows": int(own.sum()), "found": float(found[own].mean()), "nme": _mean(value[own & found])}
        for name, own in everything.items()
        if own.sum() >= least
    ]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
