"""The hand or face that the training page follows: from the visitor's last photo, or from an example."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from model import Face, Hand
from model.runtime.topology import POINT_NAMES
from pages.parts.photos.analyse import traced, view
from pages.parts.photos.photo_list import Photo, visitors_photo_list
from pages.parts.shared.examples import EXAMPLES
from pages.parts.shared.result_text import names

OWN = "Your last photo"


@dataclass(frozen=True)
class Selection:
    """One hand or face with its trace, the photo it is in, that photo's size (width, height), and a key that names its widgets."""

    photo: Photo
    instance: Hand | Face
    size: tuple[int, int]
    key: str

    @property
    def kind(self) -> str:
        return self.instance.kind

    @property
    def point_names(self) -> list[str]:
        return [name.replace("_", " ") for name in POINT_NAMES[self.kind]]

    @property
    def picture(self) -> np.ndarray:
        """A copy of the photo to draw on, upright, of the size that pages show: uint8 (h, w, 3). The photo itself is opened once a visit."""
        return view(self.photo).copy()

    def on_picture(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) pixels of the photo -> pixels of `picture`; an integer is a pixel's centre."""
        height, width = view(self.photo).shape[:2]
        return (points + 0.5) * (np.array([width, height]) / self.size) - 0.5


def choose_instance() -> Selection | None:
    """Lets the visitor choose a picture and a hand or face in it; None, and a sentence, if it shows neither."""
    own = visitors_photo_list().last_found
    photos = ({OWN: own} if own else {}) | {
        example.title: Photo(example.file, example.path.read_bytes()) for example in EXAMPLES
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picture = st.selectbox("Follow this picture", list(photos), key="subject_picture", persist_state="session", width=280)
        photo = photos[picture]
        result = traced(photo)
        named = dict(names(result))
        if named:
            name = st.selectbox("Hand or face", list(named), key=f"subject_thing_{photo.key}", persist_state="session", width=280)
    if not named:
        st.info("The network finds no hand and no face in this picture. Please choose another one.")
        return None
    return Selection(photo, named[name], (result.width, result.height), f"{photo.key}_{list(named).index(name)}")
