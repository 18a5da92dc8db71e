"""The JavaScript of the in-browser runtime gives what its Python counterpart gives.

The modules are loaded from their sources, in a real Chromium; no bundle and no network weights are needed.
"""

import base64
import functools
import http.server
import math
import threading
from pathlib import Path

import numpy as np
import pytest

from model.detector import View, decode, suppress
from model.geometry import ROI, cut, letterbox, roi_from_box, roi_from_points, transform
from model.smoothing import OneEuro

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser


MODULES = ["geometry", "detector", "smoothing", "tracker", "landmarker"]
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
    imports = "".join(f"const {name} = await import('/export/browser/{name}.js');" for name in MODULES)

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


def as_crop(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(256, 256, 3)

def picture(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some detail, so that a wrong half pixel shows."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (7 + 3 * k) + seed) * np.cos(y / (9 - 2 * k)) for k in range(3)]
    return (127 + 120 * np.stack(waves, axis=2)).astype(np.uint8)

@pytest.mark.parametrize("angle", [0.0, 0.3, -2.5, math.pi])
def test_to_photo(runtime, angle):
    roi = ROI(200.5, 90.25, 173.0, angle)
    given = {"cx": roi.cx, "cy": roi.cy, "side": roi.side, "angle": angle}
    found = runtime("geometry.toPhoto(given)", given)
    np.testing.assert_allclose(np.reshape(found, (2, 3)), roi.to_photo()[:2], atol=1e-9)
    round_trip = runtime("geometry.compose(geometry.invert(geometry.toPhoto(given)), geometry.toPhoto(given))", given)
    np.testing.assert_allclose(round_trip, [1, 0, 0, 0, 1, 0], atol=1e-9)

def test_rois(runtime):
    box, up = [10.0, 20.0, 80.0, 50.0], [0.6, -0.8]
    points = np.random.default_rng(1).normal(100, 30, (21, 3))
    for found, expected in [
        (runtime("geometry.roiFromBox('hand', ...given)", [box, up]), roi_from_box("hand", box, up)),
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
    found = runtime("(geometry.cut(image(given[0]), given[1], out), text(out))", [as_image(rgb), roi_js])
    apart = np.abs(as_crop(found).astype(int) - cut(rgb, roi).astype(int))
    # OpenCV interpolates in steps of 1/32 pixel, so a few levels apart are the same picture.
    assert apart.mean() < 1.0
    assert np.percentile(apart, 99.9) <= 8

@pytest.mark.parametrize("width, height", [(640, 480), (333, 500), (200, 100)])
def test_letterbox(runtime, width, height):
    rgb = picture(width, height, seed=2)
    found = runtime("({ matrix: geometry.letterbox(image(given), out), out: text(out) })", as_image(rgb))
    expected, to_photo = letterbox(rgb)
    apart = np.abs(as_crop(found["out"]).astype(int) - expected.astype(int))
    assert apart.max() <= 2
    np.testing.assert_allclose(np.reshape(found["matrix"], (2, 3)), to_photo[:2], atol=1e-9)
    corner = transform(to_photo, np.array([100.0, 128.0]))
    np.testing.assert_allclose(runtime("geometry.apply(given, 100, 128)", found["matrix"]), corner, atol=1e-6)


def detections(seed: int) -> np.ndarray:
    """A network's answer (2, 1024, 7) with many overlapping boxes of all scores."""
    random = np.random.default_rng(seed)
    score = random.uniform(0, 1, (2, 1024, 1)) ** 4
    centre = random.normal(128, 40, (2, 1024, 2))
    size = random.uniform(-5, 90, (2, 1024, 2))  # impossible sizes must be left out
    return np.concatenate([score, centre, size, random.normal(0, 1, (2, 1024, 2))], axis=2).astype(np.float32)


def test_decode_and_suppress(runtime):
    answers = [detections(1), detections(2)]
    whole = View(np.zeros((256, 256, 3), np.uint8), np.diag([2.5, 2.5, 1.0]))
    tile = View(whole.picture, np.array([[1, 0, 200], [0, 1, 90], [0, 0, 1.0]]), 1, (True, False, True, False))
    expected = decode(answers[0], whole) + decode(answers[1], tile)
    views = [
        {"toPhoto": view.to_photo[:2].ravel().tolist(), "level": view.level, "inner": list(view.inner)}
        for view in (whole, tile)
    ]
    found = runtime(
        "detector.suppress(given.flatMap(({ output, view }) => detector.decode(floats(output), view)))",
        [{"output": encoded(answer), "view": view} for answer, view in zip(answers, views)],
    )
    kept = suppress(expected)
    assert len(found) == len(kept) > 5
    for detection, index in zip(found, kept):
        assert detection["kind"] == ("hand", "face")[expected.kind[index]]
        assert detection["score"] == pytest.approx(expected.score[index])
        np.testing.assert_allclose(detection["box"], expected.box[index], atol=1e-4)
        np.testing.assert_allclose(detection["up"], expected.up[index], atol=1e-6)


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.5])
def test_one_euro(runtime, strength):
    random = np.random.default_rng(3)
    path = np.cumsum(random.normal(0, 4, (30, 5, 3)), axis=0)
    times = np.cumsum(random.uniform(0, 0.08, 30))
    times[10] = times[9]  # a repeated timestamp
    smooth = OneEuro()
    expected = [smooth(points, time, 80.0, strength) for points, time in zip(path, times)]
    found = runtime(
        "(() => { const filter = new smoothing.OneEuro();"
        " return given.path.map((points, i) => filter.smooth(points, given.times[i], 80, given.strength)); })()",
        {"path": path.tolist(), "times": times.tolist(), "strength": strength},
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)
