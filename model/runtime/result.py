"""The result for one photo. Every length is in pixels of the upright photo, an integer is a pixel's centre."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, TypeVar

import numpy as np

from ..constants import CONSTANTS
from .geometry import ROI, extent


class _ReadOnlyArrays:
    """Arrays of a frozen result cannot be written to: results are shared between pages and threads."""

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Trace(_ReadOnlyArrays):
    """The real tensors behind one hand or face, for pages that show how it was predicted.

    crop: (256, 256, 3) uint8 RGB, the network's input. features: (64, 64, 64) float32, channels first.
    vector: (63,) for a hand or (1434,) for a face, float32: x, y, z per point as the network gives them; x = (px + 0.5)
    / 256 with px a crop pixel, z = crop pixels / 256. heatmaps: (21, 64, 64) float32, each sums to 1; None for a face.
    presence: 0..1. roi: where the crop lies in the photo (its `mirrored` is that of the photo when it was analysed).
    """

    crop: np.ndarray
    features: np.ndarray
    vector: np.ndarray
    heatmaps: np.ndarray | None
    presence: float
    roi: ROI


@dataclass(frozen=True)
class Detection:
    """kind: 'hand' | 'face'. score: 0..1. box: (x, y, w, h) photo pixels. up: unit vector (x right, y down) from
    the wrist to the middle knuckle, or from the chin to the forehead."""

    kind: str
    score: float
    box: tuple[float, float, float, float]
    up: tuple[float, float]


class _Instance(_ReadOnlyArrays):
    """What hands and faces have in common."""

    kind: ClassVar[str]  # 'hand' | 'face'
    landmarks: np.ndarray
    sigma: np.ndarray
    trace: Trace | None

    @property
    def tensors(self) -> Trace:
        """`trace`, for code that cannot go on without it. Raises ValueError where `detect` was called without trace=True."""
        if self.trace is None:
            raise ValueError("There are no tensors: call detect with trace=True.")
        return self.trace

    @property
    def size(self) -> float:
        """The larger side of the landmarks' bounding box, photo pixels."""
        (left, top), (right, bottom) = extent(self.landmarks)
        return max(right - left, bottom - top)

    @cached_property
    def uncertainty(self) -> float:
        """The mean expected error of the landmarks as a fraction of `size`."""
        return float(self.sigma.mean()) / max(self.size, 1e-6)


@dataclass(frozen=True, eq=False)
class Hand(_Instance):
    """One hand.

    kind: 'hand'. landmarks: (21, 3) float32: x, y in photo pixels (may lie outside the photo), z in the same scale relative to the
    wrist, smaller = nearer to the camera; order and names: topology.HAND_POINTS. score: 0..1, the confidence that this
    is a hand. box: (x, y, w, h) photo pixels. sigma: (21,) float32, the expected error of each point in photo pixels.
    handedness: 'left' | 'right', the person's real hand given an unmirrored photo; handedness_score: 0.5..1.
    roi: the crop it was predicted from. crops: how many crops landmarks and handedness are the mean of; of several, roi and
    trace are the first one's. trace: only on request. track: number of the track it belongs to (live only).
    """

    kind: ClassVar[str] = "hand"
    landmarks: np.ndarray
    score: float
    box: tuple[float, float, float, float]
    sigma: np.ndarray
    handedness: str
    handedness_score: float
    roi: ROI
    trace: Trace | None = None
    track: int | None = None
    crops: int = 1

    @property
    def right_probability(self) -> float:
        """The probability, 0..1, that it is a right hand."""
        return self.handedness_score if self.handedness == "right" else 1 - self.handedness_score

    @property
    def handedness_is_clear(self) -> bool:
        """Whether the side is more than a coin's toss; if not, pages and files say so."""
        return self.handedness_score >= CONSTANTS["landmarks"]["min_handedness"]


@dataclass(frozen=True, eq=False)
class Face(_Instance):
    """One face.

    kind: 'face'. landmarks: (478, 3) float32: x, y in photo pixels, z in the same scale relative to the face's centre, smaller =
    nearer; the canonical mesh's order (468 + two irises). ibug68: (68, 2) float32 photo pixels, the 68-point view,
    learned from human labels. The rest as for a hand; sigma is (478,).
    """

    kind: ClassVar[str] = "face"
    landmarks: np.ndarray
    score: float
    box: tuple[float, float, float, float]
    sigma: np.ndarray
    ibug68: np.ndarray
    roi: ROI
    trace: Trace | None = None
    track: int | None = None


Instance = Hand | Face
_Any = TypeVar("_Any", bound=Instance)


@dataclass(frozen=True, eq=False)
class Result:
    """All hands and faces of one photo, most confident first. Without any the tuples are empty.

    width, height: of the upright photo in pixels. timings: milliseconds by stage ('detect', 'crop', 'landmarks',
    'total'). uncertain: what the minimum confidence rejected, if `detect` was called with max_uncertain.

    >>> from model import Landmarker, open_photo
    >>> result = Landmarker().detect(open_photo("model/examples/greeting.webp"))
    >>> x, y, z = result.faces[0].landmarks[1]  # the tip of the nose, pixels of the photo
    >>> bool(0 < x < result.width and 0 < y < result.height)
    True
    >>> bool(result.mirrored().faces[0].landmarks[1, 0] == result.width - 1 - x)
    True
    """

    width: int
    height: int
    hands: tuple[Hand, ...]
    faces: tuple[Face, ...]
    timings: dict[str, float]
    uncertain: tuple[Instance, ...] = ()

    def filtered(self, min_confidence: Mapping[str, float], max_count: Mapping[str, int | None] | None = None) -> "Result":
        """The same detections under other limits, without running a network: what reaches the minimum confidence of its kind ('hand',
        'face'), at most `max_count` of it (None: all). What is confident but one too many is left out; the rest is uncertain."""
        known = sorted((*self.hands, *self.faces, *self.uncertain), key=lambda instance: -instance.score)

        def confident(kind: str, type_: type) -> list:
            return [instance for instance in known if isinstance(instance, type_) and instance.score >= min_confidence[kind]]

        hands, faces = confident("hand", Hand), confident("face", Face)
        uncertain = tuple(instance for instance in known if not any(instance is other for other in (*hands, *faces)))
        max_count = max_count or {}
        return replace(self, hands=tuple(hands[: max_count.get("hand")]), faces=tuple(faces[: max_count.get("face")]), uncertain=uncertain)

    def mirrored(self) -> "Result":
        """The same result for the photo flipped left to right, as a mirrored preview shows it.

        Points move, `handedness` stays: it names the person's real hand.
        """
        return replace(
            self,
            hands=tuple(self._mirror(hand) for hand in self.hands),
            faces=tuple(self._mirror(face) for face in self.faces),
            uncertain=tuple(self._mirror(instance) for instance in self.uncertain),
        )

    def _mirror(self, instance: _Any) -> _Any:
        last = self.width - 1
        x, y, w, h = instance.box
        changes: dict = {
            "landmarks": _flip_x(instance.landmarks, last),
            "box": (last - x - w, y, w, h),
            "roi": instance.roi.mirror(self.width),
        }
        if isinstance(instance, Face):
            # The k-th point keeps its meaning (the person's right eye stays the right eye), so nothing is reordered.
            changes["ibug68"] = _flip_x(instance.ibug68, last)
        return replace(instance, **changes)


def side_of(right: float) -> dict:
    """Handedness fields of a Hand from the probability that it is a right one."""
    is_right = right >= 0.5
    return {"handedness": "right" if is_right else "left", "handedness_score": right if is_right else 1 - right}


def _flip_x(points: np.ndarray, last: int) -> np.ndarray:
    flipped = points.copy()
    flipped[:, 0] = last - flipped[:, 0]
    return flipped
