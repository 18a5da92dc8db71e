"""The photos and videos of one visitor: kept while the visitor goes from page to page, gone when the tab is closed."""

import time
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from model import Result
from model.output.serialize import distinct
from model.video.media_type import is_video
from pages.parts.album.clip import Clip
from pages.parts.album.limits import Limits
from pages.parts.album.upload import Upload
from pages.parts.server import photo_budget

MOST_PHOTOS = 60
MOST_BYTES = 300_000_000  # of all photos of one visitor together
FULL = f"Not all photos were taken in: the limit is {MOST_PHOTOS} photos or {MOST_BYTES // 1_000_000} MB together. Remove some and add the rest."
GONE = "Your photos are no longer on this server: it was restarted, or you were away for long. They were only in its memory. Please drop them again."


@dataclass
class Photo(Upload):
    """One photo as it came in, and what was found in it: `result`, uncertain detections too, or `error`; neither before it was analysed.
    `shown`: what of the result the limits let through."""

    result: Result | None = None
    error: str | None = None  # one plain sentence
    limits: Limits = Limits()
    thumbnail: bytes = b""  # JPEG, once it was analysed

    @property
    def analysed(self) -> bool:
        """Whether it has a result or an error."""
        return self.result is not None or self.error is not None

    @property
    def shown(self) -> Result | None:
        """The result within the visitor's limits; None while there is none."""
        return self.result and self.limits.applied(self.result)

    @property
    def findings(self) -> Result:
        """`shown`, for code that runs only for photos that could be read. Raises ValueError for others."""
        if (shown := self.shown) is None:
            raise ValueError("This photo was not read.")
        return shown

    @property
    def editor(self) -> str:
        """Key of the page's expander in which its points are corrected; its state says whether that is open."""
        return f"correct_{self.key}"


class PhotoList:
    """Photos, and `clips`: videos, by their keys; in the order they came, each once; bounded in number and size together. visitor: the id of
    the visitor's session."""

    def __init__(self, visitor: str = "") -> None:
        self._photos: dict[str, Photo] = {}
        self.clips: dict[str, Clip] = {}
        self.chosen: str | None = None  # key of the photo that the page shows: the one that came last, or that the visitor chose
        self.visitor = visitor
        self.seen = time.monotonic()  # when the visitor's page ran last
        self.round = 0  # grows when the photo list is emptied, so that the widgets start anew too
        self._complaints: dict[str, None] = {}  # each once, in order
        self.is_new = True  # until the photos page has shown it

    def __iter__(self):
        return iter(self._photos.values())

    def __len__(self) -> int:
        return len(self._photos)

    @property
    def size(self) -> int:
        """Bytes of all photos and videos, with what was made of the latter."""
        return sum(len(photo.content) for photo in list(self)) + sum(clip.size for clip in list(self.clips.values()))

    def add(self, name: str, content: bytes) -> str | None:
        """Take a photo or video in and return its key; None if this photo list or the whole server is full."""
        upload = Clip(name, content) if is_video(content) else Photo(name, content)
        if upload.key in self._photos or upload.key in self.clips:
            return upload.key
        if len(self) + len(self.clips) >= MOST_PHOTOS or len(content) + self.size > MOST_BYTES:
            self._complaints[FULL] = None
        elif not photo_budget.PHOTO_BUDGET.has_room(len(content)):
            self._complaints[photo_budget.FULL] = None
        else:
            *_, upload.label = distinct([*(other.label for other in (*self, *self.clips.values())), upload.label])
            if isinstance(upload, Clip):
                self.clips[upload.key] = upload
            else:
                self._photos[upload.key] = upload
                self.chosen = upload.key
            return upload.key
        return None

    def complain(self, sentence: str) -> None:
        """The visitor is going to see it."""
        self._complaints[sentence] = None

    def complaints(self) -> list[str]:
        """What the visitor must hear about photos that are not here, in sentences; each time only what is new."""
        new, self._complaints = list(self._complaints), {}
        return new

    def remove(self, key: str) -> None:
        """Forgets the photo or video of this key."""
        self._photos.pop(key, None)
        if clip := self.clips.pop(key, None):
            clip.close()

    def clear(self) -> None:
        """Forgets all, and what the server's uploads hold of them."""
        self._photos.clear()
        for key in list(self.clips):
            self.remove(key)
        self.round += 1
        photo_budget.forget_uploads(self.visitor)

    def evict(self) -> None:
        """The visitor has left and others need the room."""
        if self._photos or self.clips:
            self._complaints[GONE] = None
        self.clear()

    def empty_drop_zone(self, complaint: str | None = None) -> None:
        """It shows files that are here already, or no longer; what is here stays."""
        self.round += 1
        photo_budget.forget_uploads(self.visitor)
        if complaint:
            self._complaints[complaint] = None

    def limit(self, limits: Limits) -> None:
        """What is shown, tabulated and downloaded of all photos from now on."""
        for photo in list(self):
            photo.limits = limits

    @property
    def current(self) -> Photo | None:
        """The photo to show; the last one if the chosen one is gone, None if there is none."""
        return self._photos.get(self.chosen or "") or next(reversed(self._photos.values()), None)

    @property
    def waiting(self) -> list[Photo]:
        """The photos that are not analysed yet."""
        return [photo for photo in self if not photo.analysed]

    @property
    def last_found(self) -> Photo | None:
        """The newest photo in which something was found."""
        return next((p for p in reversed(list(self)) if p.shown and (p.shown.hands or p.shown.faces)), None)


def visitors_photo_list() -> PhotoList:
    """This visitor's photo list; pages other than the upload page may read it."""
    if "photo_list" not in st.session_state:
        context = get_script_run_ctx()
        assert context is not None, "a page is running"
        photo_list = st.session_state["photo_list"] = PhotoList(context.session_id)
        photo_budget.PHOTO_BUDGET.register(photo_list)
    photo_list = st.session_state["photo_list"]
    photo_list.seen = time.monotonic()
    return photo_list
