"""How the server is doing, as JSON under /status, where the environment variable POINTILLIST_STATUS=1 asks for it.

Anyone who reaches the server reaches this address too: let the proxy before it keep strangers out.
"""

import os
import threading
import time
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit import runtime

from model import WeightsError
from pages.parts.server.event_log import is_on
from pages.parts.server.photo_budget import PHOTO_BUDGET
from pages.parts.server.session_cleanup import file_limit
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.shared.landmarker import shared_landmarker

VARIABLE = "POINTILLIST_STATUS"
_STARTED = time.monotonic()


def routes() -> list[Route]:
    """The route that answers the status, where the environment asks for it."""
    return [Route("/status", _answer)] if is_on(VARIABLE) else []


def _answer(request: Request) -> JSONResponse:
    return JSONResponse(status(), headers={"Cache-Control": "no-store"})


def status() -> dict:
    """network: its version, or why it cannot be loaded; queue: photos; photos_mb: those kept, of all visitors; memory: MB of the
    process; open_files and their limit: None where unknown."""
    return {
        "uptime_s": round(time.monotonic() - _STARTED),
        "network": _network(),
        "queue": {"places": WORK_QUEUE.places, "working": WORK_QUEUE.working, "waiting": WORK_QUEUE.waiting},
        "visitors": _visitors(),
        "photos_mb": round(PHOTO_BUDGET.used() / 1e6, 1),
        "memory_mb": _memory(),
        "threads": threading.active_count(),
        "open_files": _open_files(),
        "open_files_limit": file_limit(),
    }


def _network() -> dict:
    try:
        landmarker = shared_landmarker()
    except WeightsError as error:
        return {"error": str(error)}
    return {"version": landmarker.metadata.get("version"), "sessions": 1}


def _visitors() -> int:
    """Those connected now; who has lost the connection for a moment does not count."""
    return runtime.get_instance()._session_mgr.num_active_sessions()  # no public way to it


def _memory() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def _open_files() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return None
