"""What the server does with one visitor's camera frames: track, draw, hand back. Knows nothing of Streamlit."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import av
import numpy as np

from model import Landmarker, Result, Tracker
from model.constants import KINDS
from model.inference import cpus
from model.output.draw_live import draw_live
from pages.parts.live.clip_points import ClipPoints
from pages.parts.live.live_options import LiveOptions
from pages.parts.server import event_log

_log = logging.getLogger(__name__)

# One job is one frame, so that many visitors take turns.
_workers = ThreadPoolExecutor(cpus.available(), thread_name_prefix="live")


@dataclass(frozen=True)
class Figures:
    """Over the last seconds: results per second; ms that a frame spends on the server; of these, ms of work."""

    fps: float
    latency_ms: float
    work_ms: float


class LiveFrames:
    """The callback of one visitor's camera stream: call it with every frame, on the server's event loop.

    It answers at once, with the newest picture that is drawn, while a worker is busy with a later frame; until there is
    a picture the frame itself comes back. Nothing queues up: when the worker is free it takes the newest frame, and the
    frames before that are dropped.
    """

    WINDOW = 2.0  # seconds that the figures cover, further where a slow server gives only a frame now and then
    SILENCE = 10.0  # seconds without a frame after which there are no figures

    def __init__(self, landmarker: Landmarker):
        self._landmarker = landmarker
        self._lock = threading.Lock()  # for everything below that starts with _
        self._reset()
        # Set by the page, read by the next frame.
        self.options = LiveOptions()
        self.frozen = False  # the newest picture stays; frames are dropped
        self.clip = ClipPoints()

    def _reset(self) -> None:
        self._tracker = Tracker(self._landmarker)  # anew: a worker may still be busy with the old one
        self._waiting: av.VideoFrame | None = None
        self._busy = False
        self._picture: av.VideoFrame | None = None
        self._result: Result | None = None  # of the picture, unmirrored
        self._done: deque[tuple[float, float, float]] = deque()  # (finished, latency, work) in seconds
        self._frames, self._first, self._worked = 0, 0.0, 0.0  # over the whole stream, for the event log
        self._clocks_apart = float("inf")  # our clock minus the stream's, as the fastest frame so far had it

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Takes a frame of the camera and returns the newest drawn one, or the frame itself before there is any."""
        with self._lock:
            self._clocks_apart = min(self._clocks_apart, time.perf_counter() - frame.time)
            if not (self.frozen and self._picture):
                self._waiting = frame
                if not self._busy:
                    self._begin()
            return self._picture or frame

    def _begin(self) -> None:
        """The worker takes the waiting frame, if there is one. The lock is held."""
        frame, self._waiting = self._waiting, None
        self._busy = frame is not None
        if frame:
            _workers.submit(self._work, frame, self._tracker)

    def _work(self, frame: av.VideoFrame, tracker: Tracker) -> None:
        started = time.perf_counter()
        try:
            picture, result = self._drawn(frame, tracker)
            self.clip.add(result, frame.time)
        except Exception:
            _log.exception("A camera frame could not be worked on.")
            picture, result = None, None
        finished = time.perf_counter()
        with self._lock:
            if tracker is not self._tracker:
                return  # the stream ended meanwhile
            if picture and not (self.frozen and self._picture):
                self._picture, self._result = picture, result
                self._count(finished, finished - frame.time - self._clocks_apart, finished - started)
            self._begin()

    def _count(self, finished: float, latency: float, work: float) -> None:
        self._done.append((finished, latency, work))
        self._first = self._first or finished - work
        self._frames, self._worked = self._frames + 1, self._worked + work
        while len(self._done) > 3 and self._done[0][0] < finished - self.WINDOW:
            self._done.popleft()

    def _drawn(self, frame: av.VideoFrame, tracker: Tracker) -> tuple[av.VideoFrame, Result]:
        rgb, options = frame.to_ndarray(format="rgb24"), self.options
        tracker.smoothing = options.smoothing
        # The network sees the unmirrored picture, so that left and right are the person's own.
        result = shown = tracker.update(rgb, frame.time).filtered(dict.fromkeys(KINDS, options.min_confidence))
        if options.mirrored:
            rgb, shown = rgb[:, ::-1], result.mirrored()
        return av.VideoFrame.from_ndarray(draw_live(rgb, shown, options.layers), format="rgb24"), result

    def still(self) -> tuple[np.ndarray, Result] | None:
        """The newest picture as it is shown, uint8 (H, W, 3) RGB, and its result, unmirrored; None before there is one."""
        with self._lock:
            picture, result = self._picture, self._result
        return (picture.to_ndarray(format="rgb24"), result) if picture and result else None

    def stopped(self) -> None:
        """The stream has ended; the next one starts afresh."""
        with self._lock:
            if self._frames:
                seconds = self._done[-1][0] - self._first
                event_log.record("stream", frames=self._frames, seconds=seconds, work_ms=1000 * self._worked / self._frames)
            self._reset()

    def figures(self) -> Figures | None:
        """None until there was a frame, or when there was none for a while."""
        with self._lock:
            done = list(self._done)
        if len(done) < 2 or done[-1][0] < time.perf_counter() - self.SILENCE:
            return None
        middle = len(done) // 2
        return Figures(
            fps=(len(done) - 1) / (done[-1][0] - done[0][0]),
            latency_ms=1000 * sorted(latency for _, latency, _ in done)[middle],
            work_ms=1000 * sorted(work for _, _, work in done)[middle],
        )
