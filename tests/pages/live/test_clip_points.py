"""The points of a recorded clip on the server: only while it is recorded, bounded, readable as CSV and JSON lines."""

import csv
import io
import json

import numpy as np

from model.output.serialize_video import CSV_COLUMNS
from model.runtime.geometry import ROI
from model.runtime.result import Hand, Result
from pages.parts.live import clip_points
from pages.parts.live.clip_points import ClipPoints


def hand_at(x: float) -> Result:
    roi = ROI(50, 50, 80, 0)
    hand = Hand(np.full((21, 3), x, np.float32), 0.9, (10, 10, 40, 40), np.ones(21, np.float32), "left", 0.8, roi, track=3)
    return Result(100, 80, (hand,), (), {})


def test_only_what_comes_while_recording_is_kept():
    points = ClipPoints()
    points.add(hand_at(1), 0.0)
    points.recording = True
    points.add(hand_at(2), 7.0)
    points.add(hand_at(3), 7.5)
    points.recording = False
    points.add(hand_at(4), 8.0)
    documents = [json.loads(line) for line in points.json_lines().splitlines()]
    assert [(document["frame"], document["time"], document["hands"][0]["landmarks"][0][0]) for document in documents] == [(0, 0.0, 2.0), (1, 0.5, 3.0)]
    rows = list(csv.DictReader(io.StringIO(points.csv().decode())))
    assert tuple(rows[0]) == CSV_COLUMNS and len(rows) == 2 * 21
    assert {(row["track"], row["handedness"]) for row in rows} == {("3", "left")}


def test_a_new_clip_replaces_the_one_before():
    points = ClipPoints()
    for x in (1, 2):
        points.recording = True
        points.add(hand_at(x), float(x))
        points.recording = False
    (document,) = points.json_lines().splitlines()
    assert json.loads(document)["hands"][0]["landmarks"][0][0] == 2


def test_a_clip_is_bounded(monkeypatch):
    points = ClipPoints()
    points.recording = True
    points.add(hand_at(1), 0.0)
    points.add(hand_at(1), clip_points.MOST_SECONDS + 1)
    assert len(points) == 1
    monkeypatch.setattr(clip_points, "MOST_BYTES", 100)
    points.add(hand_at(1), 1.0)
    points.add(hand_at(1), 2.0)
    assert len(points) == 1, "one frame takes more than that"
