"""The JavaScript of the in-browser runtime gives what its Python counterpart gives.

The modules are loaded from their sources, in a real Chromium; no bundle and no network weights are needed.
"""

import base64
import csv
import functools
import http.server
import io
import json
import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.constants import CONSTANTS, KINDS
from model.output.draw import UNCERTAIN_COLOUR, label
from model.output.label_tools import label_studio_config, to_label_studio, to_yolo
from model.output.serialize import to_coco, to_csv
from model.photo.image_file import open_photo
from model.runtime.confidence import least_presence
from model.runtime.detector import Detector, DetectorInput, decode, suppress
from model.runtime.duplicates import same_object
from model.runtime.geometry import ROI, extract_crop, letterbox, roi_from_box, roi_from_points, transform
from model.runtime.landmarker import Landmarker
from model.runtime.orientation import quarter_turns, turned_back
from model.runtime.refinement import FURTHER_CROPS, averaged, averaging_request, needs_averaging
from model.runtime.result import Detection, Hand, Result, side_of
from model.runtime.topology import POINT_NAMES
from model.tracking.one_euro import OneEuro
from model.tracking.tracker import Tracker
from pages.parts.shared.result_text import details, names, summary

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.browser


MODULES = {name: f"runtime/{name}" for name in ("geometry", "detector", "one_euro", "tracker", "landmarker", "instance", "orientation", "refinement")} | {
    "draw": "ui/picture/draw",
    "words": "ui/words",
    "save": "ui/files/save",
    "controls": "ui/photos/photo_controls",
    "labels": "ui/files/label_tools",
}
# Pictures and crops travel as base64: lists of numbers would take most of the tests' time.
HELPERS = """
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const floats = (text) => new Float32Array(bytes(text).buffer);
    const text = (bytes) => {
        let letters = "";
        for (let i = 0; i < bytes.length; i += 8192) letters += String.fromCharCode(...bytes.subarray(i, i + 8192));
        return btoa(letters);
    };
    const image = ({ width, height, data }) => ({ width, height, data: bytes(data) });
    const out = new Uint8Array(256 * 256 * 3);
"""


class _Sources(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def runtime(chromium):
    """Function (JavaScript expression, argument) -> its value; every module of the runtime is a name in it."""
    handler = functools.partial(_Sources, directory=str(ROOT))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/export/")
    imports = "".join(f"const {name} = await import('/export/browser/{path}.js');" for name, path in MODULES.items())

    def evaluate(expression: str, argument=None):
        return page.evaluate(f"async (given) => {{ {imports} {HELPERS} return await ({expression}); }}", argument)

    yield evaluate
    page.close()
    server.shutdown()


def as_image(rgb: np.ndarray) -> dict:
    rgba = np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], axis=2)
    return {"width": rgb.shape[1], "height": rgb.shape[0], "data": encoded(rgba)}


def encoded(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def as_picture(text: str, shape: tuple[int, ...] = (256, 256, 3)) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def picture(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some detail, so that a wrong half pixel shows."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (7 + 3 * k) + seed) * np.cos(y / (9 - 2 * k)) for k in range(3)]
    return (127 + 120 * np.stack(waves, axis=2)).astype(np.uint8)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.3, -2.5, math.pi])
def test_to_photo(runtime, angle, mirrored):
    roi = ROI(200.5, 90.25, 173.0, angle, mirrored)
    given = vars(roi)
    found = runtime("geometry.toPhoto(given)", given)
    np.testing.assert_allclose(np.reshape(found, (2, 3)), roi.to_photo()[:2], atol=1e-9)
    round_trip = runtime("geometry.compose(geometry.invert(geometry.toPhoto(given)), geometry.toPhoto(given))", given)
    np.testing.assert_allclose(round_trip, [1, 0, 0, 0, 1, 0], atol=1e-9)


def test_rois(runtime):
    box, up = [10.0, 20.0, 80.0, 50.0], [0.6, -0.8]
    points = np.random.default_rng(1).normal(100, 30, (21, 3))
    for found, expected in [
        (runtime("geometry.roiFromBox('hand', ...given)", [box, up]), roi_from_box("hand", box, up)),
        (runtime("geometry.roiFromBox('face', ...given)", [box, up]), roi_from_box("face", box, up)),
        (runtime("geometry.roiFromPoints('hand', given)", points.tolist()), roi_from_points("hand", points)),
    ]:
        for name, value in found.items():
            assert value == pytest.approx(getattr(expected, name), abs=1e-9)


@pytest.mark.parametrize(
    "roi",
    [
        ROI(160, 120, 200, 0.4),  # enlarged
        ROI(160, 120, 330, -1.1),  # a little smaller
        ROI(150, 100, 560, 2.0),  # shrunk by area first, beyond the picture's edges
        ROI(-400, -400, 100, 0.0),  # nothing of the picture in it
    ],
)
def test_cut(runtime, roi):
    rgb = picture(320, 240)
    roi_js = {"cx": roi.cx, "cy": roi.cy, "side": roi.side, "angle": roi.angle}
    found = runtime("(geometry.crop(image(given[0]), given[1], out), text(out))", [as_image(rgb), roi_js])
    apart = np.abs(as_picture(found).astype(int) - extract_crop(rgb, roi).astype(int))
    # OpenCV interpolates in steps of 1/32 pixel, so a few levels apart are the same picture.
    assert apart.mean() < 1.0
    assert np.percentile(apart, 99.9) <= 8


@pytest.mark.parametrize("width, height", [(640, 480), (333, 500), (200, 100)])
def test_letterbox(runtime, width, height):
    rgb = picture(width, height, seed=2)
    found = runtime("(({ bytes, ...others }) => ({ bytes: text(bytes), ...others }))(geometry.letterbox(image(given)))", as_image(rgb))
    expected, to_photo = letterbox(rgb)
    assert (found["height"], found["width"], 3) == expected.shape
    apart = np.abs(as_picture(found["bytes"], expected.shape).astype(int) - expected.astype(int))
    assert apart.max() <= 2
    np.testing.assert_allclose(np.reshape(found["toPhoto"], (2, 3)), to_photo[:2], atol=1e-9)
    corner = transform(to_photo, np.array([100.0, 128.0]))
    np.testing.assert_allclose(runtime("geometry.apply(given, 100, 128)", found["toPhoto"]), corner, atol=1e-6)


def detections(seed: int) -> np.ndarray:
    """A network's answer (2, 1024, 7) to a square picture, with many overlapping boxes of all scores."""
    random = np.random.default_rng(seed)
    score = random.uniform(0, 1, (2, 1024, 1)) ** 4
    centre = random.normal(128, 40, (2, 1024, 2))
    size = random.uniform(-5, 90, (2, 1024, 2))  # impossible sizes must be left out
    return np.concatenate([score, centre, size, random.normal(0, 1, (2, 1024, 2))], axis=2).astype(np.float32)


def test_decode_and_suppress(runtime):
    answers = [detections(1), detections(2)]
    whole = DetectorInput(np.zeros((256, 256, 3), np.uint8), np.diag([2.5, 2.5, 1.0]))
    tile = DetectorInput(whole.picture, np.array([[1, 0, 200], [0, 1, 90], [0, 0, 1.0]]), 1, (True, False, True, False))
    expected = decode(answers[0], whole) + decode(answers[1], tile)
    views = [{"toPhoto": view.to_photo[:2].ravel().tolist(), "level": view.level, "inner": list(view.inner)} for view in (whole, tile)]
    found = runtime(
        "detector.suppress(given.flatMap(({ output, view }) => detector.decode(floats(output), view)))",
        [{"output": encoded(answer), "view": view} for answer, view in zip(answers, views)],
    )
    kept = suppress(expected)
    assert len(found) == len(kept) > 5
    for detection, index in zip(found, kept):
        assert detection["kind"] == ("hand", "face")[expected.kind[index]]
        assert detection["score"] == pytest.approx(expected.score[index])
        left, top, width, height = expected.box[index]
        np.testing.assert_allclose(detection["box"], (left, top, left + width, top + height), atol=1e-4)
        np.testing.assert_allclose(detection["up"], expected.up[index], atol=1e-6)


def answers(run: int, views: int, cells_of_one: int) -> np.ndarray:
    """What a network might say of the views of its run-th run: hints of all strengths, fewer and surer the closer it looks."""
    random = np.random.default_rng([run, views])
    output = np.zeros((views, 2, cells_of_one, 7), np.float32)
    for cells in output:
        count = 12 // (run + 1)
        cell = random.choice(cells_of_one, count, replace=False)
        size = random.uniform(8, 44, (count, 2))
        score = random.uniform(0.1, 0.35 + 0.2 * run, (count, 1))
        up = random.normal(0, 1, (count, 2))
        cells[random.integers(2, size=count), cell] = np.hstack([score, random.uniform(10, 245, (count, 2)), size, up])
    return output


@pytest.mark.parametrize("width, height, sure", [(1500, 1100, True), (1500, 1100, False), (500, 700, True), (450, 300, False), (250, 200, False)])
def test_find_looks_where_python_looks(runtime, width, height, sure):
    """The same tiles of the same levels, whatever is hinted at, and the same detections out of them."""
    given: list[np.ndarray] = []
    views: list[np.ndarray] = []

    def run(pictures: np.ndarray) -> np.ndarray:
        answer = answers(len(given), len(pictures), pictures.shape[1] * pictures.shape[2] // 64)
        if sure and not given:
            answer[0, 0, 5] = (0.9, 60, 60, 80, 70, 0, -1)
        given.append(answer)
        views.extend(pictures)
        return answer

    rgb = picture(width, height)
    expected = Detector(run).detect(rgb)
    found = runtime(
        "(async () => { const seen = []; let runs = 0;"
        " const run = async (bytes, count, height, width) => {"
        " for (let i = 0, n = height * width * 3; i < count; i++) seen.push(text(bytes.slice(i * n, (i + 1) * n)));"
        " return floats(given.answers[runs++]); };"
        " return { detections: await detector.detect(image(given.image), run), seen, runs }; })()",
        {"image": as_image(rgb), "answers": [encoded(answer) for answer in given]},
    )
    assert found["runs"] == len(given) and len(found["seen"]) == len(views)
    for one, other in zip(found["seen"], views):
        apart = np.abs(as_picture(one, other.shape).astype(int) - other.astype(int))
        assert apart.max() <= 2
    assert len(found["detections"]) == len(expected)
    for one, other in zip(found["detections"], expected):
        assert one["kind"] == other.kind
        np.testing.assert_allclose(one["box"], other.box, atol=1e-4)


@pytest.mark.parametrize("degrees", [[], [0, 5], [90], [-95, -80], [170], [90, 0], [45]])
def test_orientation_of_a_photo(runtime, degrees):
    given = [Detection("face", 0.8, (10, 20, 30, 40), (float(np.sin(np.radians(d))), float(-np.cos(np.radians(d))))) for d in degrees]
    assert runtime("orientation.quarterTurns(given)", [vars(detection) for detection in given]) == quarter_turns(given)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_and_detections_turned_back(runtime, turns):
    rgb = picture(31, 20)
    found = runtime(
        "(() => { const { width, height, data } = orientation.turned(image(given.image), given.turns);"
        " const back = orientation.turnedBack(given.detection, given.turns, { width, height });"
        " return { width, height, bytes: text(new Uint8Array(data.buffer)), back }; })()",
        {"image": as_image(rgb), "turns": turns, "detection": {"kind": "face", "score": 0.5, "box": [1, 2, 7, 5], "up": [0.6, -0.8]}},
    )
    expected = np.rot90(rgb, turns)
    assert (found["height"], found["width"]) == expected.shape[:2]
    assert (as_picture(found["bytes"], (*expected.shape[:2], 4))[..., :3] == expected).all()
    back = turned_back(Detection("face", 0.5, (1, 2, 7, 5), (0.6, -0.8)), turns, found["width"], found["height"])
    assert found["back"]["box"] == pytest.approx(back.box) and found["back"]["up"] == pytest.approx(back.up)


@pytest.mark.parametrize("kind", KINDS)
def test_least_presence_of_a_detection(runtime, kind):
    seen = [Detection(kind, float(score), (0, 0, side, 30), (0, -1)) for score in np.linspace(0.1, 0.95, 12) for side in (20, 300)]
    minima = (0.01, 0.1, 0.5)
    found = runtime(
        "given.seen.map((each) => given.minima.map((least) => landmarker.requestFor(each, { width: 640, height: 480 }, { hand: least, face: least })))",
        {"seen": [vars(each) for each in seen], "minima": minima},
    )
    expected = [[least_presence(each, (480, 640, 3), {kind: least}) for least in minima] for each in seen]
    reachable = np.isfinite(expected)
    answers = np.array([[request["leastPresence"] for request in row] for row in found])
    assert reachable.any() and (answers[~reachable] > 0.99).all()
    np.testing.assert_allclose(answers[reachable], np.array(expected)[reachable], atol=1e-9)


def plain(hand: Hand) -> dict:
    """A hand as the runtime has it."""
    return {
        "kind": "hand",
        "landmarks": hand.landmarks.tolist(),
        "score": hand.score,
        "sigma": hand.sigma.tolist(),
        "handedness": hand.handedness,
        "handedness_score": hand.handedness_score,
    }


@pytest.mark.parametrize("distance, right, same", [(0.15, 0.1, True), (0.15, 0.9, True), (0.3, 0.9, True), (0.3, 0.1, False), (0.4, 0.9, False)])
def test_same_object(runtime, distance, right, same):
    one = Hand(np.random.default_rng(4).normal(300, 60, (21, 3)), 0.9, (0, 0, 1, 1), np.ones(21), **side_of(0.8), roi=ROI(300, 300, 200, 0))
    other = replace(one, landmarks=one.landmarks + (distance * one.size, 0, 0), **side_of(right))
    assert same_object(one, other) == runtime("landmarker.sameObject(given.one, given.other)", {"one": plain(one), "other": plain(other)}) == same


@pytest.mark.parametrize("presences", [(0.95, 0.97, 0.96), (0.95, 0.4, 0.96), (0.7, 0.65, 0.72)])
def test_averaged_hands(runtime, presences):
    rng = np.random.default_rng(3)
    hands = [
        Hand(rng.normal(300, 60, (21, 3)), score, (0, 0, 1, 1), rng.uniform(1, 9, 21), **side_of(rng.uniform()), roi=ROI(300, 300, 200, 0))
        for score in presences
    ]
    given = [plain(hand) for hand in hands]
    expected, found = averaged(hands), runtime("refinement.averaged(given)", given)
    assert expected.crops == 3 - (presences[1] == 0.4) - (presences[1] == 0.65)
    np.testing.assert_allclose(found["landmarks"], expected.landmarks, atol=1e-3)
    np.testing.assert_allclose(found["sigma"], expected.sigma, atol=1e-4)
    np.testing.assert_allclose(found["box"], expected.box, atol=1e-3)
    assert (found["handedness"], found["score"]) == (expected.handedness, expected.score)
    assert found["handedness_score"] == pytest.approx(expected.handedness_score)
    for number in range(FURTHER_CROPS):
        request = runtime(f"refinement.averagingRequest(given, {number})", given[0])
        assert request["roi"] == pytest.approx(vars(averaging_request(hands[0], number)[1]), abs=1e-9)
        needed = runtime(f"refinement.needsAveraging(given, {number})", given[0])
        assert needed == needs_averaging(hands[0], number)


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.5])
def test_one_euro(runtime, strength):
    random = np.random.default_rng(3)
    path = np.cumsum(random.normal(0, 4, (30, 5, 3)), axis=0)
    times = np.cumsum(random.uniform(0, 0.08, 30))
    times[10] = times[9]  # a repeated timestamp
    smooth = OneEuro()
    expected = [smooth(points, time, 80.0, strength) for points, time in zip(path, times)]
    found = runtime(
        "(() => { const filter = new one_euro.OneEuro(); return given.path.map((points, i) => filter.smooth(points, given.times[i], 80, given.strength)); })()",
        {"path": path.tolist(), "times": times.tolist(), "strength": strength},
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)


class World:
    """A stand-in for the Landmarker: hands that move, that come late and that go, seen without error.

    frames[t] = the points (21, 3) of the hands that are there, the first the surest, whose detections have the score `detected`; uncertain:
    the frames in which the expected errors are large. The JavaScript below is its twin.
    """

    def __init__(self, frames: list[list[np.ndarray]], detected: float, uncertain: list[int]):
        self.frames, self.detected, self.uncertain = frames, detected, uncertain
        self.now = self.searches = 0
        self.detector = self

    def detect(self, rgb, tiled: bool) -> list[Detection]:
        self.searches += 1
        found = []
        for rank, points in enumerate(self.frames[self.now]):
            (left, top), (right, bottom) = points[:, :2].min(0), points[:, :2].max(0)
            up = points[9, :2] - points[0, :2]
            found.append(Detection("hand", self.detected - 0.01 * rank, (left, top, right - left, bottom - top), tuple(up / np.linalg.norm(up))))
        return found[::-1]

    def predict_present(self, rgb, requests, least_presence, timer) -> dict[int, Hand]:
        hands = [self._hand(roi) for _, roi in requests]
        return {index: hand for index, (hand, least) in enumerate(zip(hands, least_presence)) if hand.score >= least}

    def _hand(self, roi: ROI) -> Hand:
        points, score = np.zeros((21, 3)), 0.0
        for candidate in self.frames[self.now]:
            x, y = (candidate[:, :2].min(0) + candidate[:, :2].max(0)) / 2
            if math.hypot(x - roi.cx, y - roi.cy) < roi.side / 4:
                points, score = candidate, 0.9
        box = (*points[:, :2].min(0), *np.ptp(points[:, :2], axis=0))
        right = 0.9 if self.now % 3 else 0.3  # the network wavers
        sigma = np.full(21, 100.0 if self.now in self.uncertain else 1.0)
        return Hand(points, score, box, sigma, **side_of(right), roi=roi)


WORLD = """
    class World {
        constructor(given) { Object.assign(this, given, { now: 0, searches: 0 }); }
        box(points) {
            const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
            const [left, top] = [Math.min(...xs), Math.min(...ys)];
            return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
        }
        async detectBoxes() {
            this.searches++;
            return this.frames[this.now].map((points, rank) => {
                const up = [points[9][0] - points[0][0], points[9][1] - points[0][1]];
                const length = Math.hypot(...up);
                const score = this.detected - 0.01 * rank;
                return { kind: "hand", score, box: this.box(points), up: up.map((part) => part / length) };
            }).reverse();
        }
        async predictPresent(picture, requests) {
            return requests.map(({ kind, roi, leastPresence }) => {
                let [points, score] = [Array.from({ length: 21 }, () => [0, 0, 0]), 0];
                for (const candidate of this.frames[this.now]) {
                    const [x, y, w, h] = this.box(candidate);
                    if (Math.hypot(x + w / 2 - roi.cx, y + h / 2 - roi.cy) < roi.side / 4) [points, score] = [candidate, 0.9];
                }
                if (score < leastPresence) return null;
                const right = this.now % 3 ? 0.9 : 0.3;
                const sigma = points.map(() => this.uncertain.includes(this.now) ? 100 : 1);
                return { kind, landmarks: points, score, box: this.box(points), sigma, roi, ...instance.handednessOf(right) };
            });
        }
    }
    const world = new World(given);
    const follower = new tracker.Tracker(world);
    const results = [];
    for (; world.now < world.frames.length; world.now++) {
        const { hands } = await follower.update({ width: 640, height: 480 }, world.now / 30);
        results.push(hands.map(({ track, landmarks, handedness, handedness_score }) =>
            ({ track, landmarks, handedness, handedness_score })));
    }
    return { results, searches: world.searches };
"""


def follow(runtime, frames: list[list[np.ndarray]], detected: float = 0.9, uncertain: Sequence[int] = ()) -> list[list[int]]:
    """Track numbers in every frame, once Python and the browser agree on them, on the points and on the searches."""
    world = World(frames, detected, list(uncertain))
    tracker = Tracker(world)
    given = {"frames": [[points.tolist() for points in there] for there in frames], "detected": detected, "uncertain": world.uncertain}
    found = runtime(f"(async () => {{ {WORLD} }})()", given)
    numbers = []
    for world.now in range(len(frames)):
        expected = tracker.update(np.zeros((480, 640, 3), np.uint8), world.now / 30).hands
        hands = found["results"][world.now]
        numbers.append([hand.track for hand in expected])
        assert [hand["track"] for hand in hands] == numbers[-1]
        for hand_js, hand_py in zip(hands, expected):
            np.testing.assert_allclose(hand_js["landmarks"], hand_py.landmarks, atol=1e-6)
            assert hand_js["handedness"] == hand_py.handedness
            assert hand_js["handedness_score"] == pytest.approx(hand_py.handedness_score)
    assert found["searches"] == world.searches
    return numbers


@pytest.fixture(scope="module")
def hand() -> np.ndarray:
    points = np.random.default_rng(5).normal(0, 30, (21, 3))
    points[9, :2] = points[0, :2] + (5, -60)
    return points


def test_tracker(runtime, hand):
    """60 frames with a newcomer and a loss."""
    frames = []
    for t in range(60):
        there = [hand + (150 + 2 * t, 200, 0)]
        if 14 <= t < 41:
            there.append(hand * 0.8 + (450, 300 - t, 0))
        frames.append([points if t != 50 else points + (300, 0, 0) for points in there])  # at 50 it jumps
    numbers = {number for held in follow(runtime, frames) for number in held}
    assert len(numbers) >= 3  # the first, the newcomer, and the one found again after the jump


def test_tracker_in_a_crowd(runtime, hand):
    """Of eleven hands the surest are followed; when some go others take their places."""
    most = CONSTANTS["tracker"]["most"]
    crowd = [hand * 0.3 + (60 + 130 * (i % 5), 70 + 150 * (i // 5), 0) for i in range(11)]
    numbers = follow(runtime, [crowd] * 15 + [crowd[2:]] * 15)
    assert [len(held) for held in numbers] == [most] * 15 + [most - 2] + [most] * 14
    assert numbers[-1] == list(range(3, most + 3))


def test_tracker_drops_what_is_too_uncertain(runtime, hand):
    """Though its presence is high; a track that has begun may be less certain than a new one, but not by any amount."""
    there = [hand * 0.6 + (300, 200, 0)]
    assert follow(runtime, [there] * 8, detected=0.55, uncertain=range(3, 5)) == [[1]] * 3 + [[]] * 2 + [[2]] * 3
    assert follow(runtime, [there] * 8, detected=0.9, uncertain=range(3, 5)) == [[1]] * 8


def test_labels_are_those_of_the_server(runtime):
    points = np.zeros((21, 3), np.float32)
    for score, side, share in ((0.864, "left", 0.976), (0.5, "right", 0.55)):
        hand = Hand(points, score, (0, 0, 1, 1), points[:, 0], side, share, None)
        given = {"kind": "hand", "score": score, "handedness": side, "handedness_score": share}
        assert runtime("draw.label(given)", given) == label(hand)
    assert runtime("draw.label(given)", {"kind": "face", "score": 0.99}) == "Face 99 %"


def test_uncertain_ones_are_dashed(runtime):
    """Ink in the colour of the uncertain, with gaps along a bone; without them nothing is drawn."""
    x = np.linspace(20, 380, 21)
    landmarks = np.column_stack([x, np.full(21, 150), np.zeros(21)]).tolist()
    hand = {"kind": "hand", "score": 0.2, "landmarks": landmarks, "sigma": [1.0] * 21}
    row = """(() => {
        const context = new OffscreenCanvas(400, 300).getContext("2d");
        draw.draw(context, { width: 400, height: 300, hands: [], faces: [], uncertain: given });
        return [...context.getImageData(0, 150, 400, 1).data];
    })()"""
    inked = [np.array(runtime(row, given)).reshape(400, 4) for given in ([hand], [])]
    colour = [int(UNCERTAIN_COLOUR[i : i + 2], 16) for i in (1, 3, 5)]
    near = (np.abs(inked[0][:, :3] - colour).max(axis=1) < 20) & (inked[0][:, 3] > 240)
    assert 0.2 < near[20:380].mean() < 0.95 and np.abs(np.diff(near[20:380].astype(int))).sum() > 4
    assert not inked[1].any()


def given_result(result: Result) -> dict:
    """As the browser holds it."""
    hands = [as_dict(hand) | {"handedness": hand.handedness, "handedness_score": hand.handedness_score} for hand in result.hands]
    uncertain = [as_dict(instance) | {"handedness": "left", "handedness_score": 0.5} for instance in result.uncertain]
    return {"width": result.width, "height": result.height, "hands": hands, "faces": [as_dict(face) for face in result.faces], "uncertain": uncertain}


def as_dict(instance) -> dict:
    box, landmarks, sigma = list(map(float, instance.box)), instance.landmarks.tolist(), instance.sigma.tolist()
    return {"kind": instance.kind, "score": instance.score, "box": box, "landmarks": landmarks, "sigma": sigma}


@pytest.fixture(scope="module")
def detected() -> Result:
    """Two hands and a face, and what is uncertain."""
    return Landmarker().detect(open_photo(ROOT / "model" / "examples" / "greeting.webp"), max_uncertain=20)


def test_a_result_is_put_into_the_same_words(runtime, detected):
    """Names of points and instances, the summary and the details: as the server's pages say them."""
    unclear = replace(detected.hands[0], handedness_score=0.55)
    for hands, faces in ((detected.hands, detected.faces), ((*detected.hands, unclear), detected.faces), ((unclear,), ()), ((), ())):
        case = replace(detected, hands=hands, faces=faces)
        given = given_result(case)
        assert runtime("words.summary(given)", given) == summary(case)
        told = runtime("words.named(given).map(({ name, instance }) => [name, words.details(instance)])", given)
        assert [tuple(pair) for pair in told] == [(name, details(instance)) for name, instance in names(case)]
    assert runtime("words.POINT_NAMES") == {kind: list(point_names) for kind, point_names in POINT_NAMES.items()}


def test_files_hold_the_same(runtime, detected):
    """CSV and COCO of the device's mode, number by number; a name that a spreadsheet would take for a formula too."""
    given = given_result(detected)
    for name in ("greeting.webp", "=1,2.jpg"):
        ours = runtime("save.toCsv([[given.name, given.result]])", {"result": given, "name": name})
        rows, expected = (list(csv.reader(io.StringIO(text))) for text in (ours, to_csv([(name, detected)])))
        assert len(rows) == len(expected) and rows[0] == expected[0]
        for row, other in zip(rows[1:], expected[1:]):
            assert (row[:3], row[4], row[6:8]) == (other[:3], other[4], other[6:8])
            assert [float(row[3]), *map(float, row[8:])] == pytest.approx([float(other[3]), *map(float, other[8:])], abs=0.011)
    ours, expected = runtime("save.toCoco([['greeting.webp', given]])", given), to_coco([("greeting.webp", detected)])
    assert ours["categories"] == expected["categories"] and ours["images"] == expected["images"]
    assert len(ours["annotations"]) == len(expected["annotations"])
    for one, other in zip(ours["annotations"], expected["annotations"]):
        assert set(one) == set(other)
        assert one["keypoints"] == pytest.approx(other["keypoints"], abs=0.011) and one["bbox"] == pytest.approx(other["bbox"], abs=0.011)


NAMES = ["greeting.webp", "a/b (1)'é.v2.png", "greeting.webp", "..", "x\u200by:z.jpg", "ü" * 150 + ".jpg"]


def test_label_files_hold_the_same(runtime, detected):
    """YOLO-pose and Label Studio of the device's mode: names, order and numbers; points outside the photo too."""
    moved = replace(detected.hands[0], landmarks=detected.hands[0].landmarks - np.float32([detected.hands[0].landmarks[0, 0], 0, 0]))
    case = replace(detected, hands=(moved, *detected.hands[1:]))
    given = given_result(case)
    for face, reference in zip(given["faces"], case.faces):
        face["ibug68"] = reference.ibug68.tolist()
    named, ours = [(name, case) for name in NAMES], {"names": NAMES, "result": given}
    files = runtime("labels.toYolo(given.names.map((name) => [name, given.result]))", ours)
    expected = to_yolo(named)
    assert list(files) == list(expected)
    for path, text in files.items():
        if path.endswith(".yaml"):
            assert text == expected[path]
            continue
        rows, others = text.splitlines(), expected[path].splitlines()
        assert len(rows) == len(others) > 0
        for row, other in zip(rows, others):
            assert list(map(float, row.split(" "))) == pytest.approx(list(map(float, other.split(" "))), abs=2e-6)

    files = runtime("labels.toLabelStudio(given.names.map((name) => [name, given.result]))", ours)
    assert files["interface.xml"] == label_studio_config()
    for task, other in zip(json.loads(files["tasks.json"]), to_label_studio(named), strict=True):
        assert task["data"] == other["data"]
        (ours_, theirs) = task["predictions"][0], other["predictions"][0]
        assert ours_["score"] == pytest.approx(theirs["score"], abs=1e-4) and ours_["model_version"] == theirs["model_version"]
        for region, reference in zip(ours_["result"], theirs["result"], strict=True):
            numbers, others = ({key: value for key, value in each.pop("value").items()} for each in (region, reference))
            assert set(numbers) == set(others)
            for key, value in numbers.items():
                assert value == (others[key] if isinstance(value, list) else pytest.approx(others[key], abs=2e-4))
            assert region.pop("score", 0) == pytest.approx(reference.pop("score", 0), abs=1e-4)
            assert region == reference


@pytest.mark.parametrize("hand, most", [(0.563, None), (0.999, None), (0.01, None), (0.563, 1), (0.01, 0)])
def test_limits_let_through_the_same(runtime, detected, hand, most):
    expected = detected.filtered({"hand": hand, "face": 0.366}, {"hand": most})
    choice = {"minimum": {"hand": hand, "face": 0.366}, "most": {"hand": 99 if most is None else most, "face": 99}}
    found = runtime("controls.filtered(given.result, given.choice)", {"result": given_result(detected), "choice": choice})
    for kind in ("hands", "faces", "uncertain"):
        assert [each["score"] for each in found[kind]] == pytest.approx([each.score for each in getattr(expected, kind)])
