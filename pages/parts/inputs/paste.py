"""Pictures from the clipboard: Ctrl+V anywhere on the page, or the button, hands them to the drop zone.

Streamlit's drop zone takes no pasted files. This component adds them to the drop zone's own file input, so that they
go the same way as dropped ones, with the same limits and the same protection against forged requests.
"""

from pathlib import Path

import streamlit as st

from pages.parts.style.component_css import component_css

_component = st.components.v2.component(
    "pointillist_paste",
    html='<button class="button" type="button"></button><span role="status"></span>',
    css=component_css(Path(__file__).with_name("paste.css")),
    js=Path(__file__).with_name("paste.js").read_text(encoding="utf-8"),
)


def paste_button(target: str, label: str) -> None:
    """A button that pastes into the file_uploader with a key that begins with `target`."""
    _component(key="paste", data={"target": target, "label": label}, width="content")
