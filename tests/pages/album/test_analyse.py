"""The queue on the page, the journal and the status."""

import functools
import io
import json
import threading

import numpy as np
import pytest
from PIL import Image
from streamlit import runtime
from streamlit.testing.v1 import AppTest

from pages.parts.album import analyse
from pages.parts.album.photo_list import Photo
from pages.parts.explore.example_picker import Selection
from pages.parts.server import event_log, status
from pages.parts.server.work_queue import WorkQueue
from tests.pages.test_hostile import ROOT
from tests.pages.test_upload import png, upload


@pytest.fixture
def turns(monkeypatch) -> WorkQueue:
    """A queue with one place, for this test alone."""
    turns = WorkQueue(1)
    monkeypatch.setattr(analyse, "WORK_QUEUE", turns)
    return turns


def test_a_waiting_visitor_sees_the_place_in_the_queue(turns, monkeypatch):
    said = []
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    progress = analyse.st.progress

    def watched(value):
        bar = progress(value)
        show = bar.progress
        bar.progress = lambda share, text: (said.append(text), show(share, text))
        return bar

    monkeypatch.setattr(analyse.st, "progress", watched)
    holding, done = threading.Event(), threading.Event()

    def other_visitor():
        with turns.slot():
            holding.set()
            done.wait(60)

    other = threading.Thread(target=other_visitor)
    other.start()
    holding.wait(60)
    threading.Timer(1.0, done.set).start()
    upload(visitor, ("a.png", png(), "image/png"))
    other.join(60)
    assert not visitor.exception
    assert said[0] == "In the queue: 1 photo ahead of yours"
    assert said[-1] == "Analysing photo 1 of 1 …"
    assert turns.working == turns.waiting == 0
    assert all(photo.analysed for photo in visitor.session_state["photo_list"])


def test_journal(turns, monkeypatch, capsys):
    """One line per photo: figures, and nothing that says which visitor's photo it was."""
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    files = [("secret name.png", png(), "image/png"), ("hidden.txt", b"no photo", "text/plain")]
    capsys.readouterr()
    upload(visitor, *files)
    assert "photo" not in capsys.readouterr().err, "off unless it is asked for"
    monkeypatch.setenv(event_log.VARIABLE, "1")
    upload(visitor, *files, ("third name.png", png((1, 2, 3)), "image/png"), ("fourth.txt", b"nor this", "text/plain"))
    text = capsys.readouterr().err
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    good, bad = lines
    assert good["event"] == bad["event"] == "photo"
    assert (good["width"], good["height"], good["hands"], good["faces"]) == (64, 48, 0, 0)
    assert good["bytes"] == len(png((1, 2, 3))) and good["total_ms"] >= good["timings_ms"]["total"] > 0 and good["waited_ms"] >= 0
    assert bad["error"] == "This file is not a picture in a format that can be opened."
    assert not any(name.split(".")[0] in text for name in ("secret name.png", "third name.png", "fourth.txt"))


def test_status_only_where_it_is_asked_for(monkeypatch):
    monkeypatch.delenv(status.VARIABLE, raising=False)
    assert status.routes() == []
    monkeypatch.setenv(status.VARIABLE, "0")
    assert status.routes() == []


def test_status(monkeypatch):
    class Sessions:
        num_active_sessions = staticmethod(lambda: 3)

    class Server:
        _session_mgr = Sessions

    monkeypatch.setenv(status.VARIABLE, "1")
    monkeypatch.setattr(runtime, "get_instance", lambda: Server)
    (route,) = status.routes()
    answer = route.endpoint(None)
    assert route.path == "/status" and answer.headers["cache-control"] == "no-store"
    found = json.loads(answer.body)
    assert found["visitors"] == 3 and found["queue"]["working"] == found["queue"]["waiting"] == 0 and found["queue"]["places"] >= 1
    assert found["network"]["sessions"] == 1 and found["network"]["version"]
    assert found["memory_mb"] > 10 and found["threads"] >= 1 and 0 < found["open_files"] < found["open_files_limit"]


@pytest.mark.parametrize("size, shown", [((2560, 640), (1280, 320)), ((300, 1500), (256, 1280)), ((800, 600), (800, 600)), ((64, 32), (640, 320))])
def test_the_picture_on_the_page_has_the_photos_shape(monkeypatch, size, shown):
    """Wide stays wide; large ones are reduced, small ones enlarged; a pixel of the photo lies where it is shown."""
    monkeypatch.setattr(analyse, "_view", functools.cache(analyse._view.__wrapped__))  # the page's own is kept for a visitor, who is missing here
    width, height = size
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[-height // 4 :, : width // 4] = 255  # bottom left
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    photo = Photo("a.png", file.getvalue())
    picture = analyse.view(photo)
    assert picture.shape == (shown[1], shown[0], 3)
    selection = Selection(photo, None, size, "key")
    for x, y, white in [(width / 8, height * 7 / 8, True), (width / 8, height / 8, False), (width * 7 / 8, height * 7 / 8, False)]:
        column, row = np.round(selection.on_picture(np.array([x, y]))).astype(int)
        assert (picture[row, column].min() > 200) == white
    assert np.allclose(selection.on_picture(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]])), [[-0.5, -0.5], [shown[0] - 0.5, shown[1] - 0.5]])
    selection.picture[:] = 90
    assert not (analyse.view(photo) == 90).all(), "the kept picture is not drawn on"
