"""Visitors without connection: kept for a while, because a locked phone comes back, without the file handles of those who are here.

Every visit has an event loop of its own, three file handles. Streamlit's own storage lets it lie until the visit is forgotten and, with
luck, collected as garbage; so visits that come one after the other used up the files that a process may open.
"""

import asyncio
import time
from collections import OrderedDict

from streamlit.runtime import memory_session_storage
from streamlit.runtime.session_manager import SessionInfo, SessionStorage

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

MOST = 128  # visitors
MOST_FILES = 65_536  # as far as the hard limit lets us
AGAIN = 5  # seconds until the next check of a script that was still running when its visitor left


class DepartedVisitors(SessionStorage):
    """At most MOST, for ttl_seconds each. Who is let go of is let go of at once, with all that Streamlit keeps for the visit.

    All methods are called on the server's event loop.
    """

    def __init__(self, ttl_seconds: float):
        self._seconds = ttl_seconds
        self._visitors: OrderedDict[str, tuple[float, SessionInfo]] = OrderedDict()  # since when; the longest gone first

    def get(self, session_id: str) -> SessionInfo | None:
        """For a visitor who has come back."""
        _, info = self._visitors.get(session_id, (0.0, None))
        if info and info.session._script_event_loop.is_closed():
            info.session._script_event_loop = asyncio.new_event_loop()
        return info

    def save(self, session_info: SessionInfo) -> None:
        """Keeps the session of a visitor without connection for a while."""
        visitor, loop = session_info.session.id, asyncio.get_running_loop()
        self._visitors[visitor] = time.monotonic(), session_info
        self._visitors.move_to_end(visitor)
        # Not now: the caller has not finished with this visit.
        loop.call_soon(self._tidy)
        loop.call_later(self._seconds, self._tidy)
        loop.call_soon(self._free_handles, visitor)

    def delete(self, session_id: str) -> None:
        """Forgets a session."""
        del self._visitors[session_id]

    def list(self) -> list[SessionInfo]:
        """All kept sessions."""
        return [info for _, info in self._visitors.values()]

    def _tidy(self) -> None:
        now = time.monotonic()
        while self._visitors:
            visitor, (since, info) = next(iter(self._visitors.items()))
            if len(self._visitors) <= MOST and now - since < self._seconds:
                break
            del self._visitors[visitor]
            info.session.shutdown()

    def _free_handles(self, visitor: str) -> None:
        if visitor not in self._visitors:
            return
        session = self._visitors[visitor][1].session
        if session._scriptrunner is not None:
            asyncio.get_running_loop().call_later(AGAIN, self._free_handles, visitor)
        else:
            session._script_event_loop.close()


def set_up() -> None:
    """Once per process, before the server starts."""
    memory_session_storage.MemorySessionStorage = DepartedVisitors  # type: ignore[misc, assignment]  # there is no public way to choose the storage
    raise_file_limit()


def raise_file_limit() -> None:
    """Systems usually start a process with 1,024 files and let it have many more."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def file_limit() -> int | None:
    """How many files this process may open; None where there is no such limit."""
    if resource is None:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
