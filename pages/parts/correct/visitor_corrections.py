"""The corrections of one visitor's photos: kept while the visitor goes from page to page, gone with the photos."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from model import Landmarker, open_photo
from model.output.coco_folder import LabelledPhoto
from model.output.corrections import EditError, History, Labels, labels_of
from model.runtime.geometry import ROI, roi_from_box
from model.runtime.refinement import request_around
from model.runtime.result import Instance
from pages.parts.album.photo_list import Photo, PhotoList, visitors_photo_list
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.shared.landmarker import shared_landmarker

UPS = ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))  # directions that may be up in a box drawn by a person
UNSURE = 0.5  # presence below which the page says that the network sees no such object


@dataclass
class Correction:
    """One photo's: its history; applied: the number of the last edit that the editor sent; chosen: the instance to show, if it changes;
    said: one sentence for the visitor."""

    history: History
    applied: int = 0
    chosen: int | None = None
    said: str = ""
    untouched: bool = field(default=True)  # since the network's result was taken over


class VisitorsCorrections:
    """By the keys of a photo list's photos."""

    def __init__(self, photo_list: PhotoList):
        self._photo_list = photo_list
        self._corrections: dict[str, Correction] = {}

    def of(self, photo: Photo) -> Correction | None:
        """None for a photo that cannot be read. What nobody has touched follows the limits of what is shown."""
        if photo.shown is None:
            return None
        known = self._corrections.get(photo.key)
        if known is None or (known.history.present.width, known.history.present.height) != (photo.shown.width, photo.shown.height):
            known = self._corrections[photo.key] = Correction(History(labels_of(photo.shown)))
        elif known.untouched:
            known.history = History(labels_of(photo.shown))
        return known

    def edit(self, photo: Photo, edits: Iterable[Mapping]) -> None:
        """The edits that have not been applied yet, in their order. One that cannot be done says why."""
        correction = self.of(photo)
        if correction is None:
            return
        for edit in sorted((edit for edit in edits if isinstance(edit.get("n"), int)), key=lambda edit: edit["n"]):
            if edit["n"] > correction.applied:
                correction.applied = edit["n"]
                try:
                    self._do(photo, correction, edit)
                except EditError as error:
                    correction.said = str(error)

    def _do(self, photo: Photo, correction: Correction, edit: Mapping) -> None:
        history = correction.history
        correction.said = ""
        correction.untouched = False
        if edit.get("do") == "undo":
            history.undo()
        elif edit.get("do") == "redo":
            history.redo()
        elif edit.get("do") == "add":
            instance = instance_in_box(photo, edit)
            history.do(history.present.added(instance))
            correction.chosen = history.present.instances[-1].number
            sure = f"The network is {instance.score:.0%} sure of this {instance.kind}."
            correction.said = f"{sure} Correct its points." if instance.score >= UNSURE else f"{sure} Its points may be far off: correct or remove it."
        else:
            history.do(history.present.edited(edit))

    def put(self, photo: Photo, labels: Labels) -> None:
        """Labels that the visitor has brought back, in place of all that is known of the photo."""
        self._corrections[photo.key] = Correction(History(labels), untouched=False)

    def corrected(self) -> list[LabelledPhoto]:
        """The photos in which the visitor has changed something, in the order they came. What belongs to removed photos is dropped."""
        photos = {photo.key: photo for photo in self._photo_list}
        self._corrections = {key: correction for key, correction in self._corrections.items() if key in photos}
        changed = ((photo, self._corrections.get(key)) for key, photo in photos.items())
        return [LabelledPhoto(photo.label, photo.content, each.history.present) for photo, each in changed if each and each.history.present.corrected]


def visitors_corrections() -> VisitorsCorrections:
    """This visitor's."""
    if "corrections" not in st.session_state:
        st.session_state["corrections"] = VisitorsCorrections(visitors_photo_list())
    return st.session_state["corrections"]


def instance_in_box(photo: Photo, edit: Mapping) -> Instance:
    """What the network places in a box (x, y, w, h) that a person has drawn: of four directions that may be up, the one in which it is surest;
    once more with the ROI around these points. Raises EditError."""
    try:
        kind, box = edit["kind"], tuple(float(side) for side in edit["box"])
        x, y, w, h = box
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise EditError("This box cannot be understood.") from error
    if kind not in ("hand", "face") or not np.isfinite(box).all() or min(w, h) < 2:
        raise EditError("This box is too small for a hand or face.")
    with WORK_QUEUE.slot():
        rgb = open_photo(photo.content)
        if not (-rgb.shape[1] < x < rgb.shape[1] and -rgb.shape[0] < y < rgb.shape[0] and max(w, h) <= 2 * max(rgb.shape[:2])):
            raise EditError("This box lies outside the photo.")
        return surest(shared_landmarker(), rgb, [(kind, roi_from_box(kind, (x, y, w, h), up)) for up in UPS])


def surest(landmarker: Landmarker, rgb: np.ndarray, requests: list[tuple[str, ROI]]) -> Instance:
    """The instance of highest presence among these ROIs, predicted once more around its points."""
    first = max(landmarker.predict(rgb, requests), key=lambda instance: instance.score)
    (again,) = landmarker.predict(rgb, [request_around(first)])
    return again if again.score >= first.score else first
