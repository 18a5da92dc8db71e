"""Photos analysed in the visitor's own browser: the photos page's switch "Process on my device"."""

import streamlit as st

from pages.parts.photos.photo_list import MOST_PHOTOS
from pages.parts.shared.browser_component import MISSING, runtime_component


def device_photos() -> None:
    """A drop zone and, under it, each photo with its landmarks; no picture leaves the browser."""
    if runtime_component("photos.js", {"most": MOST_PHOTOS}) is None:
        st.info(MISSING)
