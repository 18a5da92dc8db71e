"""The player of a training trace: the fixed pictures that come with it, and every epoch's figures in words."""

import streamlit as st

from model.constants import CROP
from model.training.observations import observations
from model.training.run_log import Epoch, Released, TrainingTrace
from pages.parts.shared.data_url import file_url
from pages.parts.shared.epoch_player import FixedCrop, Step, play


def play_epochs(trace: TrainingTrace, key: str = "epoch_player") -> None:
    """The slider and the pictures; a sentence instead if the trace has no pictures."""
    shown = [
        (index, picture)
        for index, picture in enumerate(trace.pictures)
        if picture.file.is_file() and all(len(epoch.predictions) > index for epoch in trace.epochs)
    ]
    if not shown:
        st.info("This trace comes without pictures.")
        return
    crops = [FixedCrop(file_url(picture.file), picture.kind, picture.size, picture.truth.tolist()) for _, picture in shown]
    steps = [
        Step(epoch.number, f"{in_words(epoch)}. {seen}", [epoch.predictions[index].round(1).tolist() for index, _ in shown])
        for epoch, seen in zip(trace.epochs, observations(trace))
    ]
    play(crops, steps, key)


def play_boxes(released: Released) -> bool:
    """The detector's boxes on its fixed pictures, of the epochs that recorded them; False, and nothing shown, where none did."""
    pictures = released.detector_pictures
    epochs = [epoch for epoch in released.detector if pictures and len(epoch.predictions) == len(pictures)]
    if not epochs or not all(picture.is_file() for picture in pictures):
        return False
    steps = [Step(epoch.number, f"loss {epoch.loss:.3g}", [boxes.tolist() for boxes in epoch.predictions]) for epoch in epochs]
    play([FixedCrop(file_url(picture), "photo", CROP, []) for picture in pictures], steps, "epoch_player_detector")
    return True


def in_words(epoch: Epoch) -> str:
    """The epoch's figures in words."""
    accuracy = ", ".join(f"{kind}s {value:.0%}" for kind, value in epoch.accuracy.items())
    return f"loss {epoch.loss:.3g}, accuracy {accuracy}"
