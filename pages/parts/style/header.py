"""What stands on top of every page: mark, name, and a link to each page, on a phone too; and the style that all pages share."""

import base64
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

ICON = Path(__file__).parents[1] / "icon.png"
_STYLE = Path(__file__).with_name("page.css")


def show_header(pages: list[StreamlitPage]) -> None:
    """Streamlit's own navigation hides the pages behind a menu where the window is narrow, so this row takes its place."""
    st.html(_STYLE)
    mark = base64.b64encode(ICON.read_bytes()).decode()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        st.html(f'<div class="brand"><img src="data:image/png;base64,{mark}" alt="" width="28" height="28">Pointillist</div>', width="content")
        with st.container(horizontal=True, gap="xsmall", key="pages", width="content"):
            for page in pages:
                st.page_link(page)
