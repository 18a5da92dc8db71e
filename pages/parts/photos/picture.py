"""The photo with its landmarks on the page: a picture that answers, drawn in the visitor's browser (export/browser/ui/picture/picture.js)."""

import base64
from dataclasses import asdict

import streamlit as st

from model import Result
from model.output.draw import Layers
from model.output.serialize import to_json_document
from pages.parts.album.analyse import annotated_view, plain_view
from pages.parts.album.photo_list import Photo
from pages.parts.shared.browser_component import runtime_component
from pages.parts.shared.result_text import counted, summary


def keep_room(result: Result) -> None:
    """Says the picture's proportions to the page's style, which keeps the room for it: nothing moves when it arrives."""
    st.html(f"<style>.st-key-result {{ --ratio: {result.width / result.height:.5f}; }}</style>")


def show_picture(photo: Photo, layers: Layers) -> None:
    """The picture, at most 70 % of the window high. Without the in-browser runtime it is a plain picture, drawn here.

    The photo must have a result.
    """
    result = photo.shown
    assert result
    alt = f"The photo with its landmarks. {summary(result)}"
    if layers.uncertain and result.uncertain:
        alt += f" Dashed: {counted(len(result.uncertain), 'uncertain detection')}."
    with st.container(key="picture"):
        address = "data:image/jpeg;base64," + base64.b64encode(plain_view(photo)).decode()
        data = {"address": address, "alt": alt, "result": _document(result, layers.uncertain), "layers": asdict(layers)}
        if runtime_component("picture.js", data) is None:
            st.image(annotated_view(photo, layers), alt=alt, width="content")


def _document(result: Result, uncertain: bool) -> dict:
    """The JSON document, and in it what the drawing needs besides: the kinds, and the uncertain detections if they are wanted."""
    document = to_json_document("", result)
    for kind in ("hand", "face"):
        for instance in document[f"{kind}s"]:
            instance["kind"] = kind
    document["uncertain"] = [
        {"kind": instance.kind, "score": instance.score, "landmarks": instance.landmarks.round(2).tolist(), "sigma": instance.sigma.round(2).tolist()}
        for instance in (result.uncertain if uncertain else ())
    ]
    return document
