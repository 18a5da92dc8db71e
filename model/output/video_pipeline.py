"""One video from its frames to its files: what the command line and the page have in common."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..runtime.landmarker import Landmarker
from ..video.timeline import Timeline
from ..video.tracks import TrackedFrame, Tracks
from ..video.video_file import Video
from .annotated_video import AnnotatedVideo
from .serialize_video import to_frame_document


class Output(Protocol):
    """Takes each frame's document (serialize_video.py)."""

    def add(self, document: dict) -> None:
        """Takes the next frame's."""


def follow(
    name: str, video: Video, landmarker: Landmarker, timeline: Timeline, outputs: Sequence[Output] = (), drawn: AnnotatedVideo | None = None
) -> Iterator[TrackedFrame]:
    """Analyses one frame each time that it is asked, and hands what was found on: to the timeline, to the outputs as the document of the
    video `name`, and with the picture to `drawn`."""
    tracks = Tracks(landmarker)
    for frame in video:
        tracked = tracks.update(frame)
        timeline.add(tracked)
        document = to_frame_document(name, tracked) if outputs else {}
        for output in outputs:
            output.add(document)
        if drawn:
            drawn.add(frame.rgb, tracked.result, frame.seconds)
        yield tracked
