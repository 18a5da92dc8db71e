"""Pointillist: the landmarks of every hand and face in a photo or a live camera picture.

    >>> from model import Landmarker, open_photo
    >>> result = Landmarker().detect(open_photo("model/examples/greeting.webp"))
    >>> len(result.hands), len(result.faces)
    (2, 1)

An installation has it as `pointillist`: `from pointillist import Landmarker`.

The runtime needs numpy, OpenCV, Pillow and onnxruntime; torch is for training only and is never imported
from here. Names are loaded when they are first used, so that `import model` stays fast.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .photo.image_file import PhotoError as PhotoError
    from .photo.image_file import open_photo as open_photo
    from .runtime.geometry import ROI as ROI
    from .runtime.landmarker import Landmarker as Landmarker
    from .runtime.landmarker import WeightsError as WeightsError
    from .runtime.result import Face as Face
    from .runtime.result import Hand as Hand
    from .runtime.result import Result as Result
    from .runtime.result import Trace as Trace
    from .tracking.tracker import Tracker as Tracker
    from .video.tracks import TrackedFrame as TrackedFrame
    from .video.tracks import Tracks as Tracks
    from .video.video_file import open_video as open_video
    from .video.video_limits import VideoError as VideoError

# onnxruntime would keep a number of this machine in the home folder and report its use to its makers. Read as it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_HOMES = {
    "Landmarker": "runtime.landmarker",
    "WeightsError": "runtime.landmarker",
    "Tracker": "tracking.tracker",
    "Result": "runtime.result",
    "Hand": "runtime.result",
    "Face": "runtime.result",
    "Trace": "runtime.result",
    "ROI": "runtime.geometry",
    "open_photo": "photo.image_file",
    "PhotoError": "photo.image_file",
    "Tracks": "video.tracks",
    "TrackedFrame": "video.tracks",
    "open_video": "video.video_file",
    "VideoError": "video.video_limits",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
