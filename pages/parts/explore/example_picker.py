"""The hand or face that the training page follows: from the visitor's last photo, or from an example."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from model import Face, Hand, open_photo
from model.runtime.topology import POINT_NAMES
from pages.parts.album.analyse import traced, view
from pages.parts.album.photo_list import Photo, visitors_photo_list
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.shared.examples import EXAMPLES
from pages.parts.shared.landmarker import shared_landmarker
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
        """'hand' or 'face'."""
        return self.instance.kind

    @property
    def point_names(self) -> list[str]:
        """The names of its points, in words."""
        return [name.replace("_", " ") for name in POINT_NAMES[self.kind]]

    @property
    def picture(self) -> np.ndarray:
        """A copy of the photo to draw on, upright, of the size that pages show: uint8 (h, w, 3). The photo itself is opened once a visit."""
        return view(self.photo).copy()

    def on_picture(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) pixels of the photo -> pixels of `picture`; an integer is a pixel's centre."""
        height, width = view(self.photo).shape[:2]
        return (points + 0.5) * (np.array([width, height]) / self.size) - 0.5


@dataclass(frozen=True)
class ExampleHand:
    """A hand in an example: the example's title, the hand's name there, its expected error as a fraction of its size, its confidence."""

    picture: str
    name: str
    error: float
    score: float

    @property
    def quality(self) -> float:
        """Higher for a sure hand with a small error."""
        return self.score - self.error


def expected_error(instance: Hand | Face) -> float:
    """The mean of sigma, as a fraction of the longer side of the points' box."""
    points = instance.landmarks[:, :2]
    return float(instance.sigma.mean() / (points.max(axis=0) - points.min(axis=0)).max())


def easiest(named: Iterable[tuple[str, Hand | Face]]) -> str:
    """The name of the hand that the network is most sure of; of the face, if there is no hand."""
    return max(named, key=lambda entry: (entry[1].kind == "hand", entry[1].score - expected_error(entry[1])))[0]


@st.cache_data(show_spinner="Analysing the examples …")
def example_hands() -> list[ExampleHand]:
    """The hands in the examples: first the one that the network is most sure of, last the one that it is least sure of."""
    found = []
    for example in EXAMPLES:
        with WORK_QUEUE.slot():
            result = shared_landmarker().detect(open_photo(example.path))
        found += [ExampleHand(example.title, name, expected_error(instance), instance.score) for name, instance in names(result) if instance.kind == "hand"]
    return sorted(found, key=lambda hand: -hand.quality)


def choose_instance() -> Selection | None:
    """Lets the visitor choose a picture and a hand or face in it; None, and a sentence, if it shows neither.

    An example that the network gets right comes first: a learner should see it work before it is seen to struggle.
    """
    own = visitors_photo_list().last_found
    examples = {example.title: Photo(example.file, example.path.read_bytes()) for example in EXAMPLES}
    photos = ({OWN: own} if own else {}) | examples
    ranked = example_hands()
    first = OWN if own else ranked[0].picture
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picture = st.selectbox(
            "Follow this picture", list(photos), list(photos).index(first), key="subject_picture", persist_state="session", bind="query-params", width=280
        )
        photo = photos[picture]
        result = traced(photo)
        named = dict(names(result))
        if named:
            start = list(named).index(easiest(named.items()))
            key = f"subject_thing_{photo.key}"
            name = st.selectbox("Hand or face", list(named), start, key=key, persist_state="session", width=280)
        hardest = ranked[-1]
        st.button("A hard one", on_click=_follow, args=(hardest, examples[hardest.picture].key), key="hard_example")
    if not named:
        st.info("The network finds no hand and no face in this picture. Please choose another one.")
        return None
    if (picture, name) == (hardest.picture, hardest.name):
        st.caption(
            f"A hard one: the network expects its points to be off by {hardest.error:.1%} of the hand's size, more than on any other hand in "
            f"the examples (the easiest: {ranked[0].error:.1%}). Where fingers hide each other, it has to guess."
        )
    return Selection(photo, named[name], (result.width, result.height), f"{photo.key}_{list(named).index(name)}")


def _follow(hand: ExampleHand, photo_key: str) -> None:
    st.session_state["subject_picture"] = hand.picture
    st.session_state[f"subject_thing_{photo_key}"] = hand.name
