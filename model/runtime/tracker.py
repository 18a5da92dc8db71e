"""Follows hands and faces from frame to frame of a live camera picture.

While an object is held, the last frame's points say where to cut the next crop; the detector is asked only when
something was lost, when there is nothing to follow, and now and then for newcomers. The number of objects is bounded,
so that a crowd can't slow the picture down: those that are held stay, of the newcomers the surest are taken.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from model.constants import CONSTANTS
from model.runtime.detector import Detection
from model.runtime.geometry import roi_from_box
from model.runtime.landmarker import Found, Landmarker, as_rgb, confidence, hopeful, kind_of, next_place, same_object, size_of, uncertainty_of
from model.runtime.one_euro import OneEuro
from model.runtime.result import Face, Hand, Result
from model.runtime.stage_timer import Clock

_RULE = CONSTANTS["tracker"]


@dataclass
class _Track:
    """One object over time: `last` as the network saw it in the last frame, unsmoothed."""

    number: int
    last: Found
    right: float | None = None  # probability that it is a right hand, averaged over the frames
    named_right: bool = False  # the side that is shown
    smooth: OneEuro = field(default_factory=OneEuro)

    def shown(self, seconds: float, strength: float) -> Found:
        """`last` with smoothed points and steady handedness."""
        thing = self.last
        points = thing.landmarks
        if isinstance(thing, Face):
            points = np.vstack([points, np.pad(thing.ibug68, ((0, 0), (0, 1)))])
        points = self.smooth(points, seconds, size_of(thing), strength)
        changes: dict = {"landmarks": points[: len(thing.landmarks)], "track": self.number}
        if isinstance(thing, Face):
            changes["ibug68"] = points[len(thing.landmarks) :, :2].copy()
        else:
            changes |= self._steady_side(thing)
        return replace(thing, **changes)

    def _steady_side(self, hand: Hand) -> dict:
        """Handedness fields from the average over the frames. The named side changes only if that is clearly on the other one: a hand seen
        from its edge would else flicker."""
        now = hand.handedness_score if hand.handedness == "right" else 1 - hand.handedness_score
        memory, margin = _RULE["handedness_memory"], _RULE["handedness_margin"]
        first = self.right is None
        self.right = now if first else memory * self.right + (1 - memory) * now
        if first or abs(self.right - 0.5) > margin:
            self.named_right = self.right >= 0.5
        score = self.right if self.named_right else 1 - self.right
        return {"handedness": "right" if self.named_right else "left", "handedness_score": score}


class Tracker:
    """One visitor's live picture. Cheap to make; call `update` from one thread at a time (the Landmarker is shared).

    smoothing: strength of the One-Euro filter, may be changed at any time: 0 = none, 1 = as in constants.json, more =
    calmer.
    """

    def __init__(self, landmarker: Landmarker, smoothing: float = 1.0):
        self.smoothing = smoothing
        self._landmarker = landmarker
        self._made = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame is looked at afresh."""
        self._tracks: list[_Track] = []
        self._searched: float | None = None  # when, in the frames' seconds; None: search in the next frame
        self._size: tuple[int, ...] | None = None

    def update(self, rgb: np.ndarray, timestamp: float | None = None) -> Result:
        """The hands and faces of the next frame, uint8 (H, W, 3) RGB, unmirrored; longest tracked first.

        timestamp: when the frame was taken, seconds from any start (default: now). Frames may change their size;
        what is followed is then found anew. Each Hand and Face carries its `track` number.
        """
        rgb = as_rgb(rgb)
        seconds = time.monotonic() if timestamp is None else timestamp
        if rgb.shape[:2] != self._size:
            self.reset()
            self._size = rgb.shape[:2]
        clock = Clock()

        newcomers: list[Detection] = []
        if self._search_is_due(seconds):
            with clock("detect"):
                detections = self._landmarker.detector.find(rgb, closer=False)
                newcomers = [seen for seen in detections if hopeful(seen, rgb.shape) and not self._known(seen)]
            newcomers = sorted(newcomers, key=lambda seen: -seen.score)[: _RULE["most"] - len(self._tracks)]
        places = [next_place(track.last) for track in self._tracks]
        places += [(seen.kind, roi_from_box(seen.kind, seen.box, seen.up)) for seen in newcomers]
        found = self._landmarker.look(rgb, places, clock=clock)
        held = len(self._tracks)
        self._follow(found[:held], [(confidence(seen, thing.score, uncertainty_of(thing), rgb.shape), thing) for seen, thing in zip(newcomers, found[held:])])

        shown = [track.shown(seconds, self.smoothing) for track in self._tracks]
        height, width = rgb.shape[:2]
        hands = tuple(thing for thing in shown if isinstance(thing, Hand))
        faces = tuple(thing for thing in shown if isinstance(thing, Face))
        return Result(width, height, hands, faces, clock.milliseconds())

    def _search_is_due(self, seconds: float) -> bool:
        """Whether the detector runs: in the first frame, while nothing is tracked, and from time to time for what is new."""
        waited = self._searched is None or abs(seconds - self._searched) >= _RULE["detect_every_seconds"]
        due = (waited or not self._tracks) and len(self._tracks) < _RULE["most"]
        if due:
            self._searched = seconds
        return due

    def _known(self, seen: Detection) -> bool:
        return any(
            kind_of(track.last) == seen.kind and iou(track.last.box, seen.box) > _RULE["known_iou"]
            for track in self._tracks
        )

    def _follow(self, seen_again: list[Found], newcomers: list[tuple[float, Found]]) -> None:
        held: list[_Track] = []
        for track, thing in zip(self._tracks, seen_again):
            # Two tracks that slid onto one object: the older one keeps it.
            if thing.score >= _RULE["presence"][kind_of(thing)] and not _followed(thing, held):
                track.last = thing
                held.append(track)
        if len(held) < len(self._tracks):
            self._searched = None  # it may be found again where it went
        for sure, thing in sorted(newcomers, key=lambda newcomer: -newcomer[0]):
            if sure >= CONSTANTS["landmarks"]["confidence"]["least"][kind_of(thing)] and not _followed(thing, held):
                self._made += 1
                held.append(_Track(self._made, thing))
        self._tracks = held


def _followed(thing: Found, tracks: list[_Track]) -> bool:
    return any(same_object(thing, track.last) for track in tracks)


def iou(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes (x, y, w, h)."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(one[2] * one[3] + other[2] * other[3] - shared, 1e-9)
