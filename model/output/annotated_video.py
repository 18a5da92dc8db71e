"""Writes a video with its landmarks drawn in: an MP4 with H.264 where FFmpeg was built with it, else with VP9. Without sound."""

import io
from fractions import Fraction
from typing import IO

import av
import cv2
import numpy as np

from ..runtime.result import Result
from .draw_live import draw_live

_ENCODERS = {
    # Fast, and no frames kept back: an hour and 4K take no more memory than a second.
    "libx264": {"preset": "veryfast", "tune": "zerolatency", "crf": "23"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "crf": "32", "row-mt": "1"},
}
_CLOCK = Fraction(1, 90_000)  # seconds a tick, as usual in MP4
LEAST_SIDE = 16  # pixels; encoders refuse less


def encoder() -> str:
    """The one that is used here."""
    return next(name for name in _ENCODERS if name in av.codecs_available)


class AnnotatedVideo:
    """file: opened for writing in binary; stays open. longest: its longer side at most, in pixels, by default that of the video.

    close() makes the file complete; until then it cannot be played.
    """

    def __init__(self, file: IO[bytes], longest: int | None = None):
        self._container = av.open(file, "w", format="mp4")
        self._stream: av.VideoStream | None = None
        self._longest = longest
        self._last = -1

    def add(self, rgb: np.ndarray, result: Result, seconds: float) -> None:
        """The next frame, uint8 (H, W, 3), all of one size, with the landmarks of `result`, which is in its pixels."""
        if self._stream is None:
            self._stream = self._begin(*rgb.shape[:2])
        picture = _fitted(draw_live(rgb, result), self._stream.width, self._stream.height)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        self._last = max(round(seconds / _CLOCK), self._last + 1)
        frame.pts, frame.time_base = self._last, _CLOCK
        self._container.mux(self._stream.encode(frame))

    def _begin(self, height: int, width: int) -> av.VideoStream:
        scale = min((self._longest or max(height, width)) / max(height, width), 1.0)
        name = encoder()
        stream = self._container.add_stream(name, options=_ENCODERS[name])
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = (max(round(side * scale) // 2 * 2, LEAST_SIDE) for side in (width, height))
        stream.pix_fmt, stream.time_base = "yuv420p", _CLOCK
        stream.codec_context.time_base, stream.codec_context.gop_size = _CLOCK, 30
        return stream

    def close(self) -> None:
        """Writes the last frames and ends the file."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def picture_at(content: bytes, number: int) -> np.ndarray:
    """The frame of this number, from 0, of what an AnnotatedVideo has written: uint8 (H, W, 3). IndexError if there is none."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "AUTO"
        entry = stream.index_entries[number]
        container.seek(entry.timestamp, stream=stream)  # to the last frame before it that needs no other
        for frame in container.decode(stream):
            if frame.pts is not None and frame.pts >= entry.timestamp:
                return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    raise IndexError(number)


def _fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Encoders want even sides: an odd one loses its last row. Else scaled."""
    rows, columns = picture.shape[:2]
    if 0 <= rows - height <= 1 and 0 <= columns - width <= 1:
        return np.ascontiguousarray(picture[:height, :width])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
