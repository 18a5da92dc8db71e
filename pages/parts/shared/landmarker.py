"""The one loaded network that all pages and all visitors share."""

import streamlit as st

from model import Landmarker, WeightsError


@st.cache_resource(show_spinner="Loading the network …")
def shared_landmarker() -> Landmarker:
    """The process's only Landmarker, and so its only onnxruntime session; safe to use from several threads."""
    return Landmarker()


def landmarker_or_stop() -> Landmarker:
    """The shared Landmarker; if the weights can't be loaded the page says why and ends here."""
    try:
        return shared_landmarker()
    except WeightsError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
