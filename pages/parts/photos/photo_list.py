"""The photos of one visitor: kept while the visitor goes from page to page, gone when the tab is closed."""

import hashlib
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from model import Result
from model.output.serialize import distinct
from pages.parts.photos.confidence_options import Limits
from pages.parts.server import photo_budget

MOST_PHOTOS = 60
MOST_STEM = 200  # bytes of a download's name without its ending; file systems take 255 with it
MOST_BYTES = 300_000_000  # of all photos of one visitor together
FULL = (
    f"Not all photos were taken in: the limit is {MOST_PHOTOS} photos or {MOST_BYTES // 1_000_000} MB together. "
    "Remove some and add the rest."
)
GONE = (
    "Your photos are no longer on this server: it was restarted, or you were away for long. They were only in its memory. "
    "Please drop them again."
)


@dataclass
class Photo:
    """One photo as it came in, and what was found in it: `result`, uncertain detections too, or `error`; neither before it was looked at.
    `shown`: what of the result the limits let through."""

    name: str  # as its owner wrote it: show it as plain text only
    content: bytes
    result: Result | None = None
    error: str | None = None  # one plain sentence
    limits: Limits = Limits()
    label: str = field(init=False)  # the whole name, for exports; an album numbers what it has already
    digest: str = field(init=False)  # of the content: the same picture is analysed once
    key: str = field(init=False)  # of name and content: names the photo's widgets

    def __post_init__(self) -> None:
        # No system has these in a name: folders, NUL, halves of characters.
        self.label = self.name.rsplit("/", 1)[-1].replace("\0", "").encode("utf-8", "replace").decode() or "photo"
        self.digest = hashlib.sha256(self.content).hexdigest()
        self.key = hashlib.sha256(self.name.encode("utf-8", "replace") + b"\0" + self.content).hexdigest()[:16]

    @property
    def looked_at(self) -> bool:
        return self.result is not None or self.error is not None

    @property
    def shown(self) -> Result | None:
        return self.result and self.limits.applied(self.result)

    @property
    def shown_name(self) -> str:
        """The label without its folder and control characters, shortened in the middle; still not safe as markup."""
        name = self._plain_name
        return name if len(name) <= 60 else f"{name[:38]}…{name[-20:]}"

    @property
    def _plain_name(self) -> str:
        name = self.label.replace("\\", "/").rsplit("/", 1)[-1]
        # C*: control and formatting characters, among them those that turn the writing direction
        return "".join(c for c in name if not unicodedata.category(c).startswith("C")).strip() or "photo"

    @property
    def stem(self) -> str:
        """A file name without extension for downloads: letters, digits, '-' and '_' only."""
        stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(self._plain_name).stem).strip("_")
        return stem.encode()[:MOST_STEM].decode(errors="ignore") or "photo"


class Album:
    """Photos in the order they came, each once; bounded in number and size. visitor: the id of the visitor's session."""

    def __init__(self, visitor: str = "") -> None:
        self._photos: dict[str, Photo] = {}
        self.visitor = visitor
        self.seen = time.monotonic()  # when the visitor's page ran last
        self.round = 0  # grows when the album is emptied, so that the widgets start anew too
        self._complaints: dict[str, None] = {}  # each once, in order

    def __iter__(self):
        return iter(self._photos.values())

    def __len__(self) -> int:
        return len(self._photos)

    @property
    def size(self) -> int:
        """Bytes of all photos."""
        return sum(len(photo.content) for photo in list(self))

    def add(self, name: str, content: bytes) -> str | None:
        """Take a photo in and return its key; None if this album or the whole server is full."""
        photo = Photo(name, content)
        if photo.key in self._photos:
            return photo.key
        if len(self) >= MOST_PHOTOS or len(content) + self.size > MOST_BYTES:
            self._complaints[FULL] = None
        elif not photo_budget.STOREROOM.has_room(len(content)):
            self._complaints[photo_budget.FULL] = None
        else:
            *_, photo.label = distinct([*(other.label for other in self), photo.label])
            self._photos[photo.key] = photo
            return photo.key
        return None

    def complaints(self) -> list[str]:
        """What the visitor must hear about photos that are not here, in sentences; each time only what is new."""
        new, self._complaints = list(self._complaints), {}
        return new

    def remove(self, key: str) -> None:
        self._photos.pop(key, None)

    def clear(self) -> None:
        self._photos.clear()
        self.round += 1
        photo_budget.forget_uploads(self.visitor)

    def let_go(self) -> None:
        """The visitor has left and others need the room."""
        if self._photos:
            self._complaints[GONE] = None
        self.clear()

    def empty_drop_zone(self, complaint: str) -> None:
        """It shows files that are not here; what is here stays."""
        self.round += 1
        self._complaints[complaint] = None

    def limit(self, limits: Limits) -> None:
        """What is shown, tabulated and downloaded of all photos from now on."""
        for photo in list(self):
            photo.limits = limits

    @property
    def waiting(self) -> list[Photo]:
        return [photo for photo in self if not photo.looked_at]

    @property
    def last_found(self) -> Photo | None:
        """The newest photo in which something was found."""
        return next((p for p in reversed(list(self)) if p.shown and (p.shown.hands or p.shown.faces)), None)


def visitors_album() -> Album:
    """This visitor's album; pages other than the upload page may read it."""
    if "album" not in st.session_state:
        album = st.session_state["album"] = Album(get_script_run_ctx().session_id)
        photo_budget.STOREROOM.register(album)
    album = st.session_state["album"]
    album.seen = time.monotonic()
    return album
