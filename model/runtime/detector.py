"""Finds where the hands and faces of a whole photo are, and how they are turned.

The network sees at most 256 x 256 pixels at a time: the whole photo first, then, where that view hints at something small or
shows nothing at all, overlapping tiles of the enlarged photo.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.constants import CONSTANTS, CROP, KINDS
from model.runtime.geometry import Halvings, fit, letterbox, transform

_RULE = CONSTANTS["detector"]
_TILES = _RULE["tiles"]
_WEAKEST = min(*_TILES["weak_score"], *_RULE["score"].values())  # what is of any use
_MOST_CANDIDATES = 500  # per photo, before suppression; bounds its pairwise comparison


@dataclass(frozen=True)
class Detection:
    """kind: 'hand' | 'face'. score: 0..1. box: (x, y, w, h) photo pixels. up: unit vector (x right, y down) from
    the wrist to the middle knuckle, or from the chin to the forehead."""

    kind: str
    score: float
    box: tuple[float, float, float, float]
    up: tuple[float, float]


@dataclass(frozen=True)
class View:
    """What the network is shown: picture (H, W, 3), at most 256 x 256; to_photo (3, 3); level 0 = whole photo, then ever closer;
    inner: whether the photo goes on beyond the left, top, right and bottom edge."""

    picture: np.ndarray
    to_photo: np.ndarray
    level: int = 0
    inner: tuple[bool, bool, bool, bool] = (False, False, False, False)


@dataclass(frozen=True)
class Candidates:
    """Detections as arrays of one length: kind (index in KINDS), score, box (N, 4) = left, top, right, bottom in photo
    pixels, up (N, 2), level, and size = the larger side as the network saw it, in pixels of its view."""

    kind: np.ndarray
    score: np.ndarray
    box: np.ndarray
    up: np.ndarray
    level: np.ndarray
    size: np.ndarray

    def __getitem__(self, chosen) -> "Candidates":
        return Candidates(*(array[chosen] for array in vars(self).values()))

    def __add__(self, other: "Candidates") -> "Candidates":
        pairs = zip(vars(self).values(), vars(other).values())
        return Candidates(*(np.concatenate(pair) for pair in pairs))


class Detector:
    """run: (N, H, W, 3) uint8 -> (N, 2, H / 8 x W / 8, 7) float32, the network's `detections`: by kind and grid cell the
    score, centre x, y, width, height in pixels of the view, and the unit vector `up`."""

    def __init__(self, run: Callable[[np.ndarray], np.ndarray]):
        self._run = run

    def find(self, rgb: np.ndarray, closer: bool = True) -> list[Detection]:
        """All hands and faces of a photo (H, W, 3), surest first. closer=False: one look at the whole photo, no tiles."""
        photo = Halvings(rgb)
        candidates = self.look([View(*letterbox(photo))])
        side = CROP
        for level, longer in enumerate(_TILES["longer_sides"] if closer else (), 1):
            # Enlarging beyond the photo's own pixels, or by next to nothing, would show nothing new.
            longer = min(longer, max(rgb.shape[:2]))
            if longer < 1.3 * side:
                break
            side = longer
            views = self._closer_views(photo, level, longer, candidates)
            if not views:
                break
            candidates = candidates + self.look(views)
        return [self._detection(candidates, index) for index in suppress(candidates)[: _RULE["most"]]]

    def _closer_views(self, photo: Halvings, level: int, longer: int, seen: Candidates) -> list[View]:
        """The tiles of this level that are worth a look: all of a large photo, if nothing clear was found; else those with a small hint."""
        # What gives no hint at all in the first view of a small photo is too small in the photo itself.
        if longer == _TILES["longer_sides"][0] and not (seen.score >= _TILES["enough"]).any():
            return tiles(photo, longer, level)
        weak = _TILES["weak_score"][level - 1]
        hints = seen[(seen.level == level - 1) & (seen.size < _TILES["small"]) & (seen.score >= weak)]
        if not len(hints.score):
            return []
        centres = (hints.box[:, :2] + hints.box[:, 2:]) / 2
        return tiles(photo, longer, level, centres)

    def look(self, views: list[View]) -> Candidates:
        """Everything the network sees in some views of a photo, all of one shape; weak and overlapping ones too."""
        found = []
        for start in range(0, len(views), _RULE["batch"]):
            batch = views[start : start + _RULE["batch"]]
            outputs = self._run(np.stack([view.picture for view in batch]))
            found += [decode(output, view) for output, view in zip(outputs, batch)]
        return sum(found[1:], found[0])

    @staticmethod
    def _detection(candidates: Candidates, index: int) -> Detection:
        left, top, right, bottom = map(float, candidates.box[index])
        return Detection(
            KINDS[candidates.kind[index]],
            float(candidates.score[index]),
            (left, top, right - left, bottom - top),
            (float(candidates.up[index, 0]), float(candidates.up[index, 1])),
        )


def tiles(rgb: np.ndarray | Halvings, longer: int, level: int, around: np.ndarray | None = None) -> list[View]:
    """Overlapping 256 x 256 tiles of the photo, resized so that its longer side has `longer` pixels. around: only those
    that show one of these points (N, 2) of the photo."""
    small, to_photo = fit(rgb, longer)
    height, width = small.shape[:2]
    wanted = None if around is None else transform(np.linalg.inv(to_photo), around)
    views = []
    for top in _starts(height):
        for left in _starts(width):
            if wanted is not None and not _inside(wanted - (left, top)).any():
                continue
            picture = np.zeros((CROP, CROP, 3), np.uint8)
            part = small[top : top + CROP, left : left + CROP]
            picture[: part.shape[0], : part.shape[1]] = part
            shift = np.eye(3)
            shift[:2, 2] = left, top
            inner = (left > 0, top > 0, left + CROP < width, top + CROP < height)
            views.append(View(picture, to_photo @ shift, level, inner))
    return views


def _inside(points: np.ndarray) -> np.ndarray:
    """(N,) bool: which points (N, 2) lie in a tile."""
    return np.all((points >= -0.5) & (points <= CROP - 0.5), axis=1)


def _starts(length: int) -> list[int]:
    """Evenly spaced first pixels of tiles that cover `length` pixels and overlap by at least the stated amount."""
    if length <= CROP:
        return [0]
    count = int(np.ceil((length - CROP) / (CROP - _TILES["overlap"]))) + 1
    return np.linspace(0, length - CROP, count).round().astype(int).tolist()


def decode(output: np.ndarray, view: View) -> Candidates:
    """The network's answer (2, cells, 7) for one view -> its candidates, weak ones too, in the photo's frame."""
    kind, cell = np.nonzero(output[..., 0] >= _WEAKEST)
    finite = np.isfinite(output[kind, cell]).all(axis=1)
    kind, cell = kind[finite], cell[finite]
    score, cx, cy, w, h, ux, uy = output[kind, cell].astype(np.float64).T
    half = np.stack([w, h], axis=1) / 2
    centre = np.stack([cx, cy], axis=1)
    low, high = centre - half, centre + half

    # An object cut by a tile's edge is seen whole by the neighbouring tile, or by the level before.
    border = _TILES["border"]
    whole = (half > 0).all(axis=1)
    for beyond, inner in zip((low[:, 0], low[:, 1], CROP - 1 - high[:, 0], CROP - 1 - high[:, 1]), view.inner):
        if inner:
            whole &= beyond >= border

    up = np.stack([ux, uy], axis=1)
    candidates = Candidates(
        kind,
        score,
        np.hstack([transform(view.to_photo, low), transform(view.to_photo, high)]),
        up / np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6),
        np.full(len(kind), view.level),
        2 * half.max(axis=1, initial=0),
    )
    return candidates[whole]


def suppress(candidates: Candidates) -> list[int]:
    """Indices of the detections that stay, surest first: non-maximum suppression by kind, across tiles and levels."""
    order = np.argsort(-candidates.score, kind="stable")
    order = order[sure(candidates)[order]][:_MOST_CANDIDATES]
    chosen = candidates[order]
    left, top, right, bottom = chosen.box.T
    area = (right - left) * (bottom - top)
    shared = _shared(left, right) * _shared(top, bottom) * (chosen.kind == chosen.kind[:, None])  # (N, N) areas that boxes of one kind share
    same = shared > _RULE["nms_iou"] * (area + area[:, None] - shared)

    kept, free = [], np.ones(len(order), bool)
    for index in range(len(order)):
        if free[index]:
            kept.append(index)
            free &= ~same[index]

    # A closer look may take a part (an eye region, a fist) for a whole; the view from further off knows better.
    level = chosen.level[kept]
    part = (shared[np.ix_(kept, kept)] > _RULE["contained"] * area[kept]) & (level > level[:, None])
    return order[kept][~part.any(axis=0)].tolist()


def _shared(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(N, N): how far ranges low..high (N,) overlap each other."""
    return np.maximum(np.minimum(high, high[:, None]) - np.maximum(low, low[:, None]), 0)


def sure(candidates: Candidates) -> np.ndarray:
    """(N,) bool: which ones reach the score of their kind."""
    return candidates.score >= np.array([_RULE["score"][kind] for kind in KINDS])[candidates.kind]
