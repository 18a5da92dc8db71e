"""What the server does with one visitor's camera frames: track, draw, hand back. Knows nothing of Streamlit."""

import threading
import time
from collections import deque
from dataclasses import dataclass

import av

from model import Landmarker, Tracker
from pages.parts.live_drawing import draw_live


@dataclass(frozen=True)
class Figures:
    """Over the last seconds: results per second; ms that a frame spends on the server; of these, ms of work."""

    fps: float
    latency_ms: float
    work_ms: float


class LiveFrames:
    """The callback of one visitor's camera stream. Called from streamlit-webrtc's worker thread."""

    WINDOW = 2.0  # seconds that the figures look back, further where a slow server gives only a frame now and then
    SILENCE = 10.0  # seconds without a frame after which there are no figures

    def __init__(self, landmarker: Landmarker):
        self._tracker = Tracker(landmarker)
        self._done: deque[tuple[float, float, float]] = deque()  # (finished, latency, work) in seconds
        self._lock = threading.Lock()
        self._clocks_apart = float("inf")  # our clock minus the stream's, as the fastest frame so far had it
        # Set by the page, read by the next frame.
        self.smoothing = 1.0
        self.mirrored = True
        self.mesh = False

    async def __call__(self, frames: list[av.VideoFrame]) -> list[av.VideoFrame]:
        """Only the newest of the waiting frames is worked on; the others are dropped, so that no delay builds up."""
        frame = frames[-1]
        started = time.perf_counter()
        picture = self._process(frame)
        finished = time.perf_counter()
        with self._lock:
            self._clocks_apart = min(self._clocks_apart, started - frame.time)
            arrived = frame.time + self._clocks_apart
            self._done.append((finished, finished - arrived, finished - started))
            while len(self._done) > 3 and self._done[0][0] < finished - self.WINDOW:
                self._done.popleft()
        return [picture]

    def _process(self, frame: av.VideoFrame) -> av.VideoFrame:
        rgb = frame.to_ndarray(format="rgb24")
        self._tracker.smoothing = self.smoothing
        # The network sees the unmirrored picture, so that left and right are the person's own.
        result = self._tracker.update(rgb, frame.time)
        if self.mirrored:
            rgb, result = rgb[:, ::-1], result.mirrored()
        return av.VideoFrame.from_ndarray(draw_live(rgb, result, self.mesh), format="rgb24")

    def stopped(self) -> None:
        """The stream has ended; the next one starts afresh."""
        with self._lock:
            self._done.clear()
            self._clocks_apart = float("inf")
        self._tracker.reset()

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
