"""The live view that runs on the server: the camera's pictures come over WebRTC and go back drawn upon."""

import io
import json
import time
from typing import Any

import streamlit as st
from PIL import Image
from streamlit_webrtc import Translations, webrtc_streamer
from streamlit_webrtc.relay import get_global_relay

from model import Landmarker
from model.output.serialize import to_json_document
from pages.parts.live import webrtc_tuning
from pages.parts.live.frame_processor import LiveFrames
from pages.parts.live.ice_servers import ice_servers
from pages.parts.live.live_options import LiveOptions
from pages.parts.live.reconnect import keep_connected
from pages.parts.shared.browser_component import runtime_component

PATIENCE = 10  # seconds after which a connection that does not come about is explained
CAMERA: dict[str, Any] = {
    "video": {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 30}, "facingMode": "user"},
    "audio": False,
}
WORDS: Translations = {
    "start": "Start camera",
    "stop": "Stop camera",
    "select_device": "Choose camera",
    "media_api_not_available": "Browsers give the camera only to pages opened over HTTPS (or on localhost).",
    "device_ask_permission": "Please allow this page to use your camera.",
    "device_access_denied": "The camera was not allowed. Allow it for this page (the camera sign in the address bar).",
    "device_not_available": "No camera was found, or another program is using it.",
}

webrtc_tuning.set_up()


def server_camera(landmarker: Landmarker, options: LiveOptions) -> None:
    """The camera element, help when it fails, and the figures while it runs."""
    try:
        servers = ice_servers()
    except ValueError as error:
        st.error(str(error))
        return
    webrtc_tuning.relay_new_pictures(get_global_relay())
    frames = st.session_state.setdefault("live_frames", LiveFrames(landmarker))
    frames.options = options
    with st.container(key="live_server", gap="xsmall"):
        context = webrtc_streamer(
            key="server_camera",
            rtc_configuration={"iceServers": servers},
            media_stream_constraints=CAMERA,
            video_frame_callback=frames,
            on_video_ended=frames.stopped,
            async_processing=False,  # streamlit-webrtc's own worker lets finished pictures wait; LiveFrames has one without
            video_html_attrs={"autoPlay": True, "controls": False, "muted": True, "style": {"width": "100%"}},
            translations=WORDS,
        )
        with st.container(key="live_messages", gap="xxsmall"):  # the page's style lays them over the picture
            keep_connected(WORDS["start"], WORDS["stop"])
            # Explains what the camera element shows only by the error's name; without it the element's own words must do.
            runtime_component("camera_help.js", {"frame": "webrtc"})
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            _record(frames)  # the first one, so that it and its clip stay when the others come and go
            if context.state.playing:
                _offer_still(frames)
    _state(context, frames, bool(servers))


def _offer_still(frames: LiveFrames) -> None:
    """Freeze; and, while frozen, the picture and its points to save."""
    frames.frozen = st.toggle("Freeze", key="live_frozen")
    if frames.frozen and frames.still():
        st.download_button("Save PNG", lambda: _png(frames), "pointillist.png", "image/png", on_click="ignore")
        st.download_button("Save JSON", lambda: _json(frames), "pointillist.json", "application/json", on_click="ignore")


def _record(frames: LiveFrames) -> None:
    """A clip: the browser keeps the stream that it shows, the server the points of these seconds."""
    state = runtime_component("record_stream.js", {"frame": "webrtc"}, width="content", on_recording_change=lambda: None)
    frames.clip.recording = bool(state and state.get("recording"))
    if len(frames.clip) and not frames.clip.recording:
        kept = "From the server's memory, where they stay until the next clip or until you leave."
        st.download_button("Save points (CSV)", frames.clip.csv, "pointillist.csv", "text/csv", on_click="ignore", help=kept)
        st.download_button("Save points (JSON)", frames.clip.json_lines, "pointillist.jsonl", "application/jsonl", on_click="ignore", help=kept)


def _png(frames: LiveFrames) -> bytes:
    file = io.BytesIO()
    if still := frames.still():
        Image.fromarray(still[0]).save(file, "PNG")
    return file.getvalue()


def _json(frames: LiveFrames) -> str:
    """Points in pixels of the unmirrored picture, as in the device's mode."""
    still = frames.still()
    return json.dumps(to_json_document("pointillist", still[1])) if still else ""


@st.fragment(run_every=1.0)
def _state(context, frames: LiveFrames, relayed: bool) -> None:
    """The figures once a second, or why there are none."""
    figures = frames.figures() if context.state.playing else None
    if figures:
        st.session_state.camera_worked = True
        st.markdown(
            f"**{figures.fps:.0f}** frames per second · **{figures.latency_ms:.0f} ms** latency, of these {figures.work_ms:.0f} ms of work · on the server",
            help="Latency: from a frame's arrival at the server to its result.",
        )
    elif context.state.playing:
        st.caption("Connected; waiting for pictures …")
    # The browser offers a track once the visitor has allowed the camera. No firewall is to blame for what has worked before.
    in_vain = _in_vain(offered=context.input_video_track is not None, connected=context.state.playing)
    if in_vain and "camera_worked" not in st.session_state:
        advice = (
            "The TURN server that is set may be unreachable or refuse its credentials."
            if relayed
            else "A firewall or router is probably in between: whoever runs this server can set a TURN server (POINTILLIST_ICE_SERVERS)."
        )
        st.error(f"No picture comes through from your camera. {advice} The mode “On this device” needs no connection.")


def _in_vain(offered: bool, connected: bool) -> bool:
    """Whether a connection for the picture that the browser offers is long in coming, or never came: until the next try."""
    state = st.session_state
    if connected:
        state.camera_in_vain = False
    if not offered:
        state.pop("camera_offered", None)
    elif "camera_offered" not in state:
        state.camera_offered, state.camera_in_vain = time.monotonic(), False
    elif not connected:
        state.camera_in_vain = time.monotonic() - state.camera_offered > PATIENCE
    return state.get("camera_in_vain", False)
