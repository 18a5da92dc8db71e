"""Training on a visitor's corrections, as a process of its own: what it is given, and what it leaves behind."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from model import open_photo
from model.constants import CROP, KINDS
from model.output import coco_folder
from model.output.coco_folder import LabelledPhoto
from model.runtime.geometry import extract_crop, roi_from_points
from pages.parts.server.background_run import BackgroundRun, python_command
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.shared.data_url import picture_url

MOST_SHOWN = 6  # corrected crops that are shown while their points move
TRACE, ZIP = "trace.json", "own.zip"


@dataclass(frozen=True)
class Lesson:
    """What a visitor's training learns from. crops: addresses of the first corrected crops, as the trace's predictions lie on them."""

    kind: str
    crops: list[str]


@dataclass(frozen=True)
class Taught:
    """A finished training: the lesson, the trace (export/own_network.py) and the ZIP with the network."""

    lesson: Lesson
    trace: dict
    content: bytes


@st.cache_resource(show_spinner=False)
def shared_teaching() -> BackgroundRun:
    """The server's only training on corrections."""
    return BackgroundRun("pointillist-teach-")


def counts(photos: list[LabelledPhoto]) -> dict[str, int]:
    """Kind -> corrected instances and false detections of it; kinds without any are left out."""
    labels = [label for photo in photos for label in (*photo.labels.removed, *(each for each in photo.labels.instances if each.corrected))]
    found = {kind: sum(label.kind == kind for label in labels) for kind in KINDS}
    return {kind: count for kind, count in found.items() if count}


def command(kind: str, folder: Path) -> list[str]:
    """The training's command line."""
    return python_command("export.own_network", "--kind", kind, "--output", str(folder))


def start(teaching: BackgroundRun, owner: str, kind: str, photos: list[LabelledPhoto]) -> Lesson | None:
    """Begins a training on these photos, which go to the process through a pipe; None if another one is running."""
    if not teaching.begin(owner, lambda folder: command(kind, folder), coco_folder.pieces(photos)):
        return None
    return Lesson(kind, _crops(kind, photos))


def _crops(kind: str, photos: list[LabelledPhoto]) -> list[str]:
    found: list[str] = []
    for photo in photos:
        own = [label for label in photo.labels.instances if label.kind == kind and label.corrected][: MOST_SHOWN - len(found)]
        if own:
            with WORK_QUEUE.slot():
                rgb = open_photo(photo.content)
            found += [picture_url(extract_crop(rgb, roi_from_points(kind, label.points), CROP)) for label in own]
    return found
