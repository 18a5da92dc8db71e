"""The example pictures with their points drawn, to press: one goes into the photo list, or to the visitor's device."""

from collections.abc import Callable

import streamlit as st

from pages.parts.album.analyse import drawn_example
from pages.parts.album.photo_list import PhotoList
from pages.parts.shared.examples import EXAMPLES, Example

ADDRESS = "photo"  # of an example: ?photo=wave


def offer_examples(take: Callable[[Example], None]) -> None:
    """take: what happens with the one that is pressed."""
    grid = st.grid(4, min_column_width=150, gap="small")  # two beside each other on a phone
    for example in EXAMPLES:
        with grid.cell(), st.container(key=f"tile_{example.file}", gap="xxsmall"):
            st.image(drawn_example(example), alt=example.description, width="stretch")
            st.button(example.title, key=f"example_{example.file}", on_click=take, args=(example,), type="tertiary", width="stretch")


def add_example(photo_list: PhotoList, example: Example) -> None:
    """Takes the example into the visitor's photos, where there is room, and shows it."""
    photo_list.chosen = photo_list.add(example.file, example.path.read_bytes()) or photo_list.chosen


def take_addressed(photo_list: PhotoList) -> None:
    """The example that the page's address names goes into the photo list. A visitor's own photos have no address: they are nobody else's."""
    named = st.query_params.get(ADDRESS)
    if named != st.session_state.get("addressed"):
        st.session_state["addressed"] = named
        if example := next((example for example in EXAMPLES if example.path.stem == named), None):
            add_example(photo_list, example)


def address_current(photo_list: PhotoList) -> None:
    """The page's address names the example that is shown, so that it can be passed on and survives a reload."""
    current = photo_list.current
    named = next((example.path.stem for example in EXAMPLES if current and current.name == example.file), None)
    st.session_state["addressed"] = named
    if named:
        st.query_params[ADDRESS] = named
    else:
        st.query_params.pop(ADDRESS, None)
