"""The photos page: photos and videos in, landmarks out."""

from functools import partial

import streamlit as st

from pages.parts.album.analyse import analyse_waiting
from pages.parts.album.photo_list import visitors_photo_list
from pages.parts.correct.correct_photo import offer_import, show_correct
from pages.parts.inputs.example_gallery import add_example, address_current, offer_examples, take_addressed
from pages.parts.inputs.photo_inputs import choose_device, take_in
from pages.parts.photos.device_photos import device_photos
from pages.parts.photos.photo_strip import show_strip
from pages.parts.photos.result_card import show_details, show_photo
from pages.parts.shared.landmarker import landmarker_or_stop
from pages.parts.videos.analyse_clips import analyse_clips
from pages.parts.videos.clip_result import show_clips

landmarker = landmarker_or_stop()
photo_list = visitors_photo_list()

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="xxsmall"):
    st.title("Find hands and faces", width="content")
    on_device = choose_device()
if on_device:
    device_photos(photo_list)
    st.stop()

take_addressed(photo_list)
take_in(photo_list)
address_current(photo_list)

if not len(photo_list) and not photo_list.clips:
    st.markdown("21 points on every hand, 478 on every face, found by small neural networks trained in this project. **Try an example:**")
    offer_examples(partial(add_example, photo_list))
    offer_import(photo_list)
    st.stop()

result, progress, details, videos = (st.container() for _ in range(4))  # so that what is shown stays where it is while more is analysed
with progress:
    analyse_waiting(photo_list, landmarker)
if photo := photo_list.current:
    with result:
        layers = show_photo(photo, photo_list)
    with details:
        if len(photo_list) > 1:
            show_strip(photo_list, layers)
        show_details(photo)
        show_correct(photo)
with videos:
    show_clips(photo_list)

with st.expander("Example pictures", icon=":material/image:"):
    offer_examples(partial(add_example, photo_list))
offer_import(photo_list)

with videos:
    analyse_clips(photo_list, landmarker)
