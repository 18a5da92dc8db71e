"""Tracking: hands and faces from frame to frame of a live camera picture or a video.

While a track holds, the last frame's landmarks give the next crop. The detector runs only when a track was lost, when there is none, and
from time to time for new objects. The number of tracks is bounded, so that a crowd cannot slow the picture down: tracks that hold
stay, and of the new detections those with the highest score are taken.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from ..constants import CONSTANTS
from ..runtime import boxes
from ..runtime.confidence import MIN_CONFIDENCE, confidence, least_presence, passes_prefilter
from ..runtime.duplicates import same_object
from ..runtime.geometry import roi_from_box
from ..runtime.landmarker import Landmarker, as_rgb
from ..runtime.refinement import request_around
from ..runtime.result import Detection, Face, Hand, Instance, Result
from ..runtime.stage_timer import StageTimer
from .one_euro import OneEuro

_RULE = CONSTANTS["tracker"]


@dataclass
class _Track:
    """One object over time: `last` as predicted in the last frame, unsmoothed, its score the presence; `detection`: the last one of it."""

    number: int
    last: Instance
    detection: Detection
    right: float | None = None  # probability that it is a right hand, averaged over the frames
    named_right: bool = False  # the side that results carry
    smooth: OneEuro = field(default_factory=OneEuro)

    def confidence_of(self, instance: Instance, shape: tuple[int, ...]) -> float:
        """Of a prediction for this track, as in photos. shape: of the frame."""
        return confidence(self.detection, instance.score, instance.uncertainty, shape)

    def smoothed(self, seconds: float, strength: float, shape: tuple[int, ...]) -> Instance:
        """`last` with smoothed points, steady handedness and, as in photos, the confidence as its score. shape: of the frame."""
        instance = self.last
        points = instance.landmarks
        if isinstance(instance, Face):
            points = np.vstack([points, np.pad(instance.ibug68, ((0, 0), (0, 1)))])
        points = self.smooth(points, seconds, instance.size, strength)
        changes: dict = {"landmarks": points[: len(instance.landmarks)], "score": self.confidence_of(instance, shape), "track": self.number}
        if isinstance(instance, Face):
            changes["ibug68"] = points[len(instance.landmarks) :, :2].copy()
        else:
            changes |= self._steady_side(instance)
        return replace(instance, **changes)

    def _steady_side(self, hand: Hand) -> dict:
        """Handedness fields from the average over the frames. The named side changes only if that is clearly on the other one: a hand seen
        from its edge would else flicker."""
        now = hand.right_probability
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

    >>> from model import Landmarker, Tracker, open_photo
    >>> tracker = Tracker(Landmarker())
    >>> frame = open_photo("model/examples/greeting.webp")
    >>> first, second = tracker.update(frame, timestamp=0.0), tracker.update(frame, timestamp=1 / 30)
    >>> [hand.track for hand in first.hands] == [hand.track for hand in second.hands]
    True
    """

    def __init__(self, landmarker: Landmarker, smoothing: float = 1.0):
        self.smoothing = smoothing
        self._landmarker = landmarker
        self._made = 0
        self.reset()

    def reset(self) -> None:
        """Drops all tracks; the detector runs in the next frame."""
        self._tracks: list[_Track] = []
        self._detected_at: float | None = None  # seconds of the frames; None: detect in the next frame
        self._size: tuple[int, ...] | None = None

    def update(self, rgb: np.ndarray, timestamp: float | None = None) -> Result:
        """The hands and faces of the next frame, uint8 (H, W, 3) RGB, unmirrored; longest tracked first.

        timestamp: when the frame was taken, seconds from any start (default: now). Frames may change their size; tracks then
        start anew. Each Hand and Face carries its `track` number.
        """
        rgb = as_rgb(rgb)
        seconds = time.monotonic() if timestamp is None else timestamp
        if rgb.shape[:2] != self._size:
            self.reset()
            self._size = rgb.shape[:2]
        timer = StageTimer()

        detections: list[Detection] = []
        if self._detection_is_due(seconds):
            with timer("detect"):
                proposed = self._landmarker.detector.detect(rgb, tiled=False)
            detections = [each for each in proposed if passes_prefilter(each, rgb.shape) and not self._seen_again(each)]
            detections = sorted(detections, key=lambda each: -each.score)[: _RULE["most"] - len(self._tracks)]
        requests = [request_around(track.last) for track in self._tracks]
        requests += [(each.kind, roi_from_box(each.kind, each.box, each.up)) for each in detections]
        least = [_RULE["presence"][track.last.kind] for track in self._tracks] + [least_presence(each, rgb.shape) for each in detections]
        present = self._landmarker.predict_present(rgb, requests, least, timer=timer)
        known = len(self._tracks)
        self._continue(rgb.shape, [present.get(index) for index in range(known)])
        self._begin(rgb.shape, [(each, present[known + index]) for index, each in enumerate(detections) if known + index in present])

        smoothed = [track.smoothed(seconds, self.smoothing, rgb.shape) for track in self._tracks]
        height, width = rgb.shape[:2]
        hands = tuple(instance for instance in smoothed if isinstance(instance, Hand))
        faces = tuple(instance for instance in smoothed if isinstance(instance, Face))
        return Result(width, height, hands, faces, timer.milliseconds())

    def _detection_is_due(self, seconds: float) -> bool:
        """Whether the detector runs: in the first frame, while there is no track, and from time to time for new objects."""
        waited = self._detected_at is None or abs(seconds - self._detected_at) >= _RULE["detect_every_seconds"]
        due = (waited or not self._tracks) and len(self._tracks) < _RULE["most"]
        if due:
            self._detected_at = seconds
        return due

    def _seen_again(self, detection: Detection) -> bool:
        """Whether the detection is of an object that is tracked; its track then keeps the detection."""
        own = [track for track in self._tracks if track.last.kind == detection.kind]
        overlaps = boxes.iou([detection.box], [track.last.box for track in own])[0]
        if not (overlaps > _RULE["known_iou"]).any():
            return False
        own[int(overlaps.argmax())].detection = detection
        return True

    def _continue(self, shape: tuple[int, ...], predicted: list[Instance | None]) -> None:
        """Updates the tracks by this frame's predictions, one each and in their order, None where presence is too low; drops those that lost their object."""
        held: list[_Track] = []
        for track, instance in zip(self._tracks, predicted):
            if instance is None or track.confidence_of(instance, shape) < _RULE["confidence"]:
                continue
            # Of two tracks that slid onto one object the older one keeps it.
            if not _repeated(instance, held):
                track.last = instance
                held.append(track)
        if len(held) < len(self._tracks):
            self._detected_at = None  # the object may be detected where it went
        self._tracks = held

    def _begin(self, shape: tuple[int, ...], new: list[tuple[Detection, Instance]]) -> None:
        """Starts a track for every new instance that is confident enough, the most confident first."""
        scored = [(confidence(detection, instance.score, instance.uncertainty, shape), detection, instance) for detection, instance in new]
        for score, detection, instance in sorted(scored, key=lambda each: -each[0]):
            if score >= MIN_CONFIDENCE[instance.kind] and not _repeated(instance, self._tracks):
                self._made += 1
                self._tracks.append(_Track(self._made, instance, detection))


def _repeated(instance: Instance, tracks: list[_Track]) -> bool:
    return any(same_object(instance, track.last) for track in tracks)
