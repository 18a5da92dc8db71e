"""Runs the model on the videos of a photo list, in slices: other visitors' photos, and slices of their videos, come in between."""

import time

import streamlit as st

from model import Landmarker
from model.video.video_limits import in_words
from pages.parts.album.clip import Clip
from pages.parts.album.photo_list import PhotoList
from pages.parts.server.event_log import record
from pages.parts.server.work_queue import WORK_QUEUE, WorkQueue

SLICE = 0.5  # seconds of work between which the place in the queue is given up
CLIPS = WorkQueue(2)  # videos of this server that are worked on: each has a decoder and an encoder open


def analyse_clips(photo_list: PhotoList, landmarker: Landmarker) -> None:
    """Analyses every video that is new, with a progress bar, the time left and a button that stops it; then runs the page again.

    The visitor may do other instances on the page meanwhile: the script starts anew then, and goes on with the video where it was.
    """
    waiting = [clip for clip in photo_list.clips.values() if not clip.finished]
    for done, clip in enumerate(waiting):
        _analyse(clip, landmarker, f"video {done + 1} of {len(waiting)}" if len(waiting) > 1 else "the video")
    if waiting:
        st.rerun()


def _analyse(clip: Clip, landmarker: Landmarker, called: str) -> None:
    with st.container(border=True, key=f"work_{clip.key}"):
        st.text(clip.shown_name)
        bar = st.progress(0.0)
        st.button("Stop", icon=":material/stop_circle:", key=f"stop_{clip.key}", on_click=_stop, args=(clip,), help="What is found so far is kept.")

    def queued(ahead: int) -> None:
        bar.progress(clip.share or 0.0, f"In the queue: {ahead} ahead of yours")

    started = time.perf_counter()
    with CLIPS.slot(queued):
        while not clip.finished:
            with WORK_QUEUE.slot(queued):
                clip.work(landmarker, SLICE)
            bar.progress(clip.share or 0.0, _progress(clip, called))
    frames = len(clip.timeline.seconds)
    record("video", frames=frames, work_ms=1000 * clip.worked, total_ms=1000 * (time.perf_counter() - started), **({"error": clip.error} if clip.error else {}))


def _stop(clip: Clip) -> None:
    clip.stopped = True


def _progress(clip: Clip, called: str) -> str:
    text = f"Looking at {called}: {len(clip.timeline.seconds)} frames"
    if clip.left is not None and clip.worked > 1:
        text += f", about {in_words(clip.left)} left"
    return text
