"""The hand or face that the training page follows: from the visitor's last photo, or from an example."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from model import Face, Hand, open_photo
from model.points import POINT_NAMES
from pages.parts.album import Photo, visitors_album
from pages.parts.analysis import traced
from pages.parts.examples import EXAMPLES
from pages.parts.points_table import kind_of
from pages.parts.words import names

OWN = "Your last photo"


@dataclass(frozen=True)
class Subject:
    """One hand or face with its trace, the photo it is in, and a key that names its widgets."""

    photo: Photo
    thing: Hand | Face
    key: str

    @property
    def kind(self) -> str:
        return kind_of(self.thing)

    @property
    def point_names(self) -> list[str]:
        return [name.replace("_", " ") for name in POINT_NAMES[self.kind]]

    @property
    def rgb(self) -> np.ndarray:
        """The photo, upright, uint8 (H, W, 3)."""
        return open_photo(self.photo.content)


def choose_subject() -> Subject | None:
    """Lets the visitor choose a picture and a hand or face in it; None, and a sentence, if it shows neither."""
    own = visitors_album().last_found
    photos = ({OWN: own} if own else {}) | {
        example.title: Photo(example.file, example.path.read_bytes()) for example in EXAMPLES
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picture = st.selectbox("Follow this picture", list(photos), key="subject_picture", persist_state="session", width=280)
        photo = photos[picture]
        named = dict(names(traced(photo)))
        if named:
            name = st.selectbox("Hand or face", list(named), key=f"subject_thing_{photo.key}", persist_state="session", width=280)
    if not named:
        st.info("The network finds no hand and no face in this picture. Please choose another one.")
        return None
    return Subject(photo, named[name], f"{photo.key}_{list(named).index(name)}")
