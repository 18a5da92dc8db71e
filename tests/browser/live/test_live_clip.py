"""A clip recorded from the live picture: a video that shows it with its points, and the points of its frames."""

import csv
import io
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from model.output.serialize_video import CSV_COLUMNS, to_csv_rows
from tests.browser.camera_video import read_number, truth
from tests.browser.live_page import SECONDS, START, start_on_device, start_on_server

pytestmark = pytest.mark.browser


def record(page, seconds: float) -> None:
    """A clip of at least so long."""
    page.get_by_role("button", name="Record a clip").click(timeout=START)
    stop = page.get_by_role("button", name=re.compile(r"End clip 0:\d\d"))
    expect(stop).to_be_visible()
    page.wait_for_timeout(seconds * SECONDS)
    stop.click()
    expect(page.get_by_role("status").filter(has_text="A clip of 0:")).to_be_visible(timeout=START)


def saved(page, button: str, tmp_path: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def pictures(path: Path) -> list[np.ndarray]:
    """The frames of a video, BGR."""
    video, frames = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        frames.append(read[1])
    return frames


def test_on_device(camera_chromium, visit, tmp_path):
    page = visit(camera_chromium)
    view = start_on_device(page)
    expect(view).to_have_attribute("data-hands", "1", timeout=START)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    record(page, 4)
    shown = pictures(saved(page, "Save clip", tmp_path))
    assert len(shown) >= 2 and shown[0].shape == (480, 640, 3)
    assert all(picture.mean() > 40 for picture in shown), "not black"

    rows = list(csv.DictReader(io.StringIO(saved(page, "Save points (CSV)", tmp_path).read_text())))
    assert tuple(rows[0]) == CSV_COLUMNS
    documents = [json.loads(line) for line in saved(page, "Save points (JSON)", tmp_path).read_text().splitlines()]
    assert [document["frame"] for document in documents] == list(range(len(documents)))
    times = [document["time"] for document in documents]
    assert times[0] == 0 and times == sorted(times) and times[-1] < 15
    # The server's own writer makes the same table of these documents.
    assert list(csv.reader(io.StringIO("".join(map(to_csv_rows, documents))))) == [list(row.values()) for row in rows]
    assert {row["handedness"] for row in rows if row["kind"] == "hand"} == {"right"}
    assert len({row["track"] for row in rows}) >= 2

    # The video is mirrored, as it was seen; each of its frames is one with points in the table.
    hands = [np.array(document["hands"][0]["landmarks"])[:, :2] for document in documents if document["hands"]]
    true = truth(read_number(shown[-1][:, ::-1]))
    assert min(np.linalg.norm(hand - true.hand, axis=1).mean() for hand in hands) < 0.06 * true.hand_size
    assert not sent


def test_on_the_server(camera_chromium, visit, tmp_path):
    page = visit(camera_chromium)
    start_on_server(page)
    expect(page.get_by_text("frames per second")).to_be_visible(timeout=START)
    record(page, 4)
    shown = pictures(saved(page, "Save clip", tmp_path))
    assert len(shown) >= 2 and all(picture.mean() > 40 for picture in shown)
    page.get_by_role("button", name="Save points (CSV)").wait_for(timeout=START)
    rows = list(csv.DictReader(io.StringIO(saved(page, "Save points (CSV)", tmp_path).read_text())))
    assert tuple(rows[0]) == CSV_COLUMNS and {row["handedness"] for row in rows if row["kind"] == "hand"} == {"right"}
    assert float(rows[-1]["time"]) < 15


def test_stopping_the_camera_ends_the_clip(camera_chromium, visit, tmp_path):
    page = visit(camera_chromium)
    start_on_device(page)
    page.get_by_role("button", name="Record a clip").click(timeout=START)
    page.wait_for_timeout(3 * SECONDS)
    page.get_by_role("button", name="Stop camera").click()
    expect(page.get_by_role("button", name="Record a clip")).to_be_hidden()
    assert pictures(saved(page, "Save clip", tmp_path))
