"""Whether a file is a photo or a video: by its content, not by its name. Imports no decoder of videos, for it is asked of every file."""

import io
import os

from ..constants import CONSTANTS
from ..photo.image_file import looks_like_video
from .animation_decoder import is_animation

VIDEO_SUFFIXES: frozenset[str] = frozenset(CONSTANTS["video"]["suffixes"])  # GIF and WebP are among those of photos
HEAD = 1024  # bytes that tell a video


def is_video(source: bytes | str | os.PathLike) -> bool:
    """Whether it (a file's bytes, or its path) is a video, or a GIF or WebP of several pictures. False for what cannot be read."""
    try:
        if not isinstance(source, bytes) and not os.path.isfile(source):
            return False
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            if looks_like_video(file.read(HEAD)):
                return True
            file.seek(0)
            return is_animation(file)
    except (OSError, ValueError):
        return False
