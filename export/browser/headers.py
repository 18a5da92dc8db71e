"""Headers that every answer of the server carries."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    # These three make the page cross-origin isolated: no other site's page shares its process, where the photos are.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A file is what the server says it is: an uploaded photo can't be taken for a script.
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The browser itself sees to it that nothing is loaded from another host or sent to one. Streamlit needs inline
    # styles, generated code (charts) and scripts without an address; not all browsers count its websocket as 'self'.
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'self' blob: data: 'unsafe-inline' 'unsafe-eval'",
            "connect-src 'self' blob: data: ws: wss:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",  # no other site may show these pages inside its own
        ]
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


class Headers:
    """ASGI middleware that adds HEADERS to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app behind it does, with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
