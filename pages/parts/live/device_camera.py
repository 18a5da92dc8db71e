"""The live view that runs in the visitor's own browser."""

from pages.parts.live.live_options import LiveOptions
from pages.parts.shared.browser_component import MISSING, runtime_component


def device_camera(options: LiveOptions) -> str:
    """The live view. Returns a sentence if this browser or this server cannot do it, else ""."""
    # A callback makes `unable` a value that the page can read.
    state = runtime_component("live_view.js", options.for_browser(), on_unable_change=lambda: None)
    return MISSING if state is None else state.get("unable") or ""
