"""A video's tracks in short: when each hand and face was there, how surely, and how fast its fingertips were."""

from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from ..runtime.result import Hand
from .tracks import TrackedFrame, instances_of, number_of


@dataclass
class Track:
    """One hand or face over the video, an entry for each frame that it is in.

    number: its id, from 1. kind: 'hand' | 'face'. frames: their numbers; seconds: their times; score: its confidence, 0..1; speed: of
    the fingertips in pixels a second, NaN where unknown (always for a face).
    """

    number: int
    kind: str
    frames: array = field(default_factory=lambda: array("l"))
    seconds: array = field(default_factory=lambda: array("d"))
    score: array = field(default_factory=lambda: array("f"))
    speed: array = field(default_factory=lambda: array("f"))
    _sides: Counter[str] = field(default_factory=Counter)

    @property
    def side(self) -> str | None:
        """'left' | 'right': what it was called in most of its frames; None for a face."""
        return self._sides.most_common(1)[0][0] if self._sides else None

    @property
    def title(self) -> str:
        """'Left hand 1', 'Face 2': with the track's number."""
        return f"{f'{self.side} hand' if self.side else 'face'} {self.number}".capitalize()

    def place(self, frame: int) -> int | None:
        """Where in `frames`, and so in the other lists, this frame is; None if the track is not in it."""
        place = bisect_left(self.frames, frame)
        return place if place < len(self.frames) and self.frames[place] == frame else None

    @property
    def confidence(self) -> float:
        """Its mean."""
        return sum(self.score) / len(self.score)


class Timeline:
    """All tracks of a video, by number, and the times of its frames. A few bytes for each frame and track."""

    def __init__(self) -> None:
        self.tracks: dict[int, Track] = {}
        self.seconds = array("d")  # of every frame

    def add(self, frame: TrackedFrame) -> None:
        """Takes a frame's instances into their tracks."""
        self.seconds.append(frame.seconds)
        for instance in instances_of(frame.result):
            number = number_of(instance)
            track = self.tracks.setdefault(number, Track(number, instance.kind))
            track.frames.append(frame.number)
            track.seconds.append(frame.seconds)
            track.score.append(instance.score)
            track.speed.append(frame.speeds.get(number, float("nan")))
            if isinstance(instance, Hand):
                track._sides[instance.handedness] += 1
