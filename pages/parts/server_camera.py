"""The live view that runs on the server: the camera's pictures come over WebRTC and go back drawn upon."""

import time

import streamlit as st
from streamlit_webrtc import webrtc_streamer

from export.browser import serve
from model import Landmarker
from model.draw import Layers
from pages.parts.ice import ice_servers
from pages.parts.live_frames import LiveFrames

PATIENCE = 10  # seconds after which a connection that does not come is explained
CAMERA = {
    "video": {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 30}, "facingMode": "user"},
    "audio": False,
}
WORDS = {
    "start": "Start camera",
    "stop": "Stop camera",
    "select_device": "Choose camera",
    "media_api_not_available": "Browsers give the camera only to pages opened over HTTPS (or on localhost).",
    "device_ask_permission": "Please allow this page to use your camera.",
    "device_access_denied": "The camera was not allowed. Allow it for this page (the camera sign in the address bar).",
    "device_not_available": "No camera was found, or another program is using it.",
}
# Explains what the camera element shows only by the error's name.
HELP = """
export default function (component) {
  let cleanup = null;
  let gone = false;
  import(new URL(component.data.runtime + "/doctor.js", document.baseURI).href)
    .then((doctor) => { if (!gone) cleanup = doctor.default(component); });
  return () => { gone = true; cleanup?.(); };
}
"""


def server_camera(landmarker: Landmarker, smoothing: float, mesh: bool, mirrored: bool) -> None:
    """The camera element, help when it fails, and the figures while it runs."""
    try:
        servers = ice_servers()
    except ValueError as error:
        st.error(str(error))
        return
    frames = st.session_state.setdefault("live_frames", LiveFrames(landmarker))
    frames.smoothing = smoothing
    frames.mirrored = mirrored
    frames.layers = Layers(mesh=mesh)
    context = webrtc_streamer(
        key="server_camera",
        rtc_configuration={"iceServers": servers},
        media_stream_constraints=CAMERA,
        queued_video_frames_callback=frames,
        async_processing=True,
        video_html_attrs={"autoPlay": True, "controls": False, "muted": True, "style": {"width": "100%"}},
        translations=WORDS,
    )
    try:
        helper = st.components.v2.component("pointillist_camera_help", js=HELP)
        helper(key="camera_help", data={"runtime": serve.address(), "frame": "webrtc"})
    except (serve.BundleMissing, FileNotFoundError):
        pass  # the element's own words must do
    st.session_state["live_since"] = time.monotonic()
    _state(context, frames, bool(servers))


@st.fragment(run_every=1.0)
def _state(context, frames: LiveFrames, relayed: bool) -> None:
    """The figures once a second, or why there are none."""
    figures = frames.figures() if context.state.playing else None
    if figures:
        columns = st.columns(3)
        columns[0].metric("Frames per second", f"{figures.fps:.0f}")
        columns[1].metric("Latency on the server", f"{figures.latency_ms:.0f} ms")
        columns[2].metric("of it work", f"{figures.work_ms:.0f} ms")
        return
    waiting = (context.state.signalling or context.state.playing) and (
        time.monotonic() - st.session_state["live_since"] > PATIENCE
    )
    if waiting:
        advice = (
            "The TURN server that is set may be unreachable or refuse its credentials."
            if relayed
            else "A firewall or router is probably in between: whoever runs this server can set a TURN server "
            "(POINTILLIST_ICE_SERVERS)."
        )
        st.error(f"No picture has come through from your camera. {advice} The mode “On this device” needs no connection.")
