"""Uploads that exceed the photo budget are dropped as they come in. Streamlit keeps uploads in a store of its own, where they wait until
the page takes them into the visitor's photo list, many at once if many were dropped.

The browser gets an ordinary answer: for an error its widget has no better word than "AxiosError". The page then misses the file, finds its
id in `refused` and shows the reason.
"""

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import get_option, runtime

from pages.parts.server import photo_budget


class UploadGate:
    """ASGI middleware in front of Streamlit's upload route."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._coming_in = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses an upload for which there is no room; anything else goes to the app behind it."""
        if scope["type"] != "http" or scope["method"] != "PUT" or "/_stcore/upload_file/" not in scope["path"]:
            return await self.app(scope, receive, send)
        size = _announced(scope)
        if not photo_budget.PHOTO_BUDGET.has_room(size, lambda: _uploaded() + self._coming_in):
            photo_budget.PHOTO_BUDGET.refused.append(scope["path"].rsplit("/", 1)[-1])
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
    return sum(getattr(stat, "byte_length", 0) for stats in runtime.get_instance().uploaded_file_mgr.get_stats().values() for stat in stats)
