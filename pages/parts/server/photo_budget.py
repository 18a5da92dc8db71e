"""The room for the photos of all visitors together, and who makes room when it gets scarce: those who have left.

A visitor's photos are kept for some minutes after the connection was lost (a locked phone comes back); here they may go
sooner. Only photos as they came in are counted: pictures made of them belong to connected visitors, a few for each.
"""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import get_option, runtime

VARIABLE = "POINTILLIST_PHOTOS_MB"
USUALLY = 2000
FULL = (
    "This server has no room for more photos at the moment. Try again in a few minutes, or switch “On this device” on: "
    "then the photos stay with you."
)


class Album(Protocol):
    """What must be known of a visitor's photos."""

    visitor: str  # the session's id
    seen: float  # when the visitor's page ran last
    size: int  # bytes

    def let_go(self) -> None:
        """The photos are dropped to make room."""


class Storeroom:
    """most: bytes that all visitors' photos may take; visitors whose photos come in at the same moment may exceed it by these."""

    def __init__(self, most: int):
        self.most = most
        self.refused: deque[str] = deque(maxlen=1000)  # ids of uploads, the newest
        self._albums: weakref.WeakSet[Album] = weakref.WeakSet()
        self._lock = threading.RLock()

    def register(self, album: Album) -> None:
        with self._lock:
            self._albums.add(album)

    def used(self) -> int:
        with self._lock:
            return sum(album.size for album in self._albums)

    def has_room(self, size: int, used: Callable[[], int] | None = None) -> bool:
        """Whether `size` bytes fit in, if need be in the place of photos whose owners have left, the longest gone first.

        used: bytes taken, by default those of the albums.
        """
        used = used or self.used
        with self._lock:
            for album in sorted(self._albums, key=lambda album: album.seen):
                if used() + size <= self.most:
                    break
                if _has_left(album.visitor):
                    album.let_go()
            return used() + size <= self.most


def _has_left(visitor: str) -> bool:
    return runtime.exists() and not runtime.get_instance().is_active_session(visitor)


def forget_uploads(visitor: str) -> None:
    """Drops Streamlit's copies of all that the visitor has uploaded; it would keep them until the visitor has left."""
    if runtime.exists():
        runtime.get_instance().uploaded_file_mgr.remove_session_files(visitor)


def _most() -> int:
    try:
        return max(int(os.environ.get(VARIABLE, "")), 1) * 1_000_000
    except ValueError:
        return USUALLY * 1_000_000


STOREROOM = Storeroom(_most())  # of this server


class UploadGate:
    """ASGI middleware: what does not fit in is dropped as it comes in. Streamlit keeps uploads in a store of its own, where
    they wait until the page puts them into the album, many at once if many were dropped.

    The browser is told that all went well: it has no better words for an error than "AxiosError". The page finds the file
    missing, looks into `refused` and says what is the matter.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._coming_in = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or "/_stcore/upload_file/" not in scope["path"]:
            return await self.app(scope, receive, send)
        size = _announced(scope)
        if not STOREROOM.has_room(size, lambda: _uploaded() + self._coming_in):
            STOREROOM.refused.append(scope["path"].rsplit("/", 1)[-1])
            while (await receive()).get("more_body"):
                pass
            return await Response(status_code=204)(scope, receive, send)
        self._coming_in += size
        try:
            await self.app(scope, receive, send)
        finally:
            self._coming_in -= size


def _announced(scope: Scope) -> int:
    """Bytes that the request says it brings, at most what is let through anyway; that much too where it says nothing."""
    most = get_option("server.maxUploadSize") * 1024 * 1024
    length = dict(scope["headers"]).get(b"content-length", b"")
    return min(int(length), most) if length.isdigit() else most


def _uploaded() -> int:
    """Bytes in Streamlit's store of uploads."""
    return sum(stat.byte_length for stats in runtime.get_instance().uploaded_file_mgr.get_stats().values() for stat in stats)
