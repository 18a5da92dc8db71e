"""The queue of photos: a bounded number is processed at once in slots, the others wait in the order they came.

A visitor takes a slot for every single photo, so that one with sixty photos and one with one alternate. Knows nothing
of Streamlit.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from model.inference import cpus

VARIABLE = "POINTILLIST_PLACES"
PATIENCE = 0.3  # seconds between two calls of what waits, and so the longest that a visitor who has gone keeps a place


class WorkQueue:
    """places: how many slots there are. One object serves all visitors; any of their threads may call it."""

    def __init__(self, places: int):
        self.places = places
        self._changed = threading.Condition()
        self._tickets: list[object] = []  # in the order they came; the first `places` of them are at work

    @contextmanager
    def slot(self, waiting: Callable[[int], None] = lambda ahead: None) -> Iterator[float]:
        """Waits for a slot, keeps it while the body runs, and gives how many seconds the wait was.

        waiting(n) is called again and again while n (at least 1) others must finish first. What it raises ends the
        waiting and gives up the place in the queue: that is how a visitor who has gone is noticed.
        """
        ticket, since = object(), time.perf_counter()
        with self._changed:
            self._tickets.append(ticket)
        try:
            while ahead := self._ahead(ticket):
                waiting(ahead)
                with self._changed:
                    self._changed.wait_for(lambda: not self._ahead(ticket), PATIENCE)
            yield time.perf_counter() - since
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    @property
    def working(self) -> int:
        """How many slots are taken."""
        return min(len(self._tickets), self.places)

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return max(len(self._tickets) - self.places, 0)

    def _ahead(self, ticket: object) -> int:
        with self._changed:  # a Condition's lock may be taken again by the thread that has it
            return max(self._tickets.index(ticket) - self.places + 1, 0)


def _places() -> int:
    """As many as CPUs, at least two: one photo is decoded while the network analyses another."""
    try:
        return max(int(os.environ.get(VARIABLE, "")), 1)
    except ValueError:
        return max(cpus.available(), 2)


WORK_QUEUE = WorkQueue(_places())  # of this server
