"""The editor of a photo's points: editor.js draws and drags, the corrections themselves are kept by visitor_corrections.py."""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import streamlit as st
from PIL import Image

from model import open_photo
from model.output.corrections import Label
from model.runtime.topology import FACE_CONTOURS, FINGERS, HAND_EDGES, PALM_COLOUR, POINT_NAMES
from pages.parts.album.photo_list import Photo, PhotoList, visitors_photo_list
from pages.parts.correct.visitor_corrections import Correction, visitors_corrections
from pages.parts.downloads.download_links import Made, address_of
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.style.component_css import component_css
from pages.parts.style.palette import FACE

VIEW = 2048  # longer side in pixels of the editor's picture: small hands can be enlarged

_HERE = Path(__file__)
_component = st.components.v2.component(
    "pointillist_editor",
    html=_HERE.with_name("editor.html").read_text(encoding="utf-8"),
    css=component_css(_HERE.with_name("editor.css")),
    js=_HERE.with_name("editor.js").read_text(encoding="utf-8"),
)

_BY_POINT = {point: finger.colour for finger in FINGERS for point in finger.points}
EDGES = {"hand": [list(edge) for edge in HAND_EDGES], "face": [list(edge) for contour in FACE_CONTOURS for edge in contour.edges]}
COLOURS = {"hand": [_BY_POINT.get(point, PALM_COLOUR) for point in range(len(POINT_NAMES["hand"]))], "face": [FACE]}
NAMES = {kind: [name.replace("_", " ") for name in names] for kind, names in POINT_NAMES.items()}


def show_editor(photo: Photo) -> None:
    """The photo with points to move, and the buttons beside it. Every edit runs the surrounding fragment again."""
    correction = visitors_corrections().of(photo)
    if correction is None:
        return
    key = f"editor_{photo.key}"
    _component(key=key, data=editor_data(photo, correction), on_edits_change=partial(_take, key, photo.key))


def editor_data(photo: Photo, correction: Correction) -> dict:
    """What editor.js draws; points with a hundredth of a pixel."""
    labels, file = correction.history.present, f"{photo.key}.editor.jpg"
    made = Made(partial(_picture, visitors_photo_list(), photo.key), file, "image/jpeg")
    return {
        "picture": address_of(file, made),
        "width": labels.width,
        "height": labels.height,
        "instances": [
            {"number": label.number, "kind": label.kind, "name": name, "handedness": label.handedness, "points": label.points.round(2).astype(float).tolist()}
            for name, label in named(labels.instances)
        ],
        "names": NAMES,
        "edges": EDGES,
        "colours": COLOURS,
        "canUndo": correction.history.can_undo,
        "canRedo": correction.history.can_redo,
        "applied": correction.applied,
        "chosen": correction.chosen,
        "said": correction.said,
    }


def named(labels: tuple[Label, ...]) -> list[tuple[str, Label]]:
    """A name for each: 'Right hand', 'Face 2', ..."""
    plain = [f"{label.handedness} hand".capitalize() if label.kind == "hand" else "Face" for label in labels]
    return [(f"{name} {plain[: n + 1].count(name)}" if plain.count(name) > 1 else name, label) for n, (name, label) in enumerate(zip(plain, labels))]


def _take(key: str, photo_key: str) -> None:
    """The edits that the editor has sent, before the page runs again."""
    edits = st.session_state[key].get("edits")
    photo = next((photo for photo in visitors_photo_list() if photo.key == photo_key), None)
    if photo is not None and isinstance(edits, list):
        visitors_corrections().edit(photo, [edit for edit in edits if isinstance(edit, dict)])


def _picture(photo_list: PhotoList, key: str) -> Iterator[bytes]:
    """JPEG of the upright photo, VIEW pixels long at most; nothing if the photo has been removed."""
    for photo in [photo for photo in list(photo_list) if photo.key == key]:
        with WORK_QUEUE.slot():
            rgb = open_photo(photo.content)
            scale = min(VIEW / max(rgb.shape[:2]), 1.0)
            size = max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1)
            file = io.BytesIO()
            Image.fromarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb).save(file, "JPEG", quality=90)
        yield file.getvalue()
