"""The one loaded network that all pages and all visitors share."""

import streamlit as st

from model import Landmarker, WeightsError
from model.inference.network_file import RELEASED, WEIGHTS


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


def say_which_network() -> None:
    """On a server with a network of its own: that it has one, and of which one the training is shown."""
    if WEIGHTS != RELEASED:
        st.info("This server runs another network than the released one; the training shown here is that of the released one.", icon=":material/school:")
