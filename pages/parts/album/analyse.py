"""Runs the model on the photos of a photo list, and makes the pictures to show of them.

Whatever opens a photo at its full size takes a slot of the queue for it (work_queue.py): that bounds the server's memory.
"""

import io
import logging
import time
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import streamlit as st
from PIL import Image

from model import Landmarker, PhotoError, Result, open_photo
from model.output.draw import Layers, draw
from model.runtime.confidence import MIN_CONFIDENCE
from pages.parts.album.photo_list import Photo, PhotoList
from pages.parts.server.event_log import record
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.shared.examples import Example
from pages.parts.shared.landmarker import shared_landmarker

# Longer side in pixels of the pictures shown on the page; downloads have the photo's own size. Small photos are enlarged
# so that the drawing in them is smooth.
VIEW_LEAST, VIEW_MOST = 640, 1280
THUMBNAIL, EXAMPLE = 192, 480  # longer side of a thumbnail, width of an example, in pixels
MAX_UNCERTAIN = 20  # rejected detections kept of a photo: some hundred kilobytes at most

log = logging.getLogger(__name__)


def analyse_waiting(photo_list: PhotoList, landmarker: Landmarker) -> None:
    """Analyse every photo that is new, with a progress bar. A photo that can't be read gets its sentence, no more."""
    waiting = photo_list.waiting
    if not waiting:
        return
    bar = st.progress(0.0)
    for done, photo in enumerate(waiting):
        share = done / len(waiting)

        def say(ahead: int, share=share) -> None:
            bar.progress(share, f"In the queue: {ahead} photo{'' if ahead == 1 else 's'} ahead of yours")

        twin = next((other for other in photo_list if other.analysed and other.digest == photo.digest), None)
        if twin:  # the same picture under another name
            photo.result, photo.error, photo.thumbnail = twin.result, twin.error, twin.thumbnail
            continue
        with WORK_QUEUE.slot(say) as waited:
            bar.progress(share, f"Analysing photo {done + 1} of {len(waiting)} …")
            _analyse(photo, landmarker, waited)
    bar.empty()


def _analyse(photo: Photo, landmarker: Landmarker, waited: float = 0.0) -> None:
    """waited: seconds in the queue, for the event log."""
    found: dict[str, Any] = {}
    started = time.perf_counter()
    try:
        rgb = open_photo(photo.content)
        found["open_ms"] = 1000 * (time.perf_counter() - started)
        photo.thumbnail = _thumbnail(rgb)
        result = photo.result = landmarker.detect(rgb, max_uncertain=MAX_UNCERTAIN)
        found |= {"width": result.width, "height": result.height, "hands": len(result.hands), "faces": len(result.faces)}
        found["timings_ms"] = dict(result.timings)
    except PhotoError as error:
        photo.error = found["error"] = str(error)
    except Exception:  # one photo must not stop the others, whatever is wrong with it
        log.exception("a photo of %d bytes could not be analysed", len(photo.content))
        photo.error = found["error"] = "Something went wrong while this photo was analysed. The other photos are not affected."
    total = 1000 * (time.perf_counter() - started)
    record("photo", bytes=len(photo.content), waited_ms=1000 * waited, total_ms=total, **found)


def take_over(photo: Photo, rgb: np.ndarray, result: Result) -> None:
    """Makes this the photo's result. rgb: its pixels, uint8 (H, W, 3)."""
    photo.thumbnail, photo.result = _thumbnail(rgb), result


def _thumbnail(rgb: np.ndarray) -> bytes:
    """JPEG."""
    scale = min(THUMBNAIL / max(rgb.shape[:2]), 1.0)
    size = max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1)
    return _jpeg(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def _jpeg(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    # Full colour resolution: thin coloured lines would bleed otherwise.
    Image.fromarray(rgb).save(file, "JPEG", quality=88, subsampling=0)
    return file.getvalue()


# Each visitor's pictures are cached apart and go when the visitor goes. The digest stands for the content.


@st.cache_resource(scope="session", max_entries=8, show_spinner=False)
def _view(digest: str, _content: bytes) -> np.ndarray:
    with WORK_QUEUE.slot():
        rgb = open_photo(_content)
        height, width = rgb.shape[:2]
        longer = max(height, width)
        scale = min(max(longer, VIEW_LEAST), VIEW_MOST) / longer
        if scale == 1:
            return rgb
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


@st.cache_resource(scope="session", max_entries=60, show_spinner=False)
def _annotated_view(digest: str, layers: Layers, scores: tuple, _photo: Photo, _result: Result) -> bytes:
    return _jpeg(draw(view(_photo), _result, layers))


@st.cache_resource(scope="session", max_entries=60, show_spinner=False)
def _plain_view(digest: str, _photo: Photo) -> bytes:
    return _jpeg(view(_photo))


@st.cache_resource(scope="session", max_entries=3, show_spinner="Running the network once more, with its insides …")
def _traced(digest: str, min_confidence: tuple[tuple[str, float], ...], _content: bytes) -> Result:
    least = dict(min_confidence)
    kept = MAX_UNCERTAIN if least != MIN_CONFIDENCE else 0  # found as the page's own result was, so that both hold the same
    with WORK_QUEUE.slot():
        result = shared_landmarker().detect(open_photo(_content), trace=True, max_uncertain=kept)
    return replace(result.filtered(least), uncertain=())  # a trace takes more than a megabyte


def view(photo: Photo) -> np.ndarray:
    """The photo, upright, VIEW_LEAST to VIEW_MOST pixels long, uint8 (H, W, 3); kept, so only to be read."""
    return _view(photo.digest, photo.content)


def plain_view(photo: Photo) -> bytes:
    """JPEG of the photo as the page shows it, without landmarks."""
    return _plain_view(photo.digest, photo)


def annotated_view(photo: Photo, layers: Layers) -> bytes:
    """JPEG of the photo with its landmarks, for the page."""
    result = photo.findings
    drawn = (result.hands, result.faces, result.uncertain if layers.uncertain else ())
    scores = tuple(tuple(instance.score for instance in instances) for instances in drawn)  # they tell which detections of the photo are drawn
    return _annotated_view(photo.digest, layers, scores, photo, result)


@st.cache_resource(show_spinner=False)
def drawn_example(example: Example) -> bytes:
    """JPEG of the example, small, with the points that this server's own network finds; kept for all visitors."""
    with WORK_QUEUE.slot():
        rgb = open_photo(example.path)
        result = shared_landmarker().detect(rgb)
        size = EXAMPLE, round(EXAMPLE * rgb.shape[0] / rgb.shape[1])
        return _jpeg(draw(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), result, Layers(labels=False)))


def traced(photo: Photo) -> Result:
    """What is shown of the photo, with the trace of every hand and face. Only a minimum below the released one needs another run."""
    lowest = tuple((kind, min(least, MIN_CONFIDENCE[kind])) for kind, least in photo.limits.min_confidence.items())
    return photo.limits.applied(_traced(photo.digest, lowest, photo.content))
