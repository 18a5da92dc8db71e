"""The server's half of the live page: one visitor's frames in, drawn frames out."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest

from model.geometry import ROI
from model.result import Hand, Result
from pages.parts.ice import VARIABLE, ice_servers
from pages.parts.live_drawing import draw_live
from pages.parts.live_frames import LiveFrames


def run(task):
    """asyncio.run in a thread of its own: the browser tests' Playwright keeps an event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, task).result()


class NoLandmarks:
    """Stands in for the Landmarker: finds nothing, counts the frames it was shown."""

    def __init__(self):
        self.detector, self.shown = self, []

    def find(self, rgb, closer):
        self.shown.append(rgb)
        return []

    def look(self, rgb, places, clock):
        return []


def video_frame(number: int, width: int = 64, height: int = 48) -> av.VideoFrame:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2] = 200  # bright on the left
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, 30)
    return frame


def answer(frames: LiveFrames, *given: av.VideoFrame) -> list[np.ndarray]:
    return [frame.to_ndarray(format="rgb24") for frame in run(frames(list(given)))]


def test_stale_frames_are_dropped():
    landmarker = NoLandmarks()
    assert len(answer(LiveFrames(landmarker), video_frame(0), video_frame(1), video_frame(2))) == 1
    assert len(landmarker.shown) == 1


def test_the_network_sees_the_unmirrored_picture():
    landmarker = NoLandmarks()
    frames = LiveFrames(landmarker)
    (mirrored,) = answer(frames, video_frame(0))
    frames.mirrored = False
    (plain,) = answer(frames, video_frame(1))
    assert all(shown[:, 0].mean() > shown[:, -1].mean() for shown in landmarker.shown)
    assert mirrored[:, -1].mean() > mirrored[:, 0].mean() and plain[:, 0].mean() > plain[:, -1].mean()


def test_sizes_may_change():
    frames = LiveFrames(NoLandmarks())
    for number, (width, height) in enumerate([(64, 48), (32, 24), (48, 64)]):
        (picture,) = answer(frames, video_frame(number, width, height))
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


def test_points_far_outside_the_picture_are_harmless():
    points = np.full((21, 3), 1e7, np.float32)
    points[:10] = -1e7
    hand = Hand(points, 0.9, (0, 0, 1, 1), np.ones(21, np.float32), "right", 0.9, ROI(0, 0, 1))
    assert draw_live(np.zeros((48, 64, 3), np.uint8), Result(64, 48, (hand,), (), {})).shape == (48, 64, 3)


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
