"""Videos on the upload page through Streamlit's AppTest, with the real network."""

import itertools
import threading
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model.photo.image_file import open_photo
from model.video.video_file import Video
from pages.parts.album import clip, photo_list
from pages.parts.correct.visitor_corrections import VisitorsCorrections
from pages.parts.server.work_queue import WorkQueue
from pages.parts.videos import analyse_clips
from tests.model.clips import clip as video_of
from tests.model.clips import crossing, sound
from tests.pages.test_upload import EXAMPLES, ROOT, png, texts, upload


@pytest.fixture(scope="module")
def video() -> bytes:
    return video_of(crossing(open_photo(EXAMPLES / "hands.webp"), 12, (320, 240)))


@pytest.fixture
def visitor() -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=180).run()


def clips(visitor: AppTest) -> list[clip.Clip]:
    return list(visitor.session_state["photo_list"].clips.values())


def test_a_video_beside_a_photo(visitor, video):
    upload(visitor, ("clip.mp4", video, "video/mp4"), ("a.png", png(), "image/png"))
    assert not visitor.exception and texts(visitor) == ["a.png", "clip.mp4"]
    assert "**Two hands and no faces.**" in [element.value for element in visitor.markdown]
    [done] = clips(visitor)
    assert done.finished and len(done.timeline.seconds) == 12
    assert all(photo.analysed for photo in visitor.session_state["photo_list"])


def test_frame_by_frame(visitor, video):
    upload(visitor, ("clip.mp4", video, "video/mp4"))
    [done] = clips(visitor)
    visitor.session_state[f"step_{done.key}"] = True
    visitor.run()
    for label, frame in (("Next", 1), ("Next", 2), ("Previous", 1)):
        next(button for button in visitor.button if button.label == label).click()
        visitor.run()
        assert not visitor.exception and visitor.slider(key=f"frame_{done.key}").value == frame
        assert any(element.value.startswith(f"**{frame / 30:.2f} s**") and "fingertips" in element.value for element in visitor.markdown)


def press(visitor: AppTest, label: str) -> None:
    next(button for button in visitor.button if button.label == label).click()
    visitor.run()


def test_a_frame_becomes_a_photo_to_correct(visitor, video):
    """At full size and without loss, with the video's points, and the editor open; the same frame again is not taken in twice."""
    upload(visitor, ("clip.mp4", video, "video/mp4"))
    [done] = clips(visitor)
    visitor.session_state[f"step_{done.key}"] = True
    visitor.run()
    for _ in range(7):
        press(visitor, "Next")
    press(visitor, "Correct this frame")
    assert not visitor.exception and not visitor.warning and texts(visitor) == ["clip.mp4, frame 7 (0.23 s).png", "clip.mp4"]
    [photo] = visitor.session_state["photo_list"]
    with Video(video) as frames:
        seventh = next(itertools.islice(frames, 7, None)).rgb
    assert np.array_equal(open_photo(photo.content), seventh)
    tracks = [track for track in done.timeline.tracks.values() if track.place(7) is not None]
    assert sorted(hand.handedness for hand in photo.result.hands) == sorted(track.side for track in tracks) == ["left", "right"]
    assert any("Correct it here" in element.value for element in visitor.markdown), "its editor is open"

    corrections = visitors(visitor)
    correction = corrections.of(photo)
    assert [label.kind for label in correction.history.present.instances] == ["hand", "hand"]
    corrections.edit(photo, [{"n": 1, "do": "remove", "number": 0}])
    press(visitor, "Correct this frame")
    assert not visitor.exception and len(visitor.session_state["photo_list"]) == 1 and corrections.of(photo).history.present.corrected
    [labelled] = corrections.corrected()
    assert labelled.content == photo.content and labelled.name == "clip.mp4, frame 7 (0.23 s).png"


def visitors(visitor: AppTest) -> VisitorsCorrections:
    return visitor.session_state["corrections"]


def test_a_frame_without_room_is_refused_in_a_sentence(visitor, video, monkeypatch):
    upload(visitor, ("clip.mp4", video, "video/mp4"))
    [done] = clips(visitor)
    visitor.session_state[f"step_{done.key}"] = True
    visitor.run()
    monkeypatch.setattr(photo_list, "MOST_PHOTOS", 1)
    press(visitor, "Correct this frame")
    assert not visitor.exception and not len(visitor.session_state["photo_list"]) and "Not all photos were taken in" in visitor.warning[0].value


def test_what_is_no_video_gets_its_sentence(visitor, video):
    upload(visitor, ("sound.mp4", sound(), "video/mp4"), ("half.mp4", video[: len(video) // 3], "video/mp4"), ("text.mp4", b"text", "video/mp4"))
    assert not visitor.exception and len(visitor.error) == 3
    assert any("no moving pictures" in error.value for error in visitor.error)


def test_a_removed_video_goes(visitor, video):
    upload(visitor, ("clip.mp4", video, "video/mp4"))
    next(button for button in visitor.button if button.label == "Remove").click()
    visitor.run()
    assert not visitor.exception and not clips(visitor) and texts(visitor) == []


def test_names_are_never_markup(visitor, video):
    upload(visitor, ("<img src=x onerror=alert(1)> :red[x].mp4", video, "video/mp4"))
    rendered = [*visitor.markdown, *visitor.caption, *visitor.expander, *visitor.button]
    assert not visitor.exception and not any("onerror" in str(getattr(e, "value", "")) + str(getattr(e, "label", "")) for e in rendered)


def test_photos_of_others_come_in_between(video, monkeypatch):
    """One place in the queue: a photo does not wait for the whole video."""
    turns = WorkQueue(1)
    monkeypatch.setattr(analyse_clips, "WORK_QUEUE", turns)
    monkeypatch.setattr(analyse_clips, "SLICE", 0.01)
    worked, finished = [], []
    work = clip.Clip.work

    def watched(self, *arguments):
        work(self, *arguments)
        worked.append(time.monotonic())

    monkeypatch.setattr(clip.Clip, "work", watched)
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=180).run()

    def other_visitor():
        while not worked:
            time.sleep(0.005)
        with turns.slot():
            finished.append(time.monotonic())

    other = threading.Thread(target=other_visitor, daemon=True)
    other.start()
    upload(visitor, ("clip.mp4", video, "video/mp4"))
    other.join(60)
    assert not visitor.exception and clips(visitor)[0].finished
    assert len(worked) > 5 and worked[0] < finished[0] < worked[-1]


def test_a_script_that_starts_anew_goes_on_where_it_was(video, monkeypatch):
    """The visitor presses something while the video is analysed."""
    from streamlit.runtime.scriptrunner import RerunException
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

    opened = []
    work = clip.Clip.work

    def interrupted(self, *arguments):
        work(self, *arguments)
        opened.append(self._work)
        if len(opened) == 3:
            raise RerunException(RerunData())

    monkeypatch.setattr(analyse_clips, "SLICE", 0.0001)
    monkeypatch.setattr(clip.Clip, "work", interrupted)
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=180).run()
    upload(visitor, ("clip.mp4", video, "video/mp4"))
    assert not visitor.exception and len(clips(visitor)[0].timeline.seconds) == 12
    assert len({id(each) for each in opened if each}) == 1, "opened once"
