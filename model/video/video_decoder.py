"""The frames of an MP4, MOV, WebM, MKV or AVI, decoded by FFmpeg one after the other.

FFmpeg knows hundreds of formats. Here it gets only those that cameras, phones, browsers and editors write, and reads from one file object:
nothing in a file can make it open another file or an address.
"""

from collections.abc import Iterator
from typing import IO

import av
import numpy as np
from av.container import InputContainer

from .video_limits import MOST_FRAMES, MOST_PIXELS, VideoError, check_length, check_size

# What the first bytes tell -> FFmpeg's name of the format
_CONTAINERS = {"matroska": b"\x1a\x45\xdf\xa3", "avi": b"RIFF", "mov": b""}
_MOV_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_CODECS = (
    "h264 hevc vp8 libvpx vp9 libvpx-vp9 av1 libdav1d mpeg1video mpeg2video mpeg4 msmpeg4v2 msmpeg4 h263 mjpeg prores dvvideo png qtrle "
    "rawvideo ffv1 theora vc1 wmv3"
).split()

USUAL_RATE = 30.0  # frames a second where a file does not say
MOST_STRETCH = 4.0  # ratio of a pixel's sides; what is beyond is a mistake in the header, and left out of account
PROBED_PIXELS = 4 * MOST_PIXELS  # 8K; of a first frame, so that its size is known
SAME = 1e-4  # seconds between two roundings of one time stamp
THREADS = 2  # of the decoder; more would keep more frames in memory


def container_of(head: bytes) -> str | None:
    """FFmpeg's name of the format that begins with `head`, or None if it is not one of ours."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return "mov" if head[4:8] in _MOV_BOXES else None


class Film:
    """One open file. Raises VideoError, or what FFmpeg raises.

    seconds, frames: length and number of frames as far as the file tells; rate: frames a second. pictures(): (time stamp in seconds,
    uint8 (H, W, 3) RGB) each, upright and with square pixels, transparency on white. damaged: that not all could be read. length_is_known:
    `seconds` is that of the pictures; counted: their number as the file tells it, 0 if it does not.
    """

    def __init__(self, file: IO[bytes], container: str, most_seconds: float):
        # The options are for finding out what is in the file, too: its first frames are decoded for that.
        options = {"codec_whitelist": ",".join(_CODECS), "max_pixels": str(PROBED_PIXELS), "protocol_whitelist": "none"}
        self.damaged = False
        self._container: InputContainer = av.open(file, "r", format=container, options=options, metadata_errors="replace", buffer_size=1 << 18)
        try:
            self._begin(most_seconds)
        except BaseException:
            self.close()
            raise

    def _begin(self, most_seconds: float) -> None:
        films = [stream for stream in self._container.streams.video if not _is_cover(stream)]
        if not films:
            raise VideoError("This file holds no moving pictures, only sound or other data.")
        self._stream = stream = films[0]
        context = stream.codec_context
        if context is None or context.codec.name not in _CODECS:
            raise VideoError("This video is coded in a way that cannot be read: save it as MP4 with H.264 and use that.")
        check_size(context.width, context.height)
        context.options = {"max_pixels": str(MOST_PIXELS)}
        context.thread_count, context.thread_type = THREADS, "AUTO"

        rate = float(stream.average_rate or 0)
        self.rate = rate if 0.01 <= rate <= 1000 else USUAL_RATE
        own = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        whole = (self._container.duration or 0) / av.time_base  # of the sound too, which may be longer
        self.seconds = own if own > 0 else whole if whole > 0 else None
        self.length_is_known = own > 0 or (whole > 0 and len(self._container.streams) == 1)
        self.counted = stream.frames
        if self.seconds:
            check_length(self.seconds, most_seconds)
        self.frames = min(stream.frames or round((self.seconds or 0) * self.rate), MOST_FRAMES) or None

    def pictures(self) -> Iterator[tuple[float, np.ndarray]]:
        """Seconds since the first picture and the picture, uint8 (H, W, 3) RGB, one after the other. VideoError."""
        last = 0.0
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.damaged = True
                continue
            for frame in frames:
                check_size(frame.width, frame.height)
                self.damaged |= frame.is_corrupt
                last = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else last + 1 / self.rate
                yield last, _upright(frame, self._stream.sample_aspect_ratio)

    def picture_at(self, stamp: float) -> np.ndarray | None:
        """The picture of this time stamp, decoded from the last one before it that needs no other; None where the file's stamps do not lead to it."""
        if not self._stream.time_base:
            return None
        try:
            self._container.seek(round(stamp / self._stream.time_base), stream=self._stream)
            for packet in self._packets():
                for frame in packet.decode():
                    if frame.pts is None or not frame.time_base:
                        return None
                    late = float(frame.pts * frame.time_base) - stamp
                    if late > -SAME:
                        check_size(frame.width, frame.height)
                        return _upright(frame, self._stream.sample_aspect_ratio) if late < SAME else None
        except av.FFmpegError:
            pass
        return None

    def _packets(self) -> Iterator[av.Packet]:
        """Those of the stream; a file that breaks off ends them."""
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self.damaged = True

    def close(self) -> None:
        """Closes the file."""
        self._container.close()


def _is_cover(stream: av.VideoStream) -> bool:
    """Whether it is a picture that belongs to a piece of music."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _upright(frame: av.VideoFrame, shape) -> np.ndarray:
    """uint8 (H, W, 3) RGB; `shape`: width of a pixel / its height, or None."""
    size = {}
    if shape and shape != 1 and 1 / MOST_STRETCH <= shape <= MOST_STRETCH:  # the side that is short grows, so that no detail is lost
        width, height = (frame.width * shape, frame.height) if shape > 1 else (frame.width, frame.height / shape)
        size = {"width": round(width), "height": round(height)}
        check_size(**size)
    if any(component.is_alpha for component in frame.format.components):
        rgba = frame.reformat(format="rgba", **size).to_ndarray()
        share = rgba[..., 3:].astype(np.uint16)
        rgb = ((rgba[..., :3] * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
    else:
        rgb = np.asarray(frame.reformat(format="rgb24", **size).to_ndarray(), np.uint8)
    quarters = round(frame.rotation / 90) % 4  # counterclockwise
    return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters else rgb
