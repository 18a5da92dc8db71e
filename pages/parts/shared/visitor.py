"""Who a visitor is, as far as the server must tell one from another."""

import uuid

import streamlit as st


def visitor_id() -> str:
    """A random name for this visit."""
    return st.session_state.setdefault("visitor", uuid.uuid4().hex)
