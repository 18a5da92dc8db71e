"""A camera stream that breaks off is started again, and the visitor reads so: reconnect.js."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "pointillist_reconnect",
    html='<p role="status"></p>',
    css="p { margin: 0; font-family: var(--st-font); color: var(--st-text-color); } p:empty { display: none; }",
    js=Path(__file__).with_name("reconnect.js").read_text(encoding="utf-8"),
)


def keep_connected(start: str, stop: str) -> None:
    """Watches over streamlit-webrtc's element on this page, with buttons of these texts."""
    _component(
        key="reconnect",
        data={
            "frame": "webrtc",
            "start": start,
            "stop": stop,
            "again": "The connection to the server broke off. Connecting again …",
            "lost": f"The connection to the server could not be brought back. Press “{start}” to try once more.",
        },
        height="content",
    )
