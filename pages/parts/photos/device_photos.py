"""Photos analysed in the visitor's own browser: the photos page's switch "Process on my device"."""

import streamlit as st

from pages.parts.album.photo_list import MOST_PHOTOS, PhotoList
from pages.parts.shared.browser_component import MISSING, runtime_component


def device_photos(photo_list: PhotoList) -> None:
    """A drop zone and, under it, each photo with its landmarks; no picture leaves the browser. Says where uploaded photos are meanwhile."""
    if count := len(photo_list) + len(photo_list.clips):
        st.info(
            f"{count} uploaded file{' is' if count == 1 else 's are'} on the server and will be there when you switch back. A photo cannot be analysed "
            "here without being chosen here: drop it once more."
        )
    if runtime_component("photos.js", {"most": MOST_PHOTOS}) is None:
        st.info(MISSING)
