"""The room for the photos of all visitors together, and who makes room when it gets scarce: those who have left.

A visitor's photos are kept for some minutes after the connection was lost (a locked phone comes back); here they may go
earlier. Only photos as they came in are counted: pictures made of them belong to connected visitors, a few for each.
"""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Protocol

from streamlit import runtime

VARIABLE = "POINTILLIST_PHOTOS_MB"
USUALLY = 2000
FULL = "This server has no room for more photos at the moment. Try again in a few minutes, or switch “Process on my device” on: then the photos stay with you."


class PhotoList(Protocol):
    """What must be known of a visitor's photos."""

    visitor: str  # the session's id
    seen: float  # when the visitor's page ran last

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def evict(self) -> None:
        """The photos are dropped to make room."""


class PhotoBudget:
    """most: bytes that all visitors' photos may take; visitors with photos that come in at the same moment may exceed it by these."""

    def __init__(self, most: int):
        self.most = most
        self.refused: deque[str] = deque(maxlen=1000)  # ids of uploads, the newest
        self._photo_lists: weakref.WeakSet[PhotoList] = weakref.WeakSet()
        self._lock = threading.RLock()

    def register(self, photo_list: PhotoList) -> None:
        """Counts this visitor's photos from now on, as long as the list lives."""
        with self._lock:
            self._photo_lists.add(photo_list)

    def used(self) -> int:
        """Bytes that all visitors' photos take."""
        with self._lock:
            return sum(photo_list.size for photo_list in self._photo_lists)

    def has_room(self, size: int, used: Callable[[], int] | None = None) -> bool:
        """Whether `size` bytes fit in, if need be in the place of photos that absent visitors left, the longest gone first.

        used: bytes taken, by default those of the photo lists.
        """
        used = used or self.used
        with self._lock:
            for photo_list in sorted(self._photo_lists, key=lambda photo_list: photo_list.seen):
                if used() + size <= self.most:
                    break
                if _has_left(photo_list.visitor):
                    photo_list.evict()
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


PHOTO_BUDGET = PhotoBudget(_most())  # of this server
