"""ROI refinement and the mean over crops."""

from dataclasses import replace

import numpy as np
import pytest

from model.constants import CONSTANTS
from model.runtime.geometry import ROI
from model.runtime.refinement import FURTHER_CROPS, averaged, averaging_request, better, needs_averaging, needs_refinement, request_around
from model.runtime.result import Hand, side_of
from tests.model.drawn_world import RIGHT_HAND, photo, place

DRAWN = ("hand", 200, 300, 100, 40)


def hand(landmarks: np.ndarray, sigma: float | np.ndarray = 2.0, score: float = 0.95, right: float = 0.8) -> Hand:
    return Hand(landmarks, score, (0, 0, 1, 1), np.broadcast_to(np.float64(sigma), 21).copy(), **side_of(right), roi=ROI(200, 200, 200, 0))


@pytest.mark.parametrize(
    "first, second, counts", [(0.95, 0.3, "first"), (0.95, 0.91, "second"), (0.95, 0.96, "second"), (0.6, 0.5, "first"), (0.6, 0.7, "second")]
)
def test_the_refined_instance_counts_unless_it_lost_the_object(landmarker, first, second, counts):
    [instance] = landmarker.predict(photo(640, 480, DRAWN), [("hand", ROI(200, 300, 200, 0.7))])
    instances = {"first": replace(instance, score=first), "second": replace(instance, score=second)}
    assert better(instances["first"], instances["second"]) is instances[counts]


def test_a_badly_turned_crop_is_refined(landmarker):
    rgb = photo(640, 480, DRAWN)
    straight, turned = place("hand", 200, 300, 100, 40), ROI(200, 300, 220, np.radians(40 + 60))
    [first] = landmarker.predict(rgb, [("hand", turned)])
    assert needs_refinement(first, turned)
    good = ROI(200, 300, 220, np.radians(40))
    [second] = landmarker.predict(rgb, [("hand", good)])
    assert not needs_refinement(second, good)
    assert np.abs(first.landmarks[:, :2] - straight).max() < 6


@pytest.mark.parametrize(
    "roi, wanted",
    [
        (ROI(200, 300, 180, 0), False),
        (ROI(240, 300, 180, 0), True),  # centre
        (ROI(200, 300, 300, 0), True),  # size
        (ROI(200, 300, 110, 0), True),
        (ROI(200, 300, 180, 0.5), True),  # turn
        (ROI(200, 300, 180, 2 * np.pi), False),  # a full turn is none
    ],
)
def test_when_refinement_is_needed(landmarker, roi, wanted):
    [instance] = landmarker.predict(photo(640, 480, ("hand", 200, 300, 100, 0)), [("hand", ROI(200, 300, 180, 0))])
    assert needs_refinement(instance, roi) == wanted
    assert needs_refinement(replace(instance, score=0.7), ROI(200, 300, 180, 0))  # uncertain presence


def test_the_mean_weighs_each_landmark_by_its_expected_error():
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(100, 200, (21, 3)).astype(np.float32)
    exact, rough = hand(landmarks, 1.0, right=0.9), hand(landmarks + np.float32(10), 3.0, right=0.3)
    mean = averaged([exact, rough])
    np.testing.assert_allclose(mean.landmarks, landmarks + 1, rtol=1e-5)  # 1/1 against 1/9: a tenth of the way
    assert mean.crops == 2 and mean.score == exact.score and mean.roi == exact.roi
    assert mean.handedness == "right" and mean.handedness_score == pytest.approx(0.6)
    left, top, width, height = mean.box
    margin = CONSTANTS["roi"]["hand"]["box_margin"] * np.ptp(landmarks[:, :2], axis=0).max()
    assert (left, top) == pytest.approx(tuple(landmarks[:, :2].min(0) + 1 - margin), rel=1e-4)


@pytest.mark.parametrize("apart", [0, 4, 40])
def test_disagreement_is_part_of_the_expected_error(apart):
    landmarks = np.linspace(0, 100, 63).reshape(21, 3).astype(np.float32)
    shifted = landmarks + np.float32([apart, 0, 0])
    mean = averaged([hand(landmarks), hand(shifted)])
    np.testing.assert_allclose(mean.sigma, np.hypot(2, apart / 2), rtol=1e-5)


def test_a_crop_that_lost_the_hand_does_not_count():
    landmarks = np.zeros((21, 3), np.float32)
    lost = hand(landmarks + 50, score=0.2)
    assert averaged([hand(landmarks), lost]).crops == 1
    assert not averaged([hand(landmarks), lost]).landmarks.any()


@pytest.mark.parametrize("sigma, crops", [(0.01, 1), (0.04, 2), (0.2, 1 + FURTHER_CROPS)])
def test_an_uncertain_hand_is_predicted_from_further_crops(landmarker, network, sigma, crops):
    network.sigma = sigma
    [found] = landmarker.detect(photo(640, 480, DRAWN), min_confidence={"hand": 0.2}).hands
    assert found.crops == crops and needs_averaging(found, 0) == (crops > 1) and needs_averaging(found, 1) == (crops > 2)
    assert (found.handedness, found.handedness_score) == ("right", pytest.approx(RIGHT_HAND)), "its mirror image shows a left hand"
    assert sum(count for count, outputs in network.asked if "hand" in outputs) == crops
    assert np.linalg.norm(found.landmarks[:, :2] - place(*DRAWN), axis=1).max() < 5


def test_the_region_around_landmarks_is_that_of_their_kind(landmarker):
    [instance] = landmarker.predict(photo(640, 480, DRAWN), [("hand", ROI(200, 300, 200, 0.7))])
    kind, roi = request_around(instance)
    assert kind == "hand" and np.degrees(roi.angle) == pytest.approx(40, abs=3)


def test_the_first_further_crop_is_mirrored_and_all_are_tighter(landmarker):
    rgb = photo(640, 480, DRAWN)
    [instance] = landmarker.predict(rgb, [("hand", ROI(200, 300, 200, 0.7))])
    rois = [averaging_request(instance, number)[1] for number in range(FURTHER_CROPS)]
    assert [roi.mirrored for roi in rois] == [True, False]
    _, around = request_around(instance)
    assert all(0.8 * around.side < roi.side < around.side and (roi.cx, roi.cy, roi.angle) == (around.cx, around.cy, around.angle) for roi in rois)
    mirrored, plain = landmarker.predict(rgb, [("hand", roi) for roi in rois])
    np.testing.assert_allclose(mirrored.landmarks, plain.landmarks, atol=4)
    assert (mirrored.handedness, plain.handedness) == ("right", "right")
