"""The server's half of the live page: one visitor's frames in, drawn frames out."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.contrib.media import MediaRelay
from PIL import ImageColor
from streamlit_webrtc.process import VideoProcessTrack

from model.output.draw import Layers
from model.output.draw_live import draw_live
from model.runtime.geometry import ROI
from model.runtime.result import Hand, Result
from model.runtime.topology import FINGERS
from pages.parts.live.frame_processor import LiveFrames
from pages.parts.live.ice_servers import VARIABLE, ice_servers
from pages.parts.live.live_options import LiveOptions
from pages.parts.live.webrtc_tuning import relay_new_pictures


def run(task):
    """asyncio.run in a thread of its own: the browser tests' Playwright keeps an event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, task).result()


class NoLandmarks:
    """Stands in for the Landmarker: detects nothing, keeps the frames it was shown. slow: seconds for each frame."""

    def __init__(self, may_go_on: threading.Event | None = None, slow: float = 0):
        self.detector, self.shown, self.slow, self.may_go_on = self, [], slow, may_go_on

    def detect(self, rgb, tiled):
        self.shown.append(rgb)
        time.sleep(self.slow)
        if self.may_go_on:
            self.may_go_on.wait(10)
        return []

    def predict_present(self, rgb, requests, least_presence, timer):
        return {}


def video_frame(number: int, width: int = 64, height: int = 48, brightness: int = 200) -> av.VideoFrame:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2] = brightness  # bright on the left
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, 30)
    return frame


def answer(frames: LiveFrames, given: av.VideoFrame) -> np.ndarray:
    """The picture that is drawn on this very frame."""
    frames(given)
    settle(frames)
    return frames._picture.to_ndarray(format="rgb24")


def settle(frames: LiveFrames) -> None:
    """Until the worker has nothing to do."""
    deadline = time.monotonic() + 10
    while frames._busy and time.monotonic() < deadline:
        time.sleep(0.001)


def test_stale_frames_are_dropped():
    """While the worker is busy with the first frame two others come; it goes on with the newer one."""
    landmarker = NoLandmarks(patience := threading.Event())
    frames = LiveFrames(landmarker)
    first = video_frame(0)
    assert frames(first) is first  # nothing is drawn yet
    frames(video_frame(1))
    frames(video_frame(2, brightness=90))
    patience.set()
    settle(frames)
    assert [shown.max() for shown in landmarker.shown] == [200, 90]


def test_a_frame_that_fails_does_not_end_the_stream(caplog):
    landmarker = NoLandmarks()
    frames = LiveFrames(landmarker)
    landmarker.detect = lambda rgb, tiled: 1 / 0
    frames(video_frame(0))
    settle(frames)
    del landmarker.detect
    assert "could not be worked on" in caplog.text
    assert answer(frames, video_frame(1)).shape == (48, 64, 3)


def test_after_the_end_nothing_is_left():
    landmarker = NoLandmarks(patience := threading.Event())
    frames = LiveFrames(landmarker)
    frames(video_frame(0))
    frames.stopped()
    patience.set()
    later = video_frame(9)
    assert frames(later) is later
    assert answer(frames, video_frame(10)) is not None


class Camera(MediaStreamTrack):
    """30 frames per second; `taken`: when each was. Every frame's brightness is its number."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self.taken = []

    async def recv(self) -> av.VideoFrame:
        number = len(self.taken)
        if number:
            await asyncio.sleep(max(self.taken[0] + number / 30 - time.perf_counter(), 0))
        self.taken.append(time.perf_counter())
        return video_frame(number, brightness=number)


async def ages(work: float, encoding: float, seconds: float) -> list[float]:
    """Seconds since each new picture's frame was taken, when the encoder gets it, on the way that the live page uses.

    work, encoding: seconds that the network takes for a frame, and the encoder for each picture.
    """
    camera, relay = Camera(), MediaRelay()
    relay_new_pictures(relay)
    frames = LiveFrames(NoLandmarks(slow=work))
    encoder = relay.subscribe(VideoProcessTrack(relay.subscribe(camera), SimpleNamespace(recv=frames)))
    found, last = [], 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        picture = await encoder.recv()
        number = int(picture.to_ndarray(format="rgb24").max())
        if frames._picture and number != last:
            found.append(time.perf_counter() - camera.taken[number])
            last = number
        await asyncio.sleep(encoding)
    camera.stop()
    return found


@pytest.mark.parametrize("work, encoding", [(0.1, 0), (0.1, 0.05), (0.01, 0.1)])
def test_no_delay_builds_up(work, encoding):
    """Wherever it is slower than the camera, in the network or behind it, every picture is of a fresh frame."""
    seconds = 3  # a queue grows by twenty frames a second and more, if it grows
    found = run(ages(work, encoding, seconds))
    interval = seconds / len(found)  # between two pictures; longer where the machine has other work too
    print(f"work {work} s, encoding {encoding} s: a picture every {interval:.2f} s, ages {np.round(found, 2)}")
    # A frame waits for the worker, is worked on, then waits for the next frame of the camera and for the encoder.
    assert np.median(found) < 2 * interval
    assert np.median(found[-10:]) < np.median(found[:10]) + interval


def test_the_network_sees_the_unmirrored_picture():
    landmarker = NoLandmarks()
    frames = LiveFrames(landmarker)
    mirrored = answer(frames, video_frame(0))
    frames.options = LiveOptions(mirrored=False)
    plain = answer(frames, video_frame(1))
    assert all(shown[:, 0].mean() > shown[:, -1].mean() for shown in landmarker.shown)
    assert mirrored[:, -1].mean() > mirrored[:, 0].mean() and plain[:, 0].mean() > plain[:, -1].mean()


def test_sizes_may_change():
    frames = LiveFrames(NoLandmarks())
    for number, (width, height) in enumerate([(64, 48), (32, 24), (48, 64)]):
        picture = answer(frames, video_frame(number, width, height))
        assert picture.shape == (height, width, 3)


def test_figures():
    frames = LiveFrames(NoLandmarks())
    assert frames.figures() is None
    for number in range(5):
        answer(frames, video_frame(number))
    figures = frames.figures()
    assert figures.fps > 0 and figures.latency_ms >= figures.work_ms >= 0
    frames.stopped()
    assert frames.figures() is None


def test_a_stream_leaves_a_line_in_the_journal_where_that_is_asked_for(monkeypatch, capsys):
    for asked in ("", "1"):
        monkeypatch.setenv("POINTILLIST_LOG", asked)
        frames = LiveFrames(NoLandmarks())
        for number in range(4):
            answer(frames, video_frame(number))
        frames.stopped()
        frames.stopped()  # nothing came since: no second line
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [(line["event"], line["frames"]) for line in lines] == ([("stream", 4)] if asked else [])
    assert lines[0]["seconds"] >= 0 and lines[0]["work_ms"] >= 0


def test_drawing_reaches_the_points_and_nothing_else():
    points = np.zeros((21, 3), np.float32)
    points[:, 0] = np.linspace(40, 80, 21)
    points[:, 1] = np.linspace(60, 100, 21)
    hand = Hand(points, 0.9, (40, 60, 40, 40), np.ones(21, np.float32), "left", 0.9, ROI(60, 80, 60))
    rgb = np.full((120, 160, 3), 90, np.uint8)
    drawn = draw_live(rgb, Result(160, 120, (hand,), (), {}))
    changed = (drawn != rgb).any(axis=2)
    assert all(changed[round(float(y)), round(float(x))] for x, y, _ in points)
    assert not changed[:, 120:].any() and (rgb == 90).all()


def test_what_is_sure_is_drawn_in_its_full_colour():
    points = np.zeros((21, 3), np.float32)
    points[:, 0], points[:, 1] = np.arange(21) % 5 * 60 + 40, np.arange(21) // 5 * 60 + 40
    hand = Hand(points, 0.9, (40, 40, 240, 240), np.zeros(21, np.float32), "left", 0.9, ROI(160, 160, 400))
    drawn = draw_live(np.full((320, 320, 3), 90, np.uint8), Result(320, 320, (hand,), (), {}))
    for finger in FINGERS:
        x, y = points[finger.points[-1], :2].astype(int)  # a fingertip's dot lies over all bones
        assert np.abs(drawn[y, x].astype(int) - ImageColor.getrgb(finger.colour)).max() <= 2, finger.name


def test_points_far_outside_the_picture_are_harmless():
    points = np.full((21, 3), 1e7, np.float32)
    points[:10] = -1e7
    hand = Hand(points, 0.9, (0, 0, 1, 1), np.ones(21, np.float32), "right", 0.9, ROI(0, 0, 1))
    assert draw_live(np.zeros((48, 64, 3), np.uint8), Result(64, 48, (hand,), (), {})).shape == (48, 64, 3)


def test_a_live_label_holds_only_what_its_font_has(monkeypatch):
    written = []
    monkeypatch.setattr("model.output.draw_live.cv2.putText", lambda picture, text, *_: written.append(text))
    points = np.random.default_rng(0).uniform(40, 80, (21, 3)).astype(np.float32)
    hand = Hand(points, 0.9, (40, 40, 40, 40), np.ones(21, np.float32), "left", 0.97, ROI(60, 60, 60))
    draw_live(np.zeros((120, 160, 3), np.uint8), Result(160, 120, (hand,), (), {}))
    assert written == ["Hand 90 %, left 97 %"]


def test_ice_servers(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert ice_servers() == []
    servers = [{"urls": "turn:relay.example:3478", "username": "u", "credential": "c"}]
    monkeypatch.setenv(VARIABLE, json.dumps(servers))
    assert ice_servers() == servers
    for wrong in ("turn:relay.example", '{"urls": 1}', "[1]", "3"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(ValueError, match=VARIABLE):
            ice_servers()


def test_a_frozen_picture_stays_and_can_be_saved():
    landmarker = NoLandmarks()
    frames = LiveFrames(landmarker)
    assert frames.still() is None
    before = answer(frames, video_frame(0))
    frames.frozen = True
    assert (answer(frames, video_frame(1, brightness=90)) == before).all() and len(landmarker.shown) == 1, "no frame is worked on meanwhile"
    picture, result = frames.still()
    assert (picture == before).all() and (result.width, result.height) == (64, 48)
    frames.frozen = False
    assert answer(frames, video_frame(2, brightness=90)).max() < 110


def test_what_is_tracked_with_less_confidence_is_not_drawn(monkeypatch):
    points = np.random.default_rng(0).uniform(8, 40, (21, 3)).astype(np.float32)
    hand = Hand(points, 0.6, (8, 8, 32, 32), np.ones(21, np.float32), "left", 0.97, ROI(24, 24, 40))
    monkeypatch.setattr("model.Tracker.update", lambda *_: Result(64, 48, (hand,), (), {}))
    frames = LiveFrames(NoLandmarks())
    frames.options = LiveOptions(mirrored=False, min_confidence=0.7)
    plain = answer(frames, video_frame(0))
    assert not frames.still()[1].hands
    frames.options = LiveOptions(mirrored=False, min_confidence=0.5)
    drawn = answer(frames, video_frame(1))
    assert len(frames.still()[1].hands) == 1 and (drawn != plain).any()


def test_layers_are_drawn_only_where_they_are_chosen():
    points = np.random.default_rng(0).uniform(20, 140, (21, 3)).astype(np.float32)
    hand = Hand(points, 0.9, (20, 20, 120, 120), np.zeros(21, np.float32), "left", 0.97, ROI(80, 80, 150))
    rgb = np.full((160, 160, 3), 90, np.uint8)
    nothing = dict.fromkeys(("skeleton", "contours", "mesh", "points", "labels"), False)
    changed = {layer: (draw_live(rgb, Result(160, 160, (hand,), (), {}), Layers(**nothing | {layer: True})) != rgb).any(axis=2).sum() for layer in nothing}
    assert not changed["contours"] and not changed["mesh"], "it is a hand"
    assert min(changed["skeleton"], changed["points"], changed["labels"]) > 100
    assert (draw_live(rgb, Result(160, 160, (hand,), (), {}), Layers(**nothing)) == rgb).all()
