"""A visitor's video: analysed piece by piece, and what is kept of it. Knows nothing of Streamlit."""

import io
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from model import Landmarker, Result, VideoError, open_video
from model.constants import CONSTANTS
from model.output.annotated_video import AnnotatedVideo
from model.output.serialize_video import ParquetFile, document_at, to_result
from model.output.video_pipeline import follow
from model.video.timeline import Timeline
from model.video.tracks import TrackedFrame
from model.video.video_file import Video, frame_at
from model.video.video_limits import in_words
from pages.parts.album.upload import Upload

MOST_SECONDS: float = CONSTANTS["video"]["page_seconds"]  # of a video on the page; the command line takes an hour
MOST_BYTES: int = CONSTANTS["video"]["page_bytes"]  # of the annotated video and the table together: many faces fill it before the length does
LONGEST = 1280  # pixels: the longer side of the annotated video

log = logging.getLogger(__name__)


class _Work:
    """What is open while a video is analysed: the decoder, the encoder and the table that grows."""

    def __init__(self, clip: "Clip", landmarker: Landmarker):
        self.drawing, self.table = io.BytesIO(), io.BytesIO()
        self.video: Video = open_video(clip.content, MOST_SECONDS)
        self._drawn = AnnotatedVideo(self.drawing, LONGEST)
        self._rows = ParquetFile(self.table)
        self.frames: Iterator[TrackedFrame] = follow(clip.label, self.video, landmarker, clip.timeline, [self._rows], self._drawn)

    def close(self) -> None:
        """Makes the drawing and the table complete."""
        try:
            self._rows.close()
            self._drawn.close()
        finally:
            self.video.close()


@dataclass
class Clip(Upload):
    """One video as it came in, and what was found in it. Call `work` until it is `finished`.

    timeline: its tracks so far. drawing: the annotated MP4; table: Parquet with all points; size_px: width and height of the upright
    frames, which the points are in; these and the length are there when it is finished. error: one sentence if there is no result. note:
    one sentence if the result does not go to the video's end. share: how much is done, 0..1, None where it is unknown.
    """

    timeline: Timeline = field(default_factory=Timeline)
    drawing: bytes = b""
    table: bytes = b""
    size_px: tuple[int, int] = (0, 0)
    error: str | None = None
    note: str | None = None
    share: float | None = None
    worked: float = 0.0  # seconds of work
    stopped: bool = False  # by the visitor: what is found so far counts
    _work: _Work | None = None

    @property
    def finished(self) -> bool:
        """Whether no frame is left to analyse, or it failed."""
        return bool(self.drawing) or self.error is not None

    @property
    def size(self) -> int:
        """Bytes that it takes, without its decoder and encoder."""
        growing = self._work.drawing.tell() + self._work.table.tell() if self._work and not self.finished else 0
        return len(self.content) + len(self.drawing) + len(self.table) + growing

    @property
    def left(self) -> float | None:
        """Seconds of work that remain, if they go on as before."""
        return self.worked / self.share - self.worked if self.share else None

    def work(self, landmarker: Landmarker, seconds: float) -> None:
        """Analyses frames for about so long. Whatever is wrong with the video becomes its `error`."""
        started = time.perf_counter()
        try:
            self._work = self._work or _Work(self, landmarker)
            while not self.finished and time.perf_counter() - started < seconds:
                frame = None if self.stopped or self._is_full(self._work) else next(self._work.frames, None)
                if frame is None:
                    self._finish(self._work)
                else:
                    self.share = self._work.video.share(frame.number, frame.seconds)
        except VideoError as error:
            self._fail(str(error))
        except Exception:  # one video must not stop the others, whatever is wrong with it
            log.exception("a video of %d bytes could not be analysed", len(self.content))
            self._fail("Something went wrong while analysing this video. The other files are not affected.")
        self.worked += time.perf_counter() - started

    def _finish(self, work: _Work) -> None:
        if not self.timeline.seconds:
            return self._fail("You stopped before the first frame was analysed.")
        until = in_words(self.timeline.seconds[-1])
        if self.stopped:
            self.note = f"You stopped after {until}."
        elif self._is_full(work):
            self.note = f"Only the first {until} were analysed: there are too many hands and faces to keep all."
        else:
            self.note = work.video.note
        work.close()
        self.size_px = work.video.width, work.video.height
        self.drawing, self.table = work.drawing.getvalue(), work.table.getvalue()
        self._work = None

    def _is_full(self, work: _Work) -> bool:
        return work.drawing.tell() + work.table.tell() > MOST_BYTES

    def _fail(self, sentence: str) -> None:
        self.error = sentence
        self.close()

    def frame(self, number: int) -> tuple[np.ndarray, Result]:
        """One frame as it came in, uint8 (H, W, 3), and what was found in it. Raises VideoError."""
        seconds = self.timeline.seconds[number]
        document = document_at(io.BytesIO(self.table), self.label, self.size_px, number, seconds)
        return frame_at(self.content, number, seconds, MOST_SECONDS).rgb, to_result(document)

    def close(self) -> None:
        """Frees what is open; a video that is not finished begins anew if it is worked on again."""
        if self._work:
            self._work.video.close()
        self._work = None
