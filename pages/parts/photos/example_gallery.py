"""The example pictures with their points drawn, to press: one goes into the photo list."""

import streamlit as st

from pages.parts.photos.analyse import drawn_example
from pages.parts.photos.photo_list import PhotoList
from pages.parts.shared.examples import EXAMPLES, Example


def offer_examples(photo_list: PhotoList) -> None:
    grid = st.grid(4, min_column_width=150, gap="small")  # two beside each other on a phone
    for example in EXAMPLES:
        with grid.cell(), st.container(key=f"tile_{example.file}", gap="xxsmall"):
            st.image(drawn_example(example), alt=example.description, width="stretch")
            st.button(example.title, key=f"example_{example.file}", on_click=_add, args=(photo_list, example), type="tertiary", width="stretch")


def _add(photo_list: PhotoList, example: Example) -> None:
    photo_list.chosen = photo_list.add(example.file, example.path.read_bytes()) or photo_list.chosen
