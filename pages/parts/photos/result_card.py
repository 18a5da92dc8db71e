"""One photo of the photo list with everything that was found in it."""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from model.output.draw import FACE_COLOURS, Layers, uncertain_label
from model.runtime.topology import FINGERS
from pages.parts.album.photo_list import Photo, PhotoList
from pages.parts.downloads.download_links import offer_downloads
from pages.parts.photos.confidence_options import choose_limits, choose_uncertain
from pages.parts.photos.draw_options import choose_layers
from pages.parts.photos.landmark_table import show_points
from pages.parts.photos.picture import keep_room, show_picture
from pages.parts.photos.stage_views import show_trace
from pages.parts.shared.result_text import counted, details, names, summary


def show_photo(photo: Photo, photo_list: PhotoList) -> Layers:
    """The annotated picture; beside it the findings, the downloads and what the visitor may choose. Returns the layers chosen."""
    if photo.shown is not None:
        keep_room(photo.shown)
    with st.container(key="result"):
        picture, side = st.columns([3, 2], gap="medium")
    with side:
        findings = st.container(gap="small")
        layers = replace(choose_layers(), uncertain=choose_uncertain())
        photo_list.limit(choose_limits())
        with st.popover("What the colours mean", icon=":material/palette:"):
            legend()
    with findings:  # before the picture, which takes longer: what is below them moves once
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"):
            st.text(photo.shown_name, width="content")  # never as markup: the name is the visitor's
            st.button("Remove", icon=":material/close:", type="tertiary", key=f"remove_{photo.key}", on_click=photo_list.remove, args=(photo.key,))
        if photo.shown is not None:
            _findings(photo, layers)
            offer_downloads(photo, layers)
    with picture:
        if photo.shown is None:
            st.error(photo.error, icon=":material/broken_image:")
        else:
            show_picture(photo, layers)
    return layers


@st.fragment
def show_details(photo: Photo) -> None:
    """The points and the way to them, computed when they are opened. A fragment: opening one leaves the rest of the page alone."""
    if photo.shown is not None and names(photo.shown):
        _when_opened("Landmark coordinates", ":material/table:", show_points, photo)
        _when_opened("Inside the model", ":material/account_tree:", show_trace, photo)


def _when_opened(title: str, icon: str, show: Callable[[Photo], None], photo: Photo) -> None:
    """An expander with content that is computed only while it is open."""
    expander = st.expander(title, icon=icon, key=f"{show.__name__}_{photo.key}", on_change="rerun")
    if expander.open:
        with expander:
            show(photo)


def _findings(photo: Photo, layers: Layers) -> None:
    result = photo.findings
    st.markdown(f"**{summary(result)}**")
    if not names(result):
        hidden = "" if layers.uncertain else "Uncertain detections are hidden. "
        st.markdown(f"{hidden}It helps if a hand or face is in focus, well lit and not mostly covered.")
    st.markdown("\n".join(f"- **{name}**: {details(instance)}" for name, instance in names(result)))
    if layers.uncertain and not result.uncertain:
        st.caption("No uncertain detections.")
    elif layers.uncertain:
        st.markdown("**Uncertain detections** (dashed)\n" + "\n".join(f"- {uncertain_label(instance)}" for instance in result.uncertain))
    elif result.uncertain:
        text = counted(len(result.uncertain), "uncertain detection")
        st.caption(f"{text[0].upper()}{text[1:]} {'is' if len(result.uncertain) == 1 else 'are'} hidden.")
    took = f", {result.timings['total']:.0f} ms" if result.timings else ""  # a video's frame was not timed
    st.caption(f"{result.width} × {result.height} pixels{took}")


def legend() -> None:
    """Which colour is which finger and which part of the face."""
    fingers = [(finger.name, finger.colour) for finger in FINGERS]
    dot = "display:inline-block;width:.8em;height:.8em;border-radius:50%;border:1px solid #8888;margin-right:.4em"
    swatches = "".join(
        f'<span style="white-space:nowrap;margin-right:1rem"><span aria-hidden="true" style="{dot};background:{colour}"></span>{name}</span> '
        for name, colour in [*fingers, *FACE_COLOURS.items()]
    )
    st.html(f'<div style="font-size:.875rem;line-height:1.9">{swatches}</div>')
