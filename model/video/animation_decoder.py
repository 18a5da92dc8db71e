"""The frames of an animated GIF or WebP, with the times at which a browser shows them."""

from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image

from ..photo.image_file import rgb_of
from .video_limits import check_length, check_size

FORMATS = ("GIF", "WEBP")
USUAL_MS = 100  # of a frame that says 10 ms or less: browsers take it for a mistake too
_MARKS = (b"GIF87a", b"GIF89a", b"RIFF")


def is_animation(file: IO[bytes]) -> bool:
    """Whether it is a GIF or WebP of more than one picture; `file` is then at its start again."""
    try:
        head = file.read(16)
        file.seek(0)
        if not head.startswith(_MARKS) or (head.startswith(b"RIFF") and head[8:12] != b"WEBP"):
            return False
        Image.init()
        return bool(getattr(Image.open(file, formats=FORMATS), "is_animated", False))
    except Exception:  # damaged: opening it as a photo says what is wrong
        return False
    finally:
        file.seek(0)


class Animation:
    """seconds: None, as the file does not say it. pictures(): (seconds, uint8 (H, W, 3) RGB) each, transparency on white."""

    damaged = False
    frames: int | None = None
    seconds: float | None = None
    rate = 1000 / USUAL_MS

    def __init__(self, file: IO[bytes], most_seconds: float):
        self._picture = Image.open(file, formats=FORMATS)
        check_size(*self._picture.size)
        if self._picture.format == "WEBP":  # its frames are counted in the header, those of a GIF by reading all of it
            self.frames = getattr(self._picture, "n_frames", None)
            check_length((self.frames or 0) / 1000, most_seconds)

    def pictures(self) -> Iterator[tuple[float, np.ndarray]]:
        """Seconds since the first picture and the picture, uint8 (H, W, 3) RGB, one after the other. VideoError."""
        passed = 0.0
        number = 0
        while True:
            try:
                self._picture.seek(number)
                rgb = rgb_of(self._picture)
            except EOFError:
                return
            except Exception:  # decoders raise many kinds of exception on damaged files
                self.damaged = True
                return
            duration = self._picture.info.get("duration") or 0
            yield passed, rgb
            passed += (duration if duration > 10 else USUAL_MS) / 1000
            number += 1

    def close(self) -> None:
        """Closes the file."""
        self._picture.close()
