"""The live page: the camera's picture with its landmarks, found in the visitor's browser or on the server."""

import streamlit as st

from pages.parts.live.device_camera import device_camera
from pages.parts.live.server_camera import server_camera
from pages.parts.shared.landmarker import landmarker_or_stop

DEVICE, SERVER = "On this device", "On the server"

st.title("Live camera")
mode = st.segmented_control(
    "Run the model",
    [DEVICE, SERVER],
    default=DEVICE,
    required=True,
    help="On this device: the network runs in your browser and no picture leaves it. "
    "On the server: for devices that are too slow; the pictures go to the server and back and are not kept.",
)
with st.container(horizontal=True, vertical_alignment="bottom"):
    smoothing = st.slider("Smoothing", 0.0, 3.0, 1.0, 0.25, help="More is steadier, less follows fast moves sooner.", width=320)
    mesh = st.toggle("Face mesh")
    mirrored = st.toggle("Mirror", value=True) if mode == SERVER else True

if mode == DEVICE:
    if unable := device_camera(smoothing, mesh):
        st.info(f"{unable} Choose “{SERVER}”.")
else:
    server_camera(landmarker_or_stop(), smoothing, mesh, mirrored)
