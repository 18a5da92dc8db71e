"""A visitor's video: worked on in slices, stopped, kept within bounds."""

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from model.output.annotated_video import picture_at
from model.runtime.landmarker import Landmarker
from model.video.video_file import Video
from pages.parts.album import clip as clip_module
from pages.parts.album.clip import Clip
from pages.parts.album.clip_files import TYPES, file_name, pieces
from pages.parts.album.photo_list import MOST_PHOTOS, PhotoList
from pages.parts.videos.clip_charts import line, presence_chart, spans
from tests.model.clips import clip as video_of
from tests.model.drawn_world import ColourNetwork, photo

FRAMES = 20


@pytest.fixture
def landmarker(monkeypatch) -> Landmarker:
    monkeypatch.setattr("model.runtime.landmarker.Session", lambda *_: ColourNetwork())
    return Landmarker()


@pytest.fixture(scope="module")
def content() -> bytes:
    """A face all the time, a hand that leaves for longer than a track lasts."""
    face = ("face", 230, 120, 60, 0)
    return video_of(
        (photo(320, 240, face, *([("hand", 80, 120, 60, 0)] if not 6 <= number < 12 else [])) for number in range(FRAMES)),
        seconds=[number * 0.2 for number in range(FRAMES)],
        options={"crf": "12"},
    )


@pytest.fixture
def done(content, landmarker) -> Clip:
    clip = Clip("a video.mp4", content)
    while not clip.finished:
        clip.work(landmarker, 0.5)
    return clip


def test_slices(content, landmarker):
    clip, slices = Clip("a.mp4", content), 0
    shares = []
    while not clip.finished:
        clip.work(landmarker, 0.0001)  # a frame at a time
        slices += 1
        shares += [clip.share] if clip.share is not None else []  # the first slice opens it
    assert slices >= FRAMES and shares == sorted(shares) and shares[-1] > 0.9 and clip.error is clip.note is None
    assert clip.worked > 0 and clip.size_px == (320, 240)


def test_what_is_kept(done, content):
    assert done.size == len(content) + len(done.drawing) + len(done.table)
    with Video(done.drawing) as drawn:
        frames = list(drawn)
    assert len(frames) == FRAMES == len(done.timeline.seconds)
    assert sorted(track.kind for track in done.timeline.tracks.values()) == ["face", "hand", "hand"], "the hand was away too long to be the same"
    assert np.abs(picture_at(done.drawing, 13).astype(int) - frames[13].rgb).mean() < 2
    with pytest.raises(IndexError):
        picture_at(done.drawing, FRAMES)


def test_downloads(done):
    files = {suffix: b"".join(pieces(done, suffix)) for suffix in TYPES}
    assert files["mp4"] == done.drawing and file_name(done, "mp4") == "a_video_landmarks.mp4"
    lines = [json.loads(each) for each in files["jsonl"].splitlines()]
    assert [each["frame"] for each in lines] == list(range(FRAMES)) and {each["video"] for each in lines} == {"a video.mp4"}
    rows = pq.read_table(io.BytesIO(files["parquet"]))
    instances = sum(len(each["hands"]) + len(each["faces"]) for each in lines)
    assert len(rows) == instances
    assert len(files["csv"].splitlines()) == 1 + sum(21 * len(each["hands"]) + 478 * len(each["faces"]) for each in lines)


def test_stopped_by_the_visitor(content, landmarker):
    clip = Clip("a.mp4", content)
    while len(clip.timeline.seconds) < 5:
        clip.work(landmarker, 0.0001)
    clip.stopped = True
    clip.work(landmarker, 0.5)
    assert clip.finished and clip.note == "You stopped after 0.8 s." and len(clip.timeline.seconds) == 5
    with Video(clip.drawing) as drawn:
        assert len(list(drawn)) == 5


def test_what_would_not_fit_is_left_out(content, landmarker, monkeypatch):
    monkeypatch.setattr(clip_module, "MOST_BYTES", 3000)
    monkeypatch.setattr("model.output.serialize_video.ROWS", 4)
    clip = Clip("a.mp4", content)
    while not clip.finished:
        clip.work(landmarker, 0.5)
    assert clip.note.startswith("Only the first ") and 0 < len(clip.timeline.seconds) < FRAMES and clip.drawing


def test_stopped_at_once(content, landmarker):
    clip = Clip("a.mp4", content)
    clip.stopped = True
    clip.work(landmarker, 0.5)
    assert clip.error == "You stopped before the first frame was analysed." and clip._work is None


def test_what_is_wrong_is_one_sentence(content, landmarker, monkeypatch):
    damaged = Clip("a.mp4", content[:200])
    damaged.work(landmarker, 0.5)
    assert damaged.error == "The video is damaged or incomplete and cannot be opened."
    monkeypatch.setattr(clip_module, "MOST_SECONDS", 2.0)
    long = Clip("a.mp4", content)
    long.work(landmarker, 0.5)
    assert long.error == "The video is too long: 3.8 s, the limit is 2.0 s."
    monkeypatch.setattr(clip_module, "MOST_SECONDS", 60.0)
    monkeypatch.setattr("model.video.tracks.Tracks.update", lambda *_: 1 / 0)
    faulty = Clip("a.mp4", content)
    faulty.work(landmarker, 0.5)
    assert faulty.error.startswith("Something went wrong while analysing this video.") and faulty._work is None


def test_a_removed_video_frees_its_decoder(content, landmarker):
    photo_list = PhotoList()
    key = photo_list.add("a.mp4", content)
    clip = photo_list.clips[key]
    clip.work(landmarker, 0.0001)
    assert clip._work is not None and photo_list.size >= len(content)
    photo_list.remove(key)
    assert clip._work is None and not photo_list.clips and photo_list.size == 0


def test_an_album_holds_photos_and_videos_together(content):
    photo_list = PhotoList()
    key = photo_list.add("a.mp4", content)
    assert photo_list.add("a.mp4", content) == key and len(photo_list) == 0 and list(photo_list.clips) == [key]
    other = photo_list.add("b/a.mp4", content)
    assert [clip.label for clip in photo_list.clips.values()] == ["a.mp4", "a (2).mp4"] and other != key
    for number in range(MOST_PHOTOS):
        photo_list.add("photo.png", bytes([number]))
    assert len(photo_list) == MOST_PHOTOS - 2 and photo_list.complaints()
    photo_list.evict()
    assert not photo_list.clips and photo_list.complaints()


def test_charts(done):
    hand = max(done.timeline.tracks.values(), key=lambda track: track.kind == "hand")
    face = next(track for track in done.timeline.tracks.values() if track.kind == "face")
    assert spans(face, done.timeline) == [pytest.approx((0.0, 0.2 * FRAMES), abs=0.01)]
    frame = line(hand, "speed")
    assert np.isnan(frame["value"].iloc[0]) and len(frame) <= len(hand.frames) + 1
    assert len(presence_chart(done.timeline).to_dict()["data"]) >= 1


def test_a_gap_breaks_bar_and_line(done):
    face = next(track for track in done.timeline.tracks.values() if track.kind == "face")
    for column in (face.frames, face.seconds, face.score, face.speed):
        del column[5:8]
    assert len(spans(face, done.timeline)) == 2
    assert np.isnan(line(face, "score")["value"]).sum() == 1
