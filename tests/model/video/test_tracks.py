"""Tracks of a video: one number and one side for each hand and face, and how fast fingertips move."""

import numpy as np
import pytest

from model.photo.image_file import open_photo
from model.video.timeline import Timeline
from model.video.tracks import FINGERTIPS, MEMORY, Tracks, instances_of, number_of
from model.video.video_file import Frame, Video
from tests.benchmark.truth.rendered import EXAMPLES
from tests.model.clips import clip, crossing
from tests.model.drawn_world import photo
from tests.model.tracking.test_tracker import FACE, FPS, HAND


def follow(landmarker, scenes: list[list[tuple]], size=(640, 480), fps: float = FPS):
    """Each scene is a frame: its instances."""
    tracks = Tracks(landmarker)
    return [tracks.update(Frame(number, number / fps, photo(*size, *instances))) for number, instances in enumerate(scenes)]


def numbers(frames) -> list[list[int]]:
    return [sorted(number_of(instance) for instance in instances_of(frame.result)) for frame in frames]


def test_a_moment_unseen_does_not_make_another_track(landmarker):
    found = numbers(follow(landmarker, [[HAND, FACE]] * 3 + [[FACE]] * 6 + [[HAND, FACE]] * 12))
    assert found[0] == found[-1] and set(sum(found, [])) == {1, 2}
    assert [1, 2] != found[5] and len(found[5]) == 1


def test_who_comes_back_late_or_elsewhere_is_another_one(landmarker):
    gap = round((MEMORY + 0.2) * FPS)
    late = numbers(follow(landmarker, [[HAND]] * 3 + [[]] * gap + [[HAND]] * 12))
    assert late[0] == [1] and late[-1] == [2]
    elsewhere = numbers(follow(landmarker, [[HAND]] * 3 + [[]] * 6 + [[("hand", 500, 240, 90, 0)]] * 12))
    assert elsewhere[0] == [1] and elsewhere[-1] == [2]
    larger = numbers(follow(landmarker, [[HAND]] * 3 + [[]] * 6 + [[("hand", 150, 240, 200, 0)]] * 12))
    assert larger[0] == [1] and larger[-1] == [2]


def test_a_face_does_not_take_the_number_of_a_hand(landmarker):
    found = numbers(follow(landmarker, [[HAND]] * 3 + [[]] * 6 + [[("face", 150, 240, 90, 0)]] * 12))
    assert found[0] == [1] and found[-1] == [2]


def test_the_other_hand_does_not_take_it_either(landmarker, network):
    tracks = Tracks(landmarker)
    landmarks = network._landmarks
    seen = [tracks.update(Frame(number, number / FPS, photo(640, 480, HAND))) for number in range(3)]
    seen += [tracks.update(Frame(number, number / FPS, photo(640, 480))) for number in range(3, 6)]
    network._landmarks = lambda picture: landmarks(picture) | {"handedness": np.array([0.1])}
    seen += [tracks.update(Frame(number, number / FPS, photo(640, 480, HAND))) for number in range(6, 18)]
    assert numbers(seen)[0] == [1] and numbers(seen)[-1] == [2]
    assert seen[-1].result.hands[0].handedness == "left"


def test_fingertip_speed(landmarker):
    """300 pixels a second to the right."""
    found = follow(landmarker, [[("hand", 150 + 10 * number, 240, 90, 0)] for number in range(20)])
    assert found[0].speeds == {}, "nothing to compare with"
    speeds = [frame.speeds[1] for frame in found[10:]]
    assert np.mean(speeds) == pytest.approx(300, rel=0.1)
    still = follow(landmarker, [[HAND]] * 10)
    assert still[-1].speeds[1] < 15
    assert len(FINGERTIPS) == 5


def test_a_speed_is_of_frames_that_follow_each_other(landmarker):
    tracks = Tracks(landmarker)
    seen = [tracks.update(Frame(number, seconds, photo(640, 480, HAND))) for number, seconds in enumerate([0, 0.1, 0.8, 0.9])]
    assert [1 in frame.speeds for frame in seen] == [False, True, False, True]


def test_timeline(landmarker):
    timeline = Timeline()
    for frame in follow(landmarker, [[FACE]] * 3 + [[HAND, FACE]] * 12):
        timeline.add(frame)
    face, hand = timeline.tracks[1], timeline.tracks[2]
    assert (face.kind, face.side, face.title) == ("face", None, "Face 1")
    assert (hand.kind, hand.side, hand.title) == ("hand", "right", "Right hand 2")
    assert len(timeline.seconds) == 15 and list(face.frames) == list(range(15)) and hand.frames[-1] == 14 and hand.frames[0] >= 3
    assert hand.seconds[0] == pytest.approx(hand.frames[0] / FPS) and 0.9 < hand.confidence <= 1
    assert np.isnan(hand.speed[0]) and not np.isnan(hand.speed[1]) and np.isnan(face.speed).all()


@pytest.mark.parametrize("file, instances", [("greeting.webp", ["Face", "Left hand", "Right hand"]), ("hands.webp", ["Left hand", "Right hand"])])
def test_a_rendered_clip_keeps_its_tracks(real_landmarker, file, instances):
    """One id and one side for each hand and face, from the first frame to the last."""
    content = clip(crossing(open_photo(EXAMPLES / file), 60))
    timeline, tracks = Timeline(), Tracks(real_landmarker)
    with Video(content) as video:
        for frame in video:
            timeline.add(tracks.update(frame))
    assert sorted(track.title.rsplit(" ", 1)[0] for track in timeline.tracks.values()) == instances
    for track in timeline.tracks.values():
        assert len(track.frames) == 60 and len(track._sides) <= 1, track.title
