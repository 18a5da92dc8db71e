"""The whole way from a photo to its points and back to the crop."""

import io
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.constants import CONSTANTS, CROP, KINDS
from model.photo.image_file import open_photo
from model.runtime.confidence import MIN_CONFIDENCE, confidence, evidence, least_presence, passes_prefilter
from model.runtime.duplicates import without_duplicates
from model.runtime.geometry import ROI, transform
from model.runtime.landmarker import as_result
from model.runtime.refinement import needs_refinement, request_around
from model.runtime.result import Detection, side_of
from model.runtime.stage_timer import StageTimer
from tests.model.drawn_world import photo, place

EXAMPLES = Path(__file__).parents[3] / "model" / "examples"
INSTANCES = [("hand", 200, 300, 100, 40), ("hand", 500, 150, 80, -100), ("face", 420, 360, 130, 10)]


def nearest(found, instance):
    return min(found, key=lambda each: np.linalg.norm(each.landmarks[:, :2].mean(axis=0) - instance[1:3]))


@pytest.mark.parametrize("width, height", [(640, 480), (1920, 1440)])
def test_points_lie_where_they_were_drawn(landmarker, width, height):
    zoom = width / 640
    instances = [(kind, cx * zoom, cy * zoom, size * zoom, degrees) for kind, cx, cy, size, degrees in INSTANCES]
    result = landmarker.detect(photo(width, height, *instances))
    assert (result.width, result.height) == (width, height)
    assert (len(result.hands), len(result.faces)) == (2, 1)
    for instance in instances:
        seen = nearest(result.hands if instance[0] == "hand" else result.faces, instance)
        error = np.linalg.norm(seen.landmarks[:, :2] - place(*instance), axis=1)
        assert error.max() < 0.05 * instance[3]


def test_what_a_hand_and_a_face_carry(landmarker):
    result = landmarker.detect(photo(640, 480, *INSTANCES))
    hand, face = result.hands[0], result.faces[0]
    assert hand.landmarks.shape == (21, 3) and hand.sigma.shape == (21,)
    assert face.landmarks.shape == (478, 3) and face.sigma.shape == (478,) and face.ibug68.shape == (68, 2)
    assert {array.dtype for array in (hand.landmarks, hand.sigma, face.ibug68)} == {np.dtype("float32")}
    assert hand.handedness == "right" and hand.handedness_score == pytest.approx(0.8)
    assert 0.99 < hand.score < 1
    assert hand.sigma[0] == pytest.approx(0.02 * hand.roi.side, rel=1e-4)
    assert hand.landmarks[0, 2] == pytest.approx(0.1 * hand.roi.side, rel=1e-4)  # z: the scale of x and y
    assert hand.trace is None
    assert set(result.timings) == {"detect", "crop", "landmarks", "total"}
    # The 68 points of the stand-in are all at 0.5: the crop's middle, half a pixel after the centre of pixel 127.
    assert np.allclose(face.ibug68, (face.roi.cx, face.roi.cy), atol=1e-3)


def test_a_box_lies_around_the_points(landmarker):
    result = landmarker.detect(photo(640, 480, *INSTANCES))
    for kind, instance in [*(("hand", hand) for hand in result.hands), *(("face", face) for face in result.faces)]:
        low, high = instance.landmarks[:, :2].min(axis=0), instance.landmarks[:, :2].max(axis=0)
        more = CONSTANTS["roi"][kind]["box_margin"] * max(high - low)
        assert np.allclose(instance.box, (*(low - more), *(high - low + 2 * more)), atol=0.01)


def test_crops_of_one_kind_go_through_the_network_together(landmarker, network):
    landmarker.detect(photo(640, 480, *INSTANCES))
    hands, faces = ([count for count, outputs in network.asked if kind in outputs][0] for kind in ("hand", "face"))
    assert (hands, faces) == (2, 1)
    assert not any("hand" in outputs and "face" in outputs for _, outputs in network.asked)


def test_only_needed_outputs_are_asked_for(landmarker, network):
    landmarker.detect(photo(640, 480, INSTANCES[0]))
    assert not any("face" in outputs or "hand_features" in outputs for _, outputs in network.asked)


def test_trace_is_that_of_this_very_crop(landmarker):
    result = landmarker.detect(photo(640, 480, *INSTANCES), trace=True)
    for instance in (*result.hands, *result.faces):
        trace = instance.trace
        assert trace.crop.shape == (CROP, CROP, 3) and trace.features.shape == (64, 64, 64)
        assert trace.roi == instance.roi and 0 <= trace.presence <= 1
        pixels = trace.vector.reshape(-1, 3)[:, :2] * CROP - 0.5
        assert np.allclose(transform(trace.roi.to_photo(), pixels), instance.landmarks[:, :2], atol=0.01)
    assert result.hands[0].trace.heatmaps.shape == (21, 64, 64)
    assert result.faces[0].trace.heatmaps is None


@pytest.mark.parametrize("score, presence, expected", [(0.3, 0.05, 0), (0.26, 0.5, 0), (0.8, 0.9, 1), (0.9, 0.99, 1)])
def test_abstains_below_the_threshold(landmarker, network, score, presence, expected):
    network.score, network.presence = score, presence
    assert len(landmarker.detect(photo(640, 480, INSTANCES[0])).hands) == expected


def test_confidence_rises_with_both_scores_and_falls_with_uncertain_points(monkeypatch):
    monkeypatch.setitem(CONSTANTS["landmarks"]["confidence"]["uncertainty"], "hand", -1.0)
    seen = lambda score: Detection("hand", score, (0, 0, 9, 9), (0, -1))  # noqa: E731
    by_detection = [confidence(seen(score), 0.6, 0.1, (60, 80, 3)) for score in (0.0, 0.3, 0.6, 0.999)]
    by_presence = [confidence(seen(0.4), presence, 0.1, (60, 80, 3)) for presence in (0.0, 0.3, 0.6, 1.0)]
    by_uncertainty = [confidence(seen(0.4), 0.6, uncertainty, (60, 80, 3)) for uncertainty in (0.4, 0.1, 0.02)]
    for values in (by_detection, by_presence, by_uncertainty):
        assert values == sorted(set(values)) and 0 < values[0] and values[-1] < 1


def test_uncertainty_is_the_mean_expected_error_over_the_size(landmarker):
    [hand] = landmarker.detect(photo(640, 480, INSTANCES[0])).hands
    assert hand.uncertainty == pytest.approx(hand.sigma.mean() / hand.size)
    assert replace(hand, sigma=hand.sigma * 3).uncertainty == pytest.approx(3 * hand.uncertainty)


@pytest.mark.parametrize("kind", KINDS)
def test_presence_counts_up_to_a_cap(kind):
    """More than a certain presence tells little: it may not lift what the detector hardly saw."""
    seen, cap = Detection(kind, 0.3, (0, 0, 9, 9), (0, -1)), CONSTANTS["landmarks"]["confidence"]["presence_cap"][kind]
    at_cap = evidence(seen, cap, 0.1, (60, 80, 3))
    assert evidence(seen, (1 + cap) / 2, 0.1, (60, 80, 3)) == evidence(seen, 1.0, 0.1, (60, 80, 3)) == at_cap
    assert evidence(seen, 0.9 * cap, 0.1, (60, 80, 3))[1] < at_cap[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_prefilter_passes_what_some_presence_could_lift_to_the_minimum(kind):
    least = CONSTANTS["landmarks"]["confidence"]["minimum"][kind]
    passed = []
    for score in np.linspace(0.001, 0.999, 200):
        seen = Detection(kind, float(score), (0, 0, 30, 30), (0, -1))
        passed.append(passes_prefilter(seen, (480, 640, 3)))
        assert passed[-1] == any(confidence(seen, presence, 0.0, (480, 640, 3)) >= least for presence in np.linspace(0, 1, 11))
    assert not passed[0] and passed[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("least", [0.01, 0.4, 0.9, 0.9999])
def test_the_least_presence_is_what_the_best_landmarks_need(kind, least):
    bounds = []
    for score in np.linspace(0.001, 0.999, 50):
        seen = Detection(kind, float(score), (0, 0, 30, 30), (0, -1))
        bounds.append(least_presence(seen, (480, 640, 3), {kind: least}))
        reached = [presence for presence in np.linspace(0, 1, 5001) if confidence(seen, presence, 0.0, (480, 640, 3)) >= least]
        assert bounds[-1] == pytest.approx(min(reached, default=math.inf), abs=3e-4)
        assert bounds[-1] <= min(reached, default=math.inf)
    assert (np.diff(np.clip(bounds, 0, 2)) <= 0).all(), "what the detector is surer of needs less"
    assert least_presence(seen, (480, 640, 3), {kind: 0.0}) == 0


def test_early_exit_changes_no_result(real_landmarker):
    """The result is what remains of all predictions above the minimum, and some of the others are not made."""
    made = predicted = 0
    for path in sorted(EXAMPLES.glob("*.webp")):
        rgb = open_photo(path)
        _, every = real_landmarker.scored_instances(rgb)
        _, present = real_landmarker.scored_instances(rgb, min_confidence=MIN_CONFIDENCE)
        confident = lambda instances: [each for each in instances if each.score >= MIN_CONFIDENCE[each.kind]]  # noqa: E731
        pairs = list(zip(confident(every), confident(present), strict=True))
        assert pairs
        made, predicted = made + len(present), predicted + len(every)
        for one, other in pairs:
            # A further crop lies around landmarks that differ in the last digits, and eight bits may round its pixels otherwise.
            np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.02 if getattr(one, "crops", 1) == 1 else 0.01 * max(one.box[2:]))
    assert made < predicted


def test_what_fails_the_prefilter_is_not_predicted(landmarker, network, monkeypatch):
    """The prefilter spares the crops: most of the time of a photo with many weak hints."""
    monkeypatch.setattr("model.runtime.landmarker.passes_prefilter", lambda seen, shape, least: seen.kind == "face")
    result = landmarker.detect(photo(640, 480, *INSTANCES))
    assert len(result.faces) == 1 and not result.hands
    assert {kind for _, outputs in network.asked for kind in KINDS if kind in outputs} == {"face"}


def test_a_badly_turned_detection_has_its_roi_refined(landmarker, network, monkeypatch):
    """The detector's direction is 60 degrees off; the crop that counts is upright all the same."""
    see, turn = network._detections, np.radians(60)

    def turned(picture):
        output = see(picture)
        output[..., 5:] = output[..., 5:] @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], np.float32)
        return output

    monkeypatch.setattr(network, "_detections", turned)
    [hand] = landmarker.detect(photo(640, 480, INSTANCES[0])).hands
    assert np.degrees(hand.roi.angle) == pytest.approx(40, abs=5)
    assert sum("hand" in outputs for _, outputs in network.asked) == 2
    _, ideal = request_around(hand)
    assert not needs_refinement(hand, ideal)


def test_duplicates_go_but_neighbours_stay(landmarker):
    rgb = photo(640, 480, *INSTANCES)
    places = [("hand", ROI(200, 300, 200, 0.7)), ("hand", ROI(205, 296, 240, 0.5)), ("hand", ROI(500, 150, 200, -1.7))]
    found = landmarker.predict(rgb, places)
    kept = without_duplicates([found[0], replace(found[1], score=0.995), found[2]])
    assert [instance.score for instance in kept] == pytest.approx([0.995, 0.99])
    # A face where a hand is (a hand before a face) is another object.
    assert len(without_duplicates([found[0], *landmarker.predict(rgb, [("face", ROI(420, 360, 260, 0))])])) == 2


def test_hands_of_one_side_are_one_from_a_larger_distance_on(landmarker):
    [hand] = landmarker.predict(photo(640, 480, INSTANCES[0]), [("hand", ROI(200, 300, 200, 0.7))])
    moved = replace(hand, landmarks=hand.landmarks + np.float32([0.3 * hand.size, 0, 0]), score=hand.score - 0.1)
    assert without_duplicates([hand, moved]) == [hand]
    other = replace(moved, handedness={"left": "right", "right": "left"}[moved.handedness])
    assert without_duplicates([hand, other]) == [hand, other]


def test_a_result_holds_each_object_once(landmarker):
    rgb = photo(640, 480, *INSTANCES)
    found = landmarker.predict(rgb, [("hand", ROI(200, 300, 200, 0.7)), ("hand", ROI(205, 296, 240, 0.5)), ("hand", ROI(500, 150, 200, -1.7))])
    found = [replace(instance, score=score) for instance, score in zip(found, (0.8, 0.9, 0.7))]
    assert [hand.score for hand in as_result(rgb, found, {"hand": 0.5, "face": 0.5}, StageTimer()).hands] == [0.9, 0.7]
    assert [hand.score for hand in as_result(rgb, found, {"hand": 0.75, "face": 0.5}, StageTimer()).hands] == [0.9]


def test_nothing_there_is_nothing_found(landmarker):
    result = landmarker.detect(photo(640, 480))
    assert result.hands == () and result.faces == ()


@pytest.mark.parametrize("right, side, score", [(0.9, "right", 0.9), (0.2, "left", 0.8), (0.5, "right", 0.5)])
def test_handedness(right, side, score):
    assert side_of(right) == {"handedness": side, "handedness_score": pytest.approx(score)}


def test_a_deep_picture_in_memory_gives_what_its_file_gives(real_landmarker):
    """convert("RGB") would clip 16 bits to white."""
    file = io.BytesIO()
    with Image.open(EXAMPLES / "hands.webp") as picture:
        deep = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    deep.save(file, "PNG")
    from_file, from_memory = real_landmarker.detect(open_photo(file.getvalue())), real_landmarker.detect(deep)
    assert len(from_file.hands) == len(from_memory.hands) == 2
    for one, other in zip(from_file.hands, from_memory.hands):
        assert (one.landmarks == other.landmarks).all()


def test_takes_pil_images_and_mirrored_views(landmarker):
    rgb = photo(640, 480, *INSTANCES)
    assert len(landmarker.detect(Image.fromarray(rgb)).hands) == 2
    assert len(landmarker.detect(rgb[:, ::-1]).hands) == 2  # negative strides


@pytest.mark.parametrize(
    "picture, error",
    [
        ("photo.jpg", TypeError),
        (np.zeros((10, 10), np.uint8), ValueError),
        (np.zeros((10, 10, 4), np.uint8), ValueError),
        (np.zeros((10, 10, 3), np.float32), ValueError),
        (np.zeros((0, 10, 3), np.uint8), ValueError),
    ],
)
def test_refuses_what_is_no_picture(landmarker, picture, error):
    with pytest.raises(error):
        landmarker.detect(picture)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (256, 256), (333, 334)])
def test_real_network_on_odd_sizes(real_landmarker, size):
    width, height = size
    result = real_landmarker.detect(np.zeros((height, width, 3), np.uint8))
    assert (result.width, result.height) == size
    assert not result.hands and not result.faces


def test_real_network_answers_threads_as_it_answers_one(real_landmarker):
    rgb = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    places = [[("hand", ROI(150 + 20 * n, 150, 120, n)), ("face", ROI(150, 100 + 20 * n, 200, 0))] for n in range(6)]
    alone = [real_landmarker.predict(rgb, each) for each in places]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: real_landmarker.predict(rgb, each), places))
    for one, other in zip(alone, together):
        for a, b in zip(one, other):
            assert np.allclose(a.landmarks, b.landmarks, atol=1e-3)


def test_real_network_points_stay_near_their_crop(real_landmarker):
    rgb = photo(640, 480, *INSTANCES)
    [hand, face] = real_landmarker.predict(rgb, [("hand", ROI(200, 300, 200, 0.7)), ("face", ROI(420, 360, 250, 0.2))], trace=True)
    for instance in (hand, face):
        inside = transform(instance.roi.to_crop(), instance.landmarks[:, :2])
        assert inside.min() > -CROP and inside.max() < 2 * CROP
        assert 0 <= instance.score <= 1 and (instance.sigma > 0).all()
        assert np.isfinite(instance.trace.features).all()
    assert np.allclose(hand.trace.heatmaps.sum(axis=(1, 2)), 1, atol=1e-3)


def test_runtime_never_imports_torch():
    code = "import sys, model, model.commands.cli, model.tracking.tracker, model.output.serialize; model.Landmarker; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_thresholds_are_probabilities():
    for rule in (CONSTANTS["detector"]["score"], CONSTANTS["landmarks"]["confidence"]["minimum"], CONSTANTS["tracker"]["presence"]):
        assert all(0 < value < 1 for value in rule.values())


class TestUncertain:
    """Detections that the minimum confidence rejects can be kept, and change nothing else."""

    @pytest.fixture
    def weak(self, landmarker, network, monkeypatch):
        """The drawn world, in which no hand is confident."""
        see = network._detections

        def weaker(picture):
            output = see(picture)
            output[0, :, 0] = np.minimum(output[0, :, 0], 0.3)
            return output

        monkeypatch.setattr(network, "_detections", weaker)
        monkeypatch.setitem(CONSTANTS["landmarks"]["confidence"]["minimum"], "hand", 0.99)
        return landmarker

    def test_they_are_kept_on_demand_only(self, weak):
        rgb = photo(640, 480, *INSTANCES)
        usual, kept = weak.detect(rgb), weak.detect(rgb, max_uncertain=20)
        assert not usual.hands and not usual.uncertain and len(usual.faces) == 1
        assert not kept.hands and len(kept.faces) == 1 and np.array_equal(kept.faces[0].landmarks, usual.faces[0].landmarks)
        assert len(kept.uncertain) == 2 and all(0 < instance.score < CONSTANTS["landmarks"]["confidence"]["minimum"]["hand"] for instance in kept.uncertain)
        assert len(weak.detect(rgb, max_uncertain=1).uncertain) == 1
        for instance in INSTANCES[:2]:
            error = np.linalg.norm(nearest(kept.uncertain, instance).landmarks[:, :2] - place(*instance), axis=1)
            assert error.max() < 0.05 * instance[3], "they have points as any other"

    def test_a_lower_minimum_accepts_them(self, weak):
        result = weak.detect(photo(640, 480, *INSTANCES), min_confidence={"hand": 0.001})
        assert (len(result.hands), len(result.faces), result.uncertain) == (2, 1, ())
        assert result.hands[0].score >= result.hands[1].score

    def test_a_higher_minimum_and_a_number(self, landmarker):
        rgb = photo(640, 480, *INSTANCES)
        assert len(landmarker.detect(rgb, min_confidence={"hand": 1.0}).hands) == 0
        best = landmarker.detect(rgb).hands[0]
        [hand] = landmarker.detect(rgb, max_count={"hand": 1}).hands
        assert hand.score == best.score
        assert landmarker.detect(rgb, max_count={"face": 0}).faces == ()

    def test_repeats_of_a_confident_one_are_not_uncertain(self, landmarker):
        rgb = photo(640, 480, *INSTANCES)
        [hand] = landmarker.predict(rgb, [("hand", ROI(200, 300, 200, 0.7))])
        x, y, w, h = hand.box
        again, inside = (replace(hand, score=0.1, box=box, landmarks=hand.landmarks[::-1].copy()) for box in ((x + 5, y, w, h), (x, y, w / 3, h / 3)))
        beside, below = (replace(hand, score=score, box=(x + shift, y, w, h)) for score, shift in ((0.2, 0.6 * w), (0.1, 0.65 * w)))
        found = [replace(hand, score=0.9), below, again, beside, inside]
        result = as_result(rgb, found, {"hand": 0.5, "face": 0.5}, StageTimer(), 20)
        assert [instance.score for instance in result.hands] == [0.9] and result.uncertain == (beside,)

    def test_less_than_a_percent_is_nothing(self, landmarker):
        rgb = photo(640, 480, *INSTANCES)
        [hand] = landmarker.predict(rgb, [("hand", ROI(200, 300, 200, 0.7))])
        found = [replace(hand, score=score, box=(place, 0, 9, 9)) for score, place in ((0.009, 0), (0.011, 100))]
        assert [instance.score for instance in as_result(rgb, found, {"hand": 0.5, "face": 0.5}, StageTimer(), 20).uncertain] == [0.011]
