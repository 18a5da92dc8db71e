"""Which part of a hand or face a feature map responds to: where on it the map's values stand out."""

import numpy as np

from model.constants import CROP
from model.runtime.topology import FACE_CONTOURS, FINGERS, HAND_EDGES, PALM

STANDS_OUT = 0.5  # standard deviations of the map above its mean
FAR = 0.12  # of the crop's side: cells this far from every point are background
BACKGROUND = "background"


def responds_to(features: np.ndarray, points: np.ndarray, kind: str) -> list[str]:
    """For each map of features (n, h, w) the part with the highest mean value, or '' if none stands out.

    points: (21 or 478, 2) crop pixels, an integer is a pixel's centre. kind: 'hand' or 'face'.
    """
    planes = np.asarray(features, np.float64)
    n, h, w = planes.shape
    flat = planes.reshape(n, -1)
    spread = flat.std(axis=1, keepdims=True)
    flat = (flat - flat.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)

    fractions = (np.asarray(points, np.float64)[:, :2] + 0.5) / CROP
    means = {name: _mean(flat, fractions, lines, h, w) for name, lines in _parts(kind).items()}
    means[BACKGROUND] = _background(flat, fractions, h, w)
    names, table = list(means), np.array(list(means.values()))  # (parts, n)
    best = table.argmax(axis=0)
    return [names[part] if table[part, index] >= STANDS_OUT else "" for index, part in enumerate(best)]


def _parts(kind: str) -> dict[str, list[tuple[int, int]]]:
    """Part -> the lines (pairs of points) that run along it."""
    if kind == "hand":
        lines = {finger.name: [e for e in HAND_EDGES if set(e) <= set(finger.points)] for finger in FINGERS}
        return {f"{name} finger" if name != "thumb" else name: edges for name, edges in lines.items()} | {"palm": list(PALM.edges)}
    return {contour.name.replace("_", " "): list(contour.edges) for contour in FACE_CONTOURS}


def _mean(flat: np.ndarray, fractions: np.ndarray, lines: list[tuple[int, int]], h: int, w: int) -> np.ndarray:
    """(n,) mean over the cells that the lines run through; -inf if they all lie outside the crop."""
    steps = np.linspace(0, 1, 9)[:, None, None]
    start, end = fractions[[a for a, _ in lines]], fractions[[b for _, b in lines]]
    places = (start * (1 - steps) + end * steps).reshape(-1, 2)
    cells = np.floor(places * (w, h)).astype(int)
    cells = cells[((cells >= 0) & (cells < (w, h))).all(axis=1)]
    inside = np.unique(cells[:, 1] * w + cells[:, 0])
    return flat[:, inside].mean(axis=1) if len(inside) else np.full(len(flat), -np.inf)


def _background(flat: np.ndarray, fractions: np.ndarray, h: int, w: int) -> np.ndarray:
    ys, xs = np.mgrid[:h, :w]
    cells = np.stack([(xs.ravel() + 0.5) / w, (ys.ravel() + 0.5) / h], axis=1)
    squared = (cells**2).sum(1)[:, None] + (fractions**2).sum(1)[None] - 2 * cells @ fractions.T
    far = squared.min(axis=1) > FAR**2
    return flat[:, far].mean(axis=1) if far.any() else np.full(len(flat), -np.inf)
