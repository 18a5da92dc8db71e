"""All photos of the visitor as small pictures, in the order they came, to choose the one that is shown."""

import streamlit as st

from model.output.draw import Layers
from pages.parts.album.photo_list import PhotoList
from pages.parts.downloads.download_links import offer_zip


def show_strip(photo_list: PhotoList, layers: Layers) -> None:
    """Above them what concerns all of them; layers: of the pictures in the ZIP."""
    bad = sum(photo.error is not None for photo in photo_list)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(photo_list)} photos**" + (f", {bad} of them could not be read" if bad else ""), width="content")
        offer_zip(layers)
        st.button("Remove all", icon=":material/delete:", key="remove_all", on_click=photo_list.clear)
    with st.container(horizontal=True, wrap=False, gap="xsmall", key="strip"):
        for number, photo in enumerate(photo_list, 1):
            with st.container(key=f"tile_{photo.key}", width="content", gap="xxsmall", horizontal_alignment="center"):
                if photo.thumbnail:
                    st.image(photo.thumbnail, alt="", width="content")
                st.button(
                    f"Photo {number}",  # not its name, which is the visitor's: labels are markup
                    key=f"choose_{photo.key}",
                    type="primary" if photo is photo_list.current else "tertiary",
                    icon=":material/broken_image:" if photo.error else None,
                    on_click=_choose,
                    args=(photo_list, photo.key),
                )


def _choose(photo_list: PhotoList, key: str) -> None:
    photo_list.chosen = key
