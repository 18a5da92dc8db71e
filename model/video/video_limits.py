"""What a video may be, and the one kind of error that says that it is not so."""

from ..constants import CONSTANTS

_LIMITS = CONSTANTS["video"]  # the browser has the same
MOST_PIXELS: int = _LIMITS["most_pixels"]  # of a frame: 4K, that of cinemas (4096 x 2160) too
MOST_SIDE: int = _LIMITS["most_side"]  # pixels; H.264's own limit
MOST_SECONDS = 3600.0
MOST_FRAMES: int = _LIMITS["most_frames"]  # an hour at 60 frames a second
MOST_BYTES: int = _LIMITS["most_bytes"]  # of a video that is given as bytes, and so lies in memory; a file is read piece by piece


class VideoError(ValueError):
    """A video that cannot be used; its text is one plain sentence for the person who chose the video.

    again: the file's content is not to blame (it could not be read, memory was short), so trying again may help.
    """

    def __init__(self, sentence: str, again: bool = False):
        super().__init__(sentence)
        self.again = again


def check_size(width: int, height: int) -> None:
    """VideoError if frames of so many pixels are too large, or none."""
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE:
        limit = f"{MOST_PIXELS // 1_000_000} megapixels (4K) and {MOST_SIDE:,} pixels a side"
        raise VideoError(f"The video's frames are too large: {width} x {height} pixels; the limit is {limit}.")


def check_length(seconds: float, most_seconds: float) -> None:
    """VideoError if it is longer than allowed; a second more does not matter."""
    if seconds > most_seconds + 1:
        raise VideoError(f"The video is too long: {in_words(seconds)}, the limit is {in_words(most_seconds)}.")


def in_words(seconds: float) -> str:
    """'2 h 5 min', '3 min 20 s', '12 s', '0.4 s'."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
