"""How it works: what happens inside the network, and how it was trained."""

import streamlit as st

from model.training import run_log as traces
from pages.parts.explore.example_picker import choose_instance
from pages.parts.learn.data_flow import show_data_flow
from pages.parts.learn.key_insight import show_key_insight
from pages.parts.learn.layer_view import show_prediction_trace
from pages.parts.learn.quiz import show_quiz
from pages.parts.learn.train_example import train_on
from pages.parts.shared.glossary import show_glossary
from pages.parts.shared.landmarker import landmarker_or_stop, say_which_network
from pages.parts.training.run_report import show_training

FLOW, TRAINING, LAYERS, TRY, QUIZ = "Data flow", "Training trace", "Prediction trace", "Train it yourself", "Quiz"

st.title("How it works")
try:
    released, missing = traces.read_released(), "There is no training trace beside the network's weights yet."
except traces.TraceError as error:
    released, missing = None, str(error)
show_key_insight(released)
landmarker_or_stop()
say_which_network()

flow, training, layers, yourself, quiz = st.tabs([FLOW, TRAINING, LAYERS, TRY, QUIZ], key="section", on_change="rerun", bind="query-params")
if flow.open:
    with flow:
        if selection := choose_instance():
            show_data_flow(selection)
if training.open:
    with training:
        if released:
            show_training(released)
        else:
            st.info(missing)
if layers.open:
    with layers:
        selection = choose_instance()
        show_prediction_trace(selection.kind if selection else "hand", selection)
if yourself.open:
    with yourself:
        if selection := choose_instance():
            train_on(selection)
if quiz.open:
    with quiz:
        show_quiz(released.landmarks.get("hand") if released else None, choose_instance())
show_glossary()
