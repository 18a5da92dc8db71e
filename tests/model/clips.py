"""Videos made here, for the tests: whole ones, and a hundred that something is wrong with."""

import io
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from PIL import Image

# container -> codec and pixel format
KINDS = {
    "mp4": ("libx264", "yuv420p"),
    "mov": ("libx264", "yuv420p"),
    "webm": ("libvpx-vp9", "yuv420p"),
    "matroska": ("libx264", "yuv420p"),
    "avi": ("mpeg4", "yuv420p"),
}
TICKS = 1000  # a second


def quarters(width: int = 64, height: int = 48) -> np.ndarray:
    """Red left of green above, blue left of white below: shows any turn or flip."""
    rgb = np.full((height, width, 3), 255, np.uint8)
    rgb[: height // 2, : width // 2] = 255, 0, 0
    rgb[: height // 2, width // 2 :] = 0, 255, 0
    rgb[height // 2 :, : width // 2] = 0, 0, 255
    return rgb


def clip(
    pictures: Iterable[np.ndarray],
    container: str = "mp4",
    *,
    codec: str | None = None,
    pixels: str | None = None,
    rate: int = 30,
    seconds: Iterable[float] | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
    movflags: str = "",
    shape: int = 1,
) -> bytes:
    """The file of a video: the pictures (H, W, 3 or 4) `rate` a second, or at the times `seconds`; turned back by `rotation` degrees
    counterclockwise through its metadata. shape: width of a pixel / its height."""
    usual_codec, usual_pixels = KINDS[container]
    file = io.BytesIO()
    with av.open(file, "w", format=container, options={"movflags": movflags} if movflags else {}) as out:
        stream = out.add_stream(codec or usual_codec, rate=rate, options=options or {})
        stream.pix_fmt = pixels or usual_pixels
        if rotation:
            stream.set_display_rotation(rotation)
        times = iter(seconds) if seconds is not None else None
        if times:
            stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        for number, picture in enumerate(pictures):
            if not number:
                stream.height, stream.width = picture.shape[:2]
                stream.codec_context.sample_aspect_ratio = Fraction(shape)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24" if picture.shape[2] == 3 else "rgba")
            if times:
                frame.pts, frame.time_base = round(next(times) * TICKS), Fraction(1, TICKS)
            out.mux(stream.encode(frame))
        if stream.codec_context.is_open:
            out.mux(stream.encode(None))
    return file.getvalue()


def sound(container: str = "mp4", seconds: float = 0.5) -> bytes:
    """A file with sound only."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream("aac" if container != "webm" else "libopus", rate=48_000)
        for start in range(0, round(48_000 * seconds), 960):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="fltp", layout="mono")
            frame.rate, frame.pts = 48_000, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def crossing(picture: np.ndarray, count: int, size: tuple[int, int] = (640, 480)) -> Iterator[np.ndarray]:
    """A picture that swings over a shaded ground (H, W, 3): left and right, up and down, a little nearer and farther, turning by 8 degrees."""
    width, height = size
    ground = np.linspace(60, 160, width, dtype=np.float32)[None, :, None] + np.linspace(0, 60, height, dtype=np.float32)[:, None, None]
    ground = np.repeat(ground.astype(np.uint8), 3, axis=2)
    for number in range(count):
        phase = 2 * np.pi * number / 60
        scale = 0.75 * min(width / picture.shape[1], height / picture.shape[0]) * (1 + 0.1 * np.sin(phase))
        matrix = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), 8 * np.sin(phase), scale)
        matrix[:, 2] += (width - picture.shape[1]) / 2 + 60 * np.sin(phase), (height - picture.shape[0]) / 2 + 40 * np.cos(phase)
        frame = ground.copy()
        cv2.warpAffine(picture, matrix, size, dst=frame, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT)
        yield frame


def animation(pictures: list[np.ndarray], kind: str, milliseconds: int | list[int] = 40) -> bytes:
    file = io.BytesIO()
    first, *others = [Image.fromarray(picture) for picture in pictures]
    options = {"lossless": True} if kind == "WEBP" else {"disposal": 2}
    first.save(file, kind, save_all=True, append_images=others, duration=milliseconds, loop=0, **options)
    return file.getvalue()


def box(name: bytes, content: bytes) -> bytes:
    """A box of MP4."""
    return struct.pack(">I4s", 8 + len(content), name) + content


def with_samples(whole: bytes, count: int) -> bytes:
    """The MP4 with an index that announces so many samples of one size."""
    at = whole.index(b"stsz") + 8
    return whole[:at] + struct.pack(">II", 100, count) + whole[at + 8 :]


def with_size(whole: bytes, width: int, height: int) -> bytes:
    """The MOV (of a codec with frames that do not state their size) with another one in its header."""
    at = whole.index(b"rle ", whole.index(b"stsd")) + 28
    return whole[:at] + struct.pack(">HH", width, height) + whole[at + 4 :]


def odd_clips(count: int = 100) -> Iterator[tuple[str, bytes]]:
    """A name and a file: cut, with bytes changed, of another kind than the name says, without pictures, too large ... Always the same ones."""
    random = np.random.default_rng(20)
    moving = [np.roll(quarters(), 3 * number, axis=1) for number in range(12)]
    whole = {kind: clip(moving, kind) for kind in KINDS}
    whole |= {"fragmented": clip(moving, movflags="frag_keyframe+empty_moov"), "gif": animation(moving, "GIF"), "webp": animation(moving, "WEBP")}
    yield from _single(whole["mp4"])
    names = list(whole)
    number = sum(1 for _ in _single(whole["mp4"]))
    while number < count:
        kind = names[number % len(names)]
        content = bytearray(whole[kind])
        if number % 3 != 1:
            content = content[: int(random.integers(8, len(content)))]
        if number % 3 != 0:
            for place in random.integers(0, len(content), int(random.integers(1, 12))):
                content[place] = random.integers(256)
        yield f"{number}.{kind}", bytes(content)
        number += 1


def _single(mp4: bytes) -> Iterator[tuple[str, bytes]]:
    yield "empty.mp4", b""
    yield "text.mp4", b"hello, I am a text"
    yield "zeros.mov", bytes(5000)
    yield "head.webm", b"\x1a\x45\xdf\xa3" + bytes(100)
    yield "head.avi", b"RIFF\xff\xff\xff\xffAVI LIST"
    yield "head.mp4", mp4[:40]
    yield "one.mp4", clip([quarters()])
    yield "one.gif", animation([quarters()], "GIF")
    header = clip([quarters()], movflags="frag_keyframe+empty_moov")
    yield "none.mp4", header[: header.index(b"moof") - 4]
    yield "sound.mp4", sound()
    yield "sound.mkv", sound("matroska")
    runs = clip([quarters()] * 3, "mov", codec="qtrle", pixels="rgb24")
    yield "8k.mov", with_size(runs, 7680, 4320)
    yield "huge.mov", with_size(runs, 65_535, 65_535)
    yield "samples.mp4", with_samples(mp4, 2**31)
    yield "no film in here.mp4", mp4.replace(b"vide", b"text")
    yield "photo.mp4", _jpeg()
    yield "video.jpg", mp4
    yield "tiny.mp4", clip([np.zeros((2, 2, 3), np.uint8)] * 3)
    yield "point.gif", animation([np.full((1, 1, 3), value, np.uint8) for value in (0, 255)], "GIF")
    yield "playlist.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(quarters()).save(file, "JPEG")
    return file.getvalue()
