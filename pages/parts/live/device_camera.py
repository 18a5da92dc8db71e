"""The live view that runs in the visitor's own browser."""

from pages.parts.shared.browser_component import MISSING, runtime_component


def device_camera(smoothing: float, mesh: bool) -> str:
    """The live view. smoothing: strength, 1 = normal, 0 = none; mesh: draw the faces' mesh too.

    Returns a sentence if this browser or this server cannot do it, else "".
    """
    # A callback makes `unable` a value that the page can read.
    state = runtime_component("live_view.js", {"smoothing": smoothing, "mesh": mesh}, on_unable_change=lambda: None)
    return MISSING if state is None else state.get("unable") or ""
