"""Which STUN and TURN servers a camera connection may use."""

import json
import os

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

VARIABLE = "POINTILLIST_ICE_SERVERS"


def ice_servers() -> list[dict]:
    """The servers, as WebRTC's `iceServers`: [{"urls": ..., "username": ..., "credential": ...}, ...].

    From Streamlit's secrets (`[[ice_servers]]` tables) or the environment variable POINTILLIST_ICE_SERVERS (the same
    as JSON). None by default: enough on one machine and in most local networks; across the internet a TURN server
    is needed. ValueError, with a sentence, if what is set cannot be read.
    """
    try:
        if "ice_servers" in st.secrets:
            return [dict(server) for server in st.secrets["ice_servers"]]
    except StreamlitSecretNotFoundError:
        pass
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return []
    try:
        servers = json.loads(text)
        if all(isinstance(server, dict) and "urls" in server for server in servers):
            return servers
    except (ValueError, TypeError):
        pass
    raise ValueError(f'{VARIABLE} must be a JSON list like [{{"urls": "turn:HOST:3478", "username": "U", "credential": "C"}}].')
