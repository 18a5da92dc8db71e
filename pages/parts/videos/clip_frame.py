"""A frame of a video as a photo of the visitor's list, to be corrected like any other."""

import io

import numpy as np
import streamlit as st
from PIL import Image

from model import VideoError
from pages.parts.album.analyse import take_over
from pages.parts.album.clip import Clip
from pages.parts.album.photo_list import PhotoList
from pages.parts.server.work_queue import WORK_QUEUE

TAKEN = "frame_taken"  # in the session's state until the page has said so


def correct_frame(photo_list: PhotoList, clip: Clip, number: int) -> None:
    """The frame becomes the photo that the page shows, with what was found in it and its editor open. If that cannot be the photo list has a
    sentence for the visitor. To be called before the page runs: it opens the editor."""
    name = f"{clip.label}, frame {number} ({clip.timeline.seconds[number]:.2f} s).png"
    try:
        with WORK_QUEUE.slot():
            rgb, result = clip.frame(number)
            content = _png(rgb)
    except VideoError as error:
        return photo_list.complain(str(error))
    key = photo_list.add(name, content)
    photo = next((each for each in photo_list if each.key == key), None)
    if photo is None:  # no room: the photo list says so
        return
    if not photo.analysed:
        take_over(photo, rgb, result)
    photo_list.chosen = photo.key
    st.session_state[photo.editor] = st.session_state[TAKEN] = True


def _png(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG", compress_level=1)  # without loss in any case; a higher level takes five times as long for 4K
    return file.getvalue()
