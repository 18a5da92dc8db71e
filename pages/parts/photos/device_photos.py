"""Photos analysed in the visitor's own browser: the photos page's switch "Process on my device"."""

from collections.abc import Iterator

import streamlit as st

from pages.parts.album.photo_list import MOST_PHOTOS, PhotoList
from pages.parts.downloads.download_links import Made, address_of
from pages.parts.inputs.example_gallery import offer_examples
from pages.parts.shared.browser_component import MISSING, runtime_component
from pages.parts.shared.examples import Example


def device_photos(photo_list: PhotoList) -> None:
    """A drop zone and, under it, each photo with its landmarks. Photos that were uploaded before come along, examples when they are pressed;
    no picture leaves the browser."""
    notes = st.container()  # so that the photos stay where they are when it is empty
    handed = [{"name": photo.label, "address": _address(photo_list, photo.key)} for photo in photo_list]
    handed += [{"name": example.file, "address": _address_of_example(example, number)} for number, example in enumerate(_pressed())]
    if runtime_component("photos.js", {"most": MOST_PHOTOS, "handed": handed}) is None:
        st.info(MISSING)
        return
    if len(photo_list) or photo_list.clips:
        with notes:
            _tell_what_is_on_the_server(photo_list)
    st.markdown("**Try an example:**")
    offer_examples(lambda example: _pressed().append(example))


def _pressed() -> list[Example]:
    """The examples that the visitor chose for the device, as often as they were pressed."""
    return st.session_state.setdefault("examples_on_device", [])


def _tell_what_is_on_the_server(photo_list: PhotoList) -> None:
    counts = {"photo": len(photo_list), "video": len(photo_list.clips)}
    kept = " and ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count)
    stay = "is" if sum(counts.values()) == 1 else "are"
    copies = " This browser analyses copies of the photos." if len(photo_list) else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{kept} that you uploaded {stay} in the server's memory until you leave or remove them.{copies}", width="content")
        if st.button("Remove from the server"):
            photo_list.clear()
            st.rerun()


def _address_of_example(example: Example, number: int) -> str:
    """number: one that was removed there may be pressed again, and comes from another address then."""
    made = Made(lambda: iter([example.path.read_bytes()]), example.file, "image/webp")
    return f"{address_of(example.file, made)}?{number}"


def _address(photo_list: PhotoList, key: str) -> str:
    """Where the browser gets an uploaded photo's file from."""

    def content() -> Iterator[bytes]:
        for photo in photo_list:
            if photo.key == key:
                yield photo.content
                return

    return address_of(f"{key}.original", Made(content, key, "application/octet-stream"))
