"""Follows the hands and faces of a video: each keeps one number as long as it is the same one, also over a moment unseen.

The live Tracker gives what it has lost for a single frame a new number, because it may be another one. Here the number is given back
if the same kind of instance shows up again soon, near by, in the same size and, for a hand, of the same side.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..constants import CONSTANTS
from ..runtime.landmarker import Landmarker
from ..runtime.result import Hand, Instance, Result
from ..runtime.topology import FINGERS
from ..tracking.tracker import Tracker
from .video_file import Frame

_RULE = CONSTANTS["video"]
MEMORY: float = _RULE["memory"]  # seconds unseen after which it counts as another one
REACH: float = _RULE["reach"]  # how far it may have moved meanwhile, in its own sizes
GROWTH: float = _RULE["growth"]  # and how much larger or smaller it may be
MOST_PAUSE: float = _RULE["most_pause"]  # seconds between two frames from which a speed is computed
FINGERTIPS = [finger.points[-1] for finger in FINGERS]


@dataclass(frozen=True)
class TrackedFrame:
    """What was found in one frame of a video.

    number: from 0; seconds: since the first frame. result: hands and faces in pixels of the upright frame, each with its `track` (from 1).
    speeds: by track of a hand the mean speed of its five fingertips in pixels a second; missing where a hand was not there just before.
    """

    number: int
    seconds: float
    result: Result
    speeds: Mapping[int, float]


@dataclass
class _Last:
    """Where a track was seen last."""

    instance: Instance
    seconds: float


class Tracks:
    """The tracks of one video; call update() with its frames in their order. smoothing: as for Tracker."""

    def __init__(self, landmarker: Landmarker, smoothing: float = 1.0):
        self._tracker = Tracker(landmarker, smoothing)
        self._numbers: dict[int, int] = {}  # the tracker's number -> ours
        self._last: dict[int, _Last] = {}  # by our number, of those seen within MEMORY
        self._made = 0

    def update(self, frame: Frame) -> TrackedFrame:
        """The next frame's result with track numbers that last, and the speeds."""
        found = self._tracker.update(frame.rgb, frame.seconds)
        instances = instances_of(found)
        self._last = {number: last for number, last in self._last.items() if frame.seconds - last.seconds <= MEMORY}
        known = {number_of(instance) for instance in instances}
        self._numbers = {theirs: ours for theirs, ours in self._numbers.items() if theirs in known}
        for instance in instances:
            if number_of(instance) not in self._numbers:
                self._numbers[number_of(instance)] = self._lost(instance) or self._new()
        hands = tuple(replace(hand, track=self._numbers[number_of(hand)]) for hand in found.hands)
        faces = tuple(replace(face, track=self._numbers[number_of(face)]) for face in found.faces)
        result = replace(found, hands=hands, faces=faces)
        speeds = {number_of(hand): speed for hand in hands if (speed := self._speed(hand, frame.seconds)) is not None}
        self._last |= {number_of(instance): _Last(instance, frame.seconds) for instance in instances_of(result)}
        return TrackedFrame(frame.number, frame.seconds, result, speeds)

    def _new(self) -> int:
        self._made += 1
        return self._made

    def _lost(self, instance: Instance) -> int | None:
        """The number of the lost track that this one goes on with: the nearest that it can be."""
        taken = self._numbers.values()
        near = [(_distance(instance, last.instance), number) for number, last in self._last.items() if number not in taken and _alike(instance, last.instance)]
        distance, number = min(near, default=(math.inf, None))
        return number if distance <= REACH else None

    def _speed(self, hand: Hand, seconds: float) -> float | None:
        last = self._last.get(number_of(hand))
        if last is None or not 0 < seconds - last.seconds <= MOST_PAUSE:
            return None
        way = hand.landmarks[FINGERTIPS, :2] - last.instance.landmarks[FINGERTIPS, :2]
        return float(np.linalg.norm(way, axis=1).mean()) / (seconds - last.seconds)


def _distance(one: Instance, other: Instance) -> float:
    """Between the middles, in sizes of the larger."""
    way = one.landmarks[:, :2].mean(0) - other.landmarks[:, :2].mean(0)
    return float(np.linalg.norm(way)) / max(one.size, other.size, 1e-6)


def _alike(one: Instance, other: Instance) -> bool:
    sizes = sorted((max(one.size, 1e-6), max(other.size, 1e-6)))
    if one.kind != other.kind or sizes[1] > GROWTH * sizes[0]:
        return False
    if isinstance(one, Hand) and isinstance(other, Hand) and one.handedness_is_clear and other.handedness_is_clear:
        return one.handedness == other.handedness
    return True


def instances_of(result: Result) -> list[Instance]:
    """All hands, then all faces."""
    return [*result.hands, *result.faces]


def number_of(instance: Instance) -> int:
    """Its track's number."""
    if instance.track is None:
        raise ValueError("This hand or face was found in a photo: it belongs to no track.")
    return instance.track
