"""The live page: the camera's picture with its landmarks, found in the visitor's browser or on the server."""

import streamlit as st

from pages.parts.live.device_camera import device_camera
from pages.parts.live.live_options import choose_options
from pages.parts.live.server_camera import server_camera
from pages.parts.shared.landmarker import landmarker_or_stop

DEVICE, SERVER = "On this device", "On the server"

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="xxsmall"):
    st.title("Live camera", width="content")
    mode = st.segmented_control(
        "Run the model",
        [DEVICE, SERVER],
        default=DEVICE,
        required=True,
        key="mode",
        bind="query-params",
        label_visibility="collapsed",
        width="content",
        help="On this device: the network runs in your browser and no picture leaves it. "
        "On the server: for devices that are too slow; the pictures go to the server and back and are not kept.",
    )
picture, side = st.columns([3, 1], gap="medium")
with side:
    options = choose_options()
with picture:
    if mode == SERVER:
        server_camera(landmarker_or_stop(), options)
    elif unable := device_camera(options):
        st.info(f"{unable} Choose “{SERVER}”.")
