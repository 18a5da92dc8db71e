"""Following instances through a live picture."""

from dataclasses import replace

import numpy as np
import pytest

from model.constants import CONSTANTS
from model.tracking.tracker import Tracker
from tests.model.drawn_world import photo, place

FPS = 30
HAND, FACE = ("hand", 150, 240, 90, 0), ("face", 450, 240, 120, 0)


def searches(network) -> int:
    return sum(outputs == ("detections",) for _, outputs in network.asked)


def test_points_follow_and_the_detector_rests(landmarker, network):
    tracker = Tracker(landmarker)
    for frame in range(7):
        moved = ("hand", 150 + 6 * frame, 240, 90, 4 * frame)
        result = tracker.update(photo(640, 480, moved, FACE), frame / FPS)
        [hand], [face] = result.hands, result.faces
        assert (hand.track, face.track) in ((1, 2), (2, 1))
        # Two frames behind at most: 12 pixels and 8 degrees.
        assert np.linalg.norm(hand.landmarks[:, :2] - place(*moved), axis=1).mean() < 13
        assert np.linalg.norm(face.landmarks[:, :2] - place(*FACE), axis=1).max() < 7
    assert searches(network) == 1


@pytest.mark.parametrize("fps", [12, 15, 30, 60])
def test_newcomers_are_found_now_and_then(landmarker, network, fps):
    tracker = Tracker(landmarker)
    counts = [len(tracker.update(photo(640, 480, FACE), frame / fps).hands) for frame in range(3)]
    soon = 3 + round(fps / 3)  # a raised hand appears within a third of a second, whatever the frame rate
    counts += [len(tracker.update(photo(640, 480, FACE, HAND), frame / fps).hands) for frame in range(3, soon)]
    assert counts[:3] == [0, 0, 0] and counts[-1] == 1
    assert searches(network) <= 2 + soon / fps / CONSTANTS["tracker"]["detect_every_seconds"]


def test_what_leaves_is_dropped_at_once_and_found_again(landmarker, network):
    tracker = Tracker(landmarker)
    tracker.update(photo(640, 480, HAND, FACE), 0)
    gone = tracker.update(photo(640, 480, FACE), 1 / FPS)
    assert not gone.hands and len(gone.faces) == 1
    back = tracker.update(photo(640, 480, ("hand", 300, 100, 90, 0), FACE), 2 / FPS)
    assert len(back.hands) == 1 and back.hands[0].track == 3  # another track: it may be another hand


def crowd(count: int) -> list[tuple]:
    return [("face", 60 + 130 * (i % 5), 70 + 150 * (i // 5), 80, 0) for i in range(count)]


def test_a_crowd_is_followed_in_part(landmarker, network):
    """Never more landmark runs than the bound in a frame; the detector rests until there is room again."""
    tracker, most = Tracker(landmarker), CONSTANTS["tracker"]["most"]
    for frame in range(20):
        result = tracker.update(photo(640, 480, *crowd(12)), frame / FPS)
        assert sorted(face.track for face in result.faces) == list(range(1, most + 1))
    assert searches(network) == 1
    assert max(count for count, outputs in network.asked if outputs != ("detections",)) == most
    remaining = [face for face in crowd(12) if np.abs(result.faces[0].landmarks[:, :2].mean(0) - face[1:3]).max() > 50]
    for frame in range(20, 22):  # one leaves: noticed in the first frame, another takes its place in the second
        result = tracker.update(photo(640, 480, *remaining), frame / FPS)
    assert sorted(face.track for face in result.faces) == list(range(2, most + 2))


def test_of_newcomers_the_surest_are_followed(landmarker, monkeypatch):
    detect, most = landmarker.detector.detect, CONSTANTS["tracker"]["most"]

    def with_scores(rgb, tiled):
        """The further right, the surer."""
        return [replace(seen, score=0.8 + (seen.box[0] + seen.box[1] / 10) / 10000) for seen in detect(rgb, tiled=tiled)]

    monkeypatch.setattr(landmarker.detector, "detect", with_scores)
    shown = Tracker(landmarker).update(photo(640, 480, *crowd(12)), 0).faces
    centres = sorted(round(float(face.landmarks[:, 0].mean()) / 130) for face in shown)
    expected = sorted((round(face[1] / 130) for face in crowd(12)), reverse=True)[:most]
    assert centres == sorted(expected)


def test_an_uncertain_instance_is_dropped(landmarker, network):
    tracker = Tracker(landmarker)
    assert tracker.update(photo(640, 480, HAND), 0).hands
    network.presence = CONSTANTS["tracker"]["presence"]["hand"] - 0.05
    assert not tracker.update(photo(640, 480, HAND), 1 / FPS).hands
    # An unsure detection begins no track, but one that is held needs only the presence.
    network.presence, network.score = CONSTANTS["tracker"]["presence"]["hand"] + 0.05, 0.27
    assert not tracker.update(photo(640, 480, HAND), 2 / FPS).hands
    network.score = 0.95
    assert tracker.update(photo(640, 480, HAND), 3 / FPS).hands
    network.score = 0.27
    assert tracker.update(photo(640, 480, HAND), 4 / FPS).hands


@pytest.mark.parametrize("above, held", [(0.01, 1), (-0.01, 0)])
def test_a_track_ends_where_its_confidence_is_too_low(landmarker, monkeypatch, above, held):
    """It may be below the minimum that begins a track."""
    tracker = Tracker(landmarker)
    assert tracker.update(photo(640, 480, HAND), 0).hands
    monkeypatch.setattr("model.tracking.tracker.confidence", lambda *_: CONSTANTS["tracker"]["confidence"] + above)
    assert len(tracker.update(photo(640, 480, HAND), 1 / FPS).hands) == held


def test_a_tracked_instance_is_not_detected_twice(landmarker):
    tracker = Tracker(landmarker)
    for frame in range(25):
        result = tracker.update(photo(640, 480, HAND, FACE), frame / FPS)
        assert (len(result.hands), len(result.faces)) == (1, 1)


def test_two_tracks_that_slide_onto_one_hand_become_one(landmarker):
    tracker = Tracker(landmarker)
    two = tracker.update(photo(640, 480, HAND, ("hand", 260, 240, 90, 0)), 0)
    assert len(two.hands) == 2
    counts = [len(tracker.update(photo(640, 480, ("hand", 205, 240, 90, 0)), frame / FPS).hands) for frame in range(1, 6)]
    assert counts[-1] == 1


def test_empty_pictures_cost_one_detector_run_each(landmarker, network):
    tracker = Tracker(landmarker)
    for frame in range(5):
        assert not tracker.update(photo(640, 480), frame / FPS).hands
    assert [count for count, _ in network.asked] == [1] * 5


def test_frames_may_change_their_size(landmarker):
    tracker = Tracker(landmarker)
    for frame, zoom in enumerate((1, 1, 0.5, 0.5, 1.5)):
        hand = ("hand", 150 * zoom, 240 * zoom, 90 * zoom, 0)
        result = tracker.update(photo(int(640 * zoom), int(480 * zoom), hand), frame / FPS)
        assert np.linalg.norm(result.hands[0].landmarks[:, :2] - place(*hand), axis=1).mean() < 5


def test_handedness_is_steady(landmarker, network, monkeypatch):
    tracker = Tracker(landmarker)
    answer = network.run

    def flicker(pictures, *outputs, **options):
        values = answer(pictures, *outputs, **options)
        if "handedness" in values and len(network.asked) % 4 == 0:
            values["handedness"] = 1 - values["handedness"]
        return values

    monkeypatch.setattr(network, "run", flicker)
    sides = {tracker.update(photo(640, 480, HAND), frame / FPS).hands[0].handedness for frame in range(20)}
    assert sides == {"right"}


def test_a_side_changes_only_when_the_frames_clearly_say_so(landmarker, network, monkeypatch):
    """One hand seen from its edge: the network's guess wavers around a coin's toss, then another hand really takes its place."""
    tracker, answer, says = Tracker(landmarker), network.run, iter([0.8] * 3 + [0.45, 0.55] * 15 + [0.02] * 30)

    def guess(pictures, *outputs, **options):
        values = answer(pictures, *outputs, **options)
        return values | ({"handedness": np.full_like(values["handedness"], next(says))} if "handedness" in values else {})

    monkeypatch.setattr(network, "run", guess)
    hands = [tracker.update(photo(640, 480, HAND), frame / FPS).hands[0] for frame in range(60)]
    assert {hand.handedness for hand in hands[:33]} == {"right"} and hands[32].handedness_score < 0.6, "a coin's toss says so"
    assert hands[-1].handedness == "left"


def test_visitors_do_not_see_each_others_tracks(landmarker):
    one, other = Tracker(landmarker), Tracker(landmarker)
    assert one.update(photo(640, 480, HAND), 0).hands[0].track == 1
    assert other.update(photo(640, 480, ("hand", 400, 100, 60, 90)), 0).hands[0].track == 1
    assert one.update(photo(640, 480, HAND), 1 / FPS).hands[0].landmarks[:, 0].max() < 260


def test_timestamps_are_optional(landmarker):
    tracker = Tracker(landmarker)
    for _ in range(3):
        assert tracker.update(photo(640, 480, HAND)).hands


def test_the_score_of_a_track_is_the_confidence_as_in_a_photo(landmarker, network):
    """It is not the presence, which the network gives for every crop."""
    network.presence = 0.9
    frame = photo(640, 480, HAND, FACE)
    as_photo, tracker = landmarker.detect(frame), Tracker(landmarker)
    for number in range(4):
        result = tracker.update(frame, number / FPS)
        assert result.hands[0].score == pytest.approx(as_photo.hands[0].score, abs=0.02) != network.presence
        assert result.faces[0].score == pytest.approx(as_photo.faces[0].score, abs=0.02)
