"""Corrected photos as a ZIP that holds a folder in COCO-keypoints form, as model/data/coco.py reads it, and back again.

FOLDER/annotations.json has 21 keypoints a hand and 478 a face, FOLDER/images/ the photos as they came in. Beyond COCO: `handedness`;
`corrected`, whether a person has changed or added the hand or face; an image's `false_detections`, where a person said that there is none.
"""

import json
import math
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from ..runtime.topology import POINT_NAMES
from .corrections import MOST_INSTANCES, SIDES, Label, Labels
from .serialize import coco_annotation, coco_frame, coco_image, distinct
from .zip_stream import Window

FOLDER, TABLE, PICTURES = "corrections", "annotations.json", "images"
CATEGORIES = {"hand": 1, "face": 2}
MOST_PHOTOS = 60
MOST_BYTES = 300_000_000  # of all photos together
MOST_TABLE = 50_000_000  # bytes of annotations.json
MOST_FILES = 1000  # entries of a ZIP: its list is read first


class FolderError(ValueError):
    """The ZIP cannot be used; its text is one plain sentence."""


@dataclass(frozen=True)
class LabelledPhoto:
    """One photo as it came in, with its labels. name: that of its file."""

    name: str
    content: bytes
    labels: Labels


def pieces(photos: Iterable[LabelledPhoto]) -> Iterator[bytes]:
    """The ZIP of these photos, a piece for each photo and one for the annotations: no more than one photo is copied at a time."""
    photos = list(photos)
    names = list(distinct(file_name(photo.name) for photo in photos))
    window = Window()
    with zipfile.ZipFile(window, "w", zipfile.ZIP_DEFLATED) as files:
        for name, photo in zip(names, photos):
            files.writestr(zipfile.ZipInfo(f"{FOLDER}/{PICTURES}/{name}"), photo.content)  # ZipInfo: stored, photos are compressed already
            yield window.taken()
        files.writestr(f"{FOLDER}/{TABLE}", json.dumps(table(zip(names, (photo.labels for photo in photos))), ensure_ascii=False))
    yield window.taken()


def table(named: Iterable[tuple[str, Labels]]) -> dict:
    """The content of annotations.json for (file name, labels)."""
    images: list[dict] = []
    annotations: list[dict] = []
    for image_id, (name, labels) in enumerate(named, 1):
        image = coco_image(image_id, name, labels.width, labels.height)
        images.append(image | {"false_detections": [_annotation(0, image_id, label, labels) for label in labels.removed]})
        for label in labels.instances:
            annotations.append(_annotation(len(annotations) + 1, image_id, label, labels))
    frame = coco_frame() | {"info": {"description": "Hands (21 points) and faces (478 points), corrected by a person with Pointillist"}}
    return frame | {"images": images, "annotations": annotations}


def file_name(name: str) -> str:
    """The name with nothing in it that a file system could take for a folder, a command or a hidden file."""
    kept = re.sub(r"[^\w.() -]", "_", name.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]).strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    return f"{stem[:80]}{dot}{suffix[:8]}" if stem else kept[:80] or "photo"


def read(file: IO[bytes]) -> list[LabelledPhoto]:
    """The photos of such a ZIP, of one that was unpacked, edited and packed again too. Raises FolderError."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise FolderError(f"This ZIP has more than {MOST_FILES} files.")
            place = next((entry for entry in entries if entry.filename.rsplit("/", 1)[-1] == TABLE), None)
            if place is None:
                raise FolderError(f"This ZIP has no {TABLE}: it is not one of corrections.")
            if place.file_size > MOST_TABLE:
                raise FolderError(f"The {TABLE} of this ZIP is larger than {MOST_TABLE // 1_000_000} MB.")
            labels = _labels(json.loads(archive.read(place)))
            folder = place.filename[: -len(TABLE)]
            sizes = {entry.filename: entry.file_size for entry in entries}
            paths = {name: next((path for path in (f"{folder}{PICTURES}/{name}", f"{folder}{name}") if path in sizes), None) for name in labels}
            if missing := next((name for name, path in paths.items() if path is None), None):
                raise FolderError(f"The photo {missing} is not in this ZIP.")
            if len(labels) > MOST_PHOTOS or sum(sizes[path] for path in paths.values() if path) > MOST_BYTES:
                raise FolderError(f"This ZIP has more than {MOST_PHOTOS} photos or {MOST_BYTES // 1_000_000} MB of them.")
            return [LabelledPhoto(name, archive.read(path), labels[name]) for name, path in paths.items() if path]
    except FolderError:
        raise
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:  # damaged, encrypted, packed in an unknown way
        raise FolderError("This file is no ZIP that can be read.") from error
    except Exception as error:  # whatever else the JSON inside may hold
        raise FolderError(f"The {TABLE} of this ZIP is not in the form that Pointillist writes.") from error


def _annotation(number: int, image_id: int, label: Label, labels: Labels) -> dict:
    low, high = label.points.min(0), label.points.max(0)
    box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    side = {"handedness": label.handedness} if label.handedness else {}
    annotation = coco_annotation(number, image_id, CATEGORIES[label.kind], label.points, box, (labels.width, labels.height))
    return annotation | side | {"corrected": label.corrected, "number": label.number}


def _labels(document: dict) -> dict[str, Labels]:
    """File name -> labels."""
    own: dict[int, list[Label]] = {}
    for annotation in document["annotations"]:
        own.setdefault(annotation["image_id"], []).append(_label(annotation, len(own.get(annotation["image_id"], ()))))
    found = {}
    for image in document["images"]:
        instances = own.get(image["id"], [])
        removed = [_label(annotation, 900 + n) for n, annotation in enumerate(image.get("false_detections", ()))]
        width, height = int(image["width"]), int(image["height"])
        if max(len(instances), len(removed)) > MOST_INSTANCES or min(width, height) < 1 or len({label.number for label in instances}) < len(instances):
            raise ValueError("too many or doubled labels")
        found[str(image["file_name"])] = Labels(width, height, tuple(instances), tuple(removed))
    return found


def _label(annotation: dict, number: int) -> Label:
    kind = {count: kind for kind, count in CATEGORIES.items()}[annotation["category_id"]]
    points = np.array(annotation["keypoints"], np.float32).reshape(-1, 3)[:, :2].copy()
    if len(points) != len(POINT_NAMES[kind]) or not np.isfinite(points).all() or math.isclose(float(np.ptp(points)), 0):
        raise ValueError("not the points of such an instance")
    side = annotation.get("handedness")
    if (side in SIDES) != (kind == "hand"):
        raise ValueError("a hand has a side, a face has none")
    return Label(int(annotation.get("number", number)), kind, points, side, bool(annotation.get("corrected", True)))
