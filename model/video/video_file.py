"""Opens whatever a person calls a video as a stream of upright RGB frames, or says in one sentence why it cannot.

Frames are decoded one after the other as they are asked for, so that memory does not grow with a video's length.
"""

import contextlib
import io
import math
import os
from collections.abc import Iterator
from typing import IO, NamedTuple

import av
import cv2
import numpy as np

from ..photo.image_file import looks_like_video, reason
from .animation_decoder import Animation, is_animation
from .index_limits import takes_too_long
from .media_type import HEAD
from .video_decoder import Film, container_of
from .video_limits import MOST_BYTES, MOST_FRAMES, MOST_SECONDS, VideoError, in_words

_LEAST_STEP = 0.001  # seconds between two frames with time stamps that do not grow
_INCOMPLETE = 0.9  # of its length: a video with frames that end before that was cut off

_Picture = tuple[float, np.ndarray]


class Frame(NamedTuple):
    """One frame: `number` from 0; `seconds` since the first frame, growing; `rgb` uint8 (H, W, 3), upright, with square pixels."""

    number: int
    seconds: float
    rgb: np.ndarray


class Video:
    """An open video: iterate over its frames once; use it in a `with`, or close it.

    source: the file's bytes, or its path. most_seconds: how long it may be. Raises VideoError if it cannot be opened, is too large or
    too long, or holds no frame; so may the iteration, if memory is short. What metadata turn is upright here; transparency is laid on
    white; frames of another size than the first one's are scaled to it; sound is left out.

    width, height: of the upright frames, in pixels. seconds, frames: length and number of frames as the file tells them, perhaps wrong;
    None where it does not. note: a sentence, once the frames have ended, if some were damaged, missing or too many; else None.
    """

    def __init__(self, source: bytes | str | os.PathLike, most_seconds: float = MOST_SECONDS):
        self.note: str | None = None
        self._most_seconds = most_seconds
        self._opened = contextlib.ExitStack()
        try:
            self._reader = self._open(source)
            self._pictures = self._reader.pictures()
            first = next(self._pictures, None)
            if first is None:
                raise VideoError("The video holds no picture that can be read.")
        except BaseException as error:
            self.close()
            if not isinstance(error, Exception):
                raise
            raise _in_a_sentence(error) from None
        self.height, self.width = first[1].shape[:2]
        self.seconds, self.frames = self._reader.seconds, self._reader.frames
        self._begin = first[0]
        self._frames = self._numbered(first)

    def _open(self, source: bytes | str | os.PathLike) -> Animation | Film:
        file = self._opened.enter_context(_file(source))
        head = file.read(HEAD)
        file.seek(0)
        if not head:
            raise VideoError("The file is empty.")
        if is_animation(file):
            reader: Animation | Film = Animation(file, self._most_seconds)
        else:
            container = container_of(head)
            if container is None:
                raise VideoError(
                    "This kind of video cannot be opened: save it as MP4, MOV, WebM, MKV or AVI and use that."
                    if looks_like_video(head)
                    else "This file is not a video in a format that can be opened."
                )
            if takes_too_long(file):
                raise VideoError("This file is built in an unusual way and would take too long to open.")
            reader = Film(file, container, self._most_seconds)
        self._opened.callback(reader.close)
        return reader

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def close(self) -> None:
        """Frees the decoder's memory; may be called twice."""
        self._opened.close()

    def share(self, number: int, seconds: float) -> float | None:
        """How much of the video has passed with the frame of this number at these seconds, 0..1; None where the file does not say how
        long it is."""
        if self.seconds:
            return min(seconds / self.seconds, 1.0)
        return min((number + 1) / self.frames, 1.0) if self.frames else None

    def _numbered(self, first: _Picture) -> Iterator[Frame]:
        """All frames, of one size and with times that grow."""
        picture: _Picture | None = first
        begin, last, number = self._begin, -math.inf, 0
        while picture is not None:
            stamp, rgb = picture
            seconds = max(stamp - begin, last + _LEAST_STEP)
            if seconds > self._most_seconds + 1 or number >= MOST_FRAMES:
                self.note = f"Only the first {in_words(last)} were analysed: a video may not be longer."
                return
            yield Frame(number, seconds, self._fitted(rgb))
            number, last = number + 1, seconds
            try:
                picture = next(self._pictures, None)
            except MemoryError:
                raise VideoError("There is not enough memory for this video.", again=True) from None
            except Exception:  # decoders raise many kinds of exception on damaged files
                picture, self._reader.damaged = None, True
        if self._reader.damaged or self._was_cut_off(number, last):
            self.note = f"The file is damaged or incomplete: {number} frame{'' if number == 1 else 's'} of it could be read."

    def _fitted(self, rgb: np.ndarray) -> np.ndarray:
        if rgb.shape[:2] == (self.height, self.width):
            return rgb
        return cv2.resize(rgb, (self.width, self.height), interpolation=cv2.INTER_AREA)

    def _sought(self, seconds: float) -> np.ndarray | None:
        """The picture at these seconds, where the file's time stamps lead to it; the iteration is over then."""
        rgb = self._reader.picture_at(self._begin + seconds) if isinstance(self._reader, Film) else None
        return None if rgb is None else self._fitted(rgb)

    def _was_cut_off(self, number: int, last: float) -> bool:
        """Whether fewer frames, or less time, has passed than the file says."""
        film = self._reader
        if not isinstance(film, Film):
            return False
        too_short = film.length_is_known and film.seconds is not None and last + 2 / film.rate < _INCOMPLETE * film.seconds
        return too_short or number < _INCOMPLETE * film.counted


def open_video(source: bytes | str | os.PathLike, most_seconds: float = MOST_SECONDS) -> Video:
    """Video(source, most_seconds), beside open_photo."""
    return Video(source, most_seconds)


def frame_at(source: bytes | str | os.PathLike, number: int, seconds: float, most_seconds: float = MOST_SECONDS) -> Frame:
    """The frame to which iterating over Video(source, most_seconds) gives this number and these seconds, by the shortest way. Raises VideoError."""
    with Video(source, most_seconds) as video:
        rgb = video._sought(seconds)
    if rgb is not None:
        return Frame(number, seconds, rgb)
    with Video(source, most_seconds) as video:
        for frame in video:
            if frame.number == number:
                return frame
    raise VideoError("This frame of the video cannot be read.")


def _file(source: bytes | str | os.PathLike) -> IO[bytes]:
    if isinstance(source, bytes):
        if len(source) > MOST_BYTES:
            raise VideoError(f"The file is too large: {len(source) / 1e6:.0f} MB, the limit is {MOST_BYTES / 1e6:.0f} MB.")
        return io.BytesIO(source)
    try:
        # A device or a pipe cannot be gone back in, and reading it may never end.
        if os.path.exists(source) and not os.path.isfile(source):
            raise VideoError("This is not a file.")
        return open(source, "rb")
    except (OSError, ValueError) as error:
        if isinstance(error, VideoError):
            raise
        raise VideoError(f"The file cannot be read: {reason(error)}.", again=True) from None


def _in_a_sentence(error: Exception) -> VideoError:
    if isinstance(error, VideoError):
        return error
    if isinstance(error, MemoryError):
        return VideoError("There is not enough memory for this video.", again=True)
    if isinstance(error, av.error.DecoderNotFoundError):
        return VideoError("This video is coded in a way that cannot be read: save it as MP4 with H.264 and use that.")
    return VideoError("The video is damaged or incomplete and cannot be opened.")  # decoders raise many kinds of exception on damaged files
