"""Detection: boxes and orientation of the hands and faces in a whole photo.

The network takes at most 256 x 256 pixels at a time: the whole photo, letterboxed, first; then, where that input gives weak proposals of
small objects or no clear ones at all, overlapping tiles of higher levels of the image pyramid. A photo that lies on its side is turned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..constants import CONSTANTS, CROP, KINDS
from . import boxes
from .geometry import ImagePyramid, fit, letterbox, transform
from .orientation import quarter_turns, turned_back
from .result import Detection

_RULE = CONSTANTS["detector"]
_TILES = _RULE["tiles"]
_LEAST_SCORE = np.array([_RULE["score"][kind] for kind in KINDS])
_WEAKEST = min(*_TILES["weak_score"], *_LEAST_SCORE)  # proposals below it are of no use
_MOST_PROPOSALS = 500  # per photo, before suppression; bounds its pairwise comparison


@dataclass(frozen=True)
class DetectorInput:
    """picture: (H, W, 3) uint8, at most 256 x 256. to_photo: (3, 3), its pixels -> photo pixels. level: of the pyramid, 0 = the whole photo.
    inner: whether the photo goes on beyond the left, top, right and bottom edge."""

    picture: np.ndarray
    to_photo: np.ndarray
    level: int = 0
    inner: tuple[bool, bool, bool, bool] = (False, False, False, False)


@dataclass(frozen=True)
class Proposals:
    """Before suppression, as arrays of one length: kind (index in KINDS), score, box (N, 4) = x, y, w, h in photo pixels, up (N, 2),
    level of the pyramid, and size = the larger side in pixels of the detector's input."""

    kind: np.ndarray
    score: np.ndarray
    box: np.ndarray
    up: np.ndarray
    level: np.ndarray
    size: np.ndarray

    def __getitem__(self, chosen) -> "Proposals":
        return Proposals(*(array[chosen] for array in vars(self).values()))

    def __add__(self, other: "Proposals") -> "Proposals":
        pairs = zip(vars(self).values(), vars(other).values())
        return Proposals(*(np.concatenate(pair) for pair in pairs))


class Detector:
    """run: (N, H, W, 3) uint8 -> (N, 2, H / 8 x W / 8, 7) float32, the network's `detections`: by kind and grid cell the
    score, centre x, y, width, height in pixels of the input, and the unit vector `up`."""

    def __init__(self, run: Callable[[np.ndarray], np.ndarray]):
        self._run = run

    def detect(self, rgb: np.ndarray, tiled: bool = True) -> list[Detection]:
        """All hands and faces of a photo (H, W, 3) uint8, highest score first; where its faces are not upright, those of the photo turned
        until they are. tiled=False: the whole photo only, no tiles."""
        detections = self._detect(rgb, tiled)
        turns = quarter_turns(detections)
        if not turns:
            return detections
        turned = np.ascontiguousarray(np.rot90(rgb, turns))
        height, width = turned.shape[:2]
        return [turned_back(detection, turns, width, height) for detection in self._detect(turned, tiled)]

    def _detect(self, rgb: np.ndarray, tiled: bool) -> list[Detection]:
        """As `detect`, in the orientation that the photo has."""
        pyramid = ImagePyramid(rgb)
        proposals = self.propose([DetectorInput(*letterbox(pyramid))])
        side = CROP
        for level, longer in enumerate(_TILES["longer_sides"] if tiled else (), 1):
            # Enlarging beyond the photo's own pixels, or by next to nothing, adds no detail.
            longer = min(longer, max(rgb.shape[:2]))
            if longer < 1.3 * side:
                break
            side = longer
            inputs = self._tiles_to_search(pyramid, level, longer, proposals)
            if not inputs:
                break
            proposals = proposals + self.propose(inputs)
        return [self._detection(proposals, index) for index in suppress(proposals)[: _RULE["most"]]]

    def _tiles_to_search(self, pyramid: ImagePyramid, level: int, longer: int, seen: Proposals) -> list[DetectorInput]:
        """The tiles of this level that are run: all of a large photo that has no clear proposal; else one around each weak proposal of a small object."""
        # An object without a weak proposal in the letterboxed input of a small photo is too small in the photo itself.
        if longer == _TILES["longer_sides"][0] and not (seen.score >= _TILES["enough"]).any():
            return tiles(pyramid, longer, level)
        least = _TILES["weak_score"][level - 1]
        weak = seen[(seen.level == level - 1) & (seen.size < _TILES["small"]) & (seen.score >= least)]
        if not len(weak.score):
            return []
        centres = weak.box[:, :2] + weak.box[:, 2:] / 2
        return tiles(pyramid, longer, level, centres)

    def propose(self, inputs: list[DetectorInput]) -> Proposals:
        """All proposals for some inputs of one photo, which have one shape; weak and overlapping ones too."""
        proposals = []
        for start in range(0, len(inputs), _RULE["batch"]):
            batch = inputs[start : start + _RULE["batch"]]
            outputs = self._run(np.stack([each.picture for each in batch]))
            proposals += [decode(output, each) for output, each in zip(outputs, batch)]
        return sum(proposals[1:], proposals[0])

    @staticmethod
    def _detection(proposals: Proposals, index: int) -> Detection:
        x, y, w, h = map(float, proposals.box[index])
        return Detection(
            KINDS[proposals.kind[index]],
            float(proposals.score[index]),
            (x, y, w, h),
            (float(proposals.up[index, 0]), float(proposals.up[index, 1])),
        )


def tiles(rgb: np.ndarray | ImagePyramid, longer: int, level: int, around: np.ndarray | None = None) -> list[DetectorInput]:
    """Overlapping 256 x 256 tiles of the photo, resized so that its longer side has `longer` pixels. around: only the tile
    of each of these points (N, 2) of the photo in which it is nearest to the middle."""
    small, to_photo = fit(rgb, longer)
    height, width = small.shape[:2]
    tops, lefts = _starts(height), _starts(width)
    if around is None:
        corners = list(product(tops, lefts))
    else:
        corners = sorted({(_around(tops, y), _around(lefts, x)) for x, y in transform(np.linalg.inv(to_photo), around)})
    inputs = []
    for top, left in corners:
        picture = np.zeros((CROP, CROP, 3), np.uint8)
        part = small[top : top + CROP, left : left + CROP]
        picture[: part.shape[0], : part.shape[1]] = part
        shift = np.eye(3)
        shift[:2, 2] = left, top
        inner = (left > 0, top > 0, left + CROP < width, top + CROP < height)
        inputs.append(DetectorInput(picture, to_photo @ shift, level, inner))
    return inputs


def _around(starts: Sequence[int], pixel: float) -> int:
    """The first pixel of the tile whose middle is nearest to `pixel`."""
    return min(starts, key=lambda start: abs(start + (CROP - 1) / 2 - pixel))


def _starts(length: int) -> list[int]:
    """Evenly spaced first pixels of tiles that cover `length` pixels and overlap by at least the stated amount."""
    if length <= CROP:
        return [0]
    count = int(np.ceil((length - CROP) / (CROP - _TILES["overlap"]))) + 1
    return np.linspace(0, length - CROP, count).round().astype(int).tolist()


def decode(output: np.ndarray, given: DetectorInput) -> Proposals:
    """The network's output (2, cells, 7) for one input -> proposals in the photo's frame, weak ones too."""
    kind, cell = np.nonzero(output[..., 0] >= _WEAKEST)
    values = output[kind, cell].astype(np.float64)  # (N, 7)
    finite = np.isfinite(values).all(axis=1)
    kind, values = kind[finite], values[finite]
    score, centre, size, up = values[:, 0], values[:, 1:3], values[:, 3:5], values[:, 5:7]
    low, high = centre - size / 2, centre + size / 2

    # An object cut by a tile's edge lies whole in the neighbouring tile, or in the level before.
    border = _TILES["border"]
    whole = (size > 0).all(axis=1)
    for beyond, inner in zip((low[:, 0], low[:, 1], CROP - 1 - high[:, 0], CROP - 1 - high[:, 1]), given.inner):
        if inner:
            whole &= beyond >= border

    top_left = transform(given.to_photo, low)
    proposals = Proposals(
        kind,
        score,
        np.hstack([top_left, transform(given.to_photo, high) - top_left]),
        up / np.maximum(np.hypot(up[:, :1], up[:, 1:]), 1e-6),
        np.full(len(kind), given.level),
        size.max(axis=1, initial=0),
    )
    return proposals[whole]


def suppress(proposals: Proposals) -> list[int]:
    """Indices of the proposals that stay, highest score first: non-maximum suppression (NMS) by kind, across tiles and levels."""
    order = np.argsort(-proposals.score, kind="stable")
    order = order[above_threshold(proposals)[order]][:_MOST_PROPOSALS]
    chosen = proposals[order]
    area = boxes.areas(chosen.box)
    shared = boxes.shared_areas(chosen.box, chosen.box) * (chosen.kind == chosen.kind[:, None])  # (N, N), of boxes of one kind
    same = shared > _RULE["nms_iou"] * (area + area[:, None] - shared)

    kept, free = [], np.ones(len(order), bool)
    for index in range(len(order)):
        if free[index]:
            kept.append(index)
            free &= ~same[index]

    # A higher pyramid level may take a part (an eye region, a fist) for a whole; the level below, which shows more around it, decides.
    level = chosen.level[kept]
    part = (shared[np.ix_(kept, kept)] > _RULE["contained"] * area[kept]) & (level > level[:, None])
    return order[kept][~part.any(axis=0)].tolist()


def above_threshold(proposals: Proposals) -> np.ndarray:
    """(N,) bool: which proposals reach the minimum score of their kind."""
    return proposals.score >= _LEAST_SCORE[proposals.kind]
