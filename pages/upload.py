"""The upload page: photos and videos in, landmarks out."""

from dataclasses import replace

import streamlit as st

from pages.parts.photos.analyse import analyse_waiting
from pages.parts.photos.confidence_options import choose_limits, choose_uncertain
from pages.parts.photos.device_photos import device_photos
from pages.parts.photos.download_links import offer_zip
from pages.parts.photos.draw_options import choose_layers
from pages.parts.photos.photo_inputs import offer_examples, take_in
from pages.parts.photos.photo_list import visitors_photo_list
from pages.parts.photos.result_card import legend, show_photo
from pages.parts.shared.landmarker import landmarker_or_stop
from pages.parts.videos.analyse_clips import analyse_clips
from pages.parts.videos.clip_result import show_clips

PER_PAGE = 5  # photos shown at once

landmarker = landmarker_or_stop()
photo_list = visitors_photo_list()

st.title("Find hands and faces")
st.markdown("21 points on every hand, 478 on every face, found by small neural networks trained in this project.")

if st.toggle("On this device", key="on_device", help="The network runs in your browser; the photos are not sent to the server."):
    device_photos()
    st.stop()

take_in(photo_list)

if not len(photo_list) and not photo_list.clips:
    st.markdown("**No photo at hand?** Try one of these:")
    offer_examples(photo_list)
    st.stop()

videos = st.container()  # above the photos, but looked at after them: a video takes longer
with videos:
    show_clips(photo_list)

if len(photo_list):
    analyse_waiting(photo_list, landmarker)

    photos = list(photo_list)[::-1]  # the newest first
    bad = sum(photo.error is not None for photo in photos)
    if len(photos) > 1:
        st.markdown(f"**{len(photos)} photos**" + (f", {bad} of them could not be read" if bad else ""))

    layers = choose_layers()
    photo_list.limit(choose_limits())
    with st.container(horizontal=True, vertical_alignment="center"):
        layers = replace(layers, uncertain=choose_uncertain())
        with st.popover("What the colours mean", icon=":material/palette:"):
            legend()
        if len(photos) > 1:
            offer_zip(layers)

    pages = -(-len(photos) // PER_PAGE)
    page = st.pagination(pages, key="page", persist_state="session") if pages > 1 else 1
    for photo in photos[(page - 1) * PER_PAGE : page * PER_PAGE]:
        show_photo(photo, layers)

with st.expander("Example pictures", icon=":material/image:"):
    offer_examples(photo_list)

with videos:
    analyse_clips(photo_list, landmarker)
