"""The table of a photo's points."""

import pandas as pd
import streamlit as st

from model import Face, Hand, Result
from model.runtime.topology import POINT_NAMES
from pages.parts.album.photo_list import Photo
from pages.parts.shared.result_text import names


def choose(result: Result, key: str) -> tuple[str, Hand | Face]:
    """Lets the visitor choose one of the hands and faces; its name and itself. `key` names the widget."""
    named = dict(names(result))
    name = next(iter(named))
    if len(named) > 1:
        name = st.segmented_control("Hand or face", list(named), default=name, required=True, key=key)
    return name, named[name]


def points_frame(instance: Hand | Face) -> pd.DataFrame:
    """One row per point: name, x, y, z and the expected error, all in pixels of the photo."""
    x, y, z = instance.landmarks.T
    return pd.DataFrame({"point": POINT_NAMES[instance.kind], "x": x, "y": y, "z": z, "error": instance.sigma})


def show_points(photo: Photo) -> None:
    """A table of the landmarks of one of the photo's hands and faces."""
    if photo.shown is None:
        return
    _, instance = choose(photo.shown, f"table_of_{photo.key}")
    pixels = st.column_config.NumberColumn
    st.dataframe(
        points_frame(instance),
        column_config={
            "point": "Point",
            "x": pixels("x (px)", format="%.1f", help="From the photo's left edge"),
            "y": pixels("y (px)", format="%.1f", help="From the photo's top edge"),
            "z": pixels("z (px)", format="%.1f", help="Depth; smaller is nearer to the camera"),
            "error": pixels("± (px)", format="%.1f", help="How far off the network expects the point to be"),
        },
    )
    zero = "the wrist" if isinstance(instance, Hand) else "the face's centre"
    st.caption(f"Pixels of the upright photo, from its top left corner. Depth z is measured from {zero}.")
