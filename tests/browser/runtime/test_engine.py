"""The engine for processors, in a real Chromium: its kernels give what numpy gives, in both builds, and its networks what onnxruntime gives.

The modules are loaded from their sources, the kernels from the bundle.
"""

import base64
import functools
import http.server
import threading

import numpy as np
import onnx
import onnxruntime
import pytest

from export import parity
from export.browser.chromium import measure
from export.graph.browser_plan import _packed
from export.graph.prepare import browser_part, computed
from model.constants import CROP
from model.inference.network_file import BROWSER_PARTS, WEIGHTS, prepared
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

BUILDS = ("kernels", "kernels_relaxed")
HELPERS = """
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const text = (array) => {
        const all = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        let letters = "";
        for (let i = 0; i < all.length; i += 8192) letters += String.fromCharCode(...all.subarray(i, i + 8192));
        return btoa(letters);
    };
    const engine = "/export/browser/runtime/engine/";
    const { Arena } = await import(engine + "arena.js");
    const { Network, RECORD, writeLayer } = await import(engine + "network.js");
    const module = await WebAssembly.compile(await (await fetch(`/export/browser/dist/${given.build}.wasm`)).arrayBuffer());
    const arena = new Arena();
    const kernels = new WebAssembly.Instance(module, { env: { memory: arena.memory } }).exports;
    const flip = kernels.flipped();
    const put = (encoded) => {
        const array = bytes(encoded);
        const address = arena.take(array.length + 64);
        arena.bytes(address, array.length).set(array);
        return address;
    };
    const flipped = (encoded) => {
        const address = put(encoded);
        const all = arena.bytes(address, bytes(encoded).length);
        all.forEach((value, index) => (all[index] = value ^ flip));
        return address;
    };
"""


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def engine(chromium):
    """Function (JavaScript statements, argument with the name of a build) -> what they return."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(ROOT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/export/")
    yield lambda statements, argument: page.evaluate(f"async (given) => {{ {HELPERS} {statements} }}", argument)
    page.close()
    server.shutdown()


def encoded(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def decoded(text: str, kind: type, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape)


CONVOLVE = """
    const { columns, channels, border, outputs, sum } = given;
    const line = (columns + 2 * border) * channels;
    const [source, weights] = [flipped(given.source), put(given.weights)];
    kernels.arrange(weights, bytes(given.weights).length);
    const [bias, scales] = [put(given.bias), put(given.scales)];
    arena.integers(bias, outputs).forEach((value, index, all) => (all[index] = value + (flip ? 128 * given.sums[index] : 0)));
    const other = sum ? flipped(sum.other) : 0;
    const target = arena.take(given.toRows * given.toColumns * outputs);
    const record = arena.take(RECORD);
    writeLayer(new DataView(arena.memory.buffer), record, {
        source: source + (border - given.padding) * (line + channels), sourceRow: given.stride * line, sourceColumn: given.stride * channels, line,
        windowRows: given.window[0], steps: Math.ceil((given.window[1] * channels) / 4), weights, bias, scales, zero: given.zero,
        target, targetRow: given.toColumns * outputs, targetColumn: outputs, rows: given.toRows, columns: given.toColumns, outputs,
        other, otherRow: sum ? sum.columns * outputs : 0, otherColumn: outputs, halved: sum ? sum.halved : 0,
        otherScale: sum?.otherScale ?? 0, ownScale: sum?.ownScale ?? 0, shift: sum?.shift ?? 0,
    });
    kernels.convolve(record);
    return text(arena.bytes(target, given.toRows * given.toColumns * outputs).map((value) => value ^ flip));
"""


def whole(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    "rows, columns, channels, outputs, window, stride, padding, halved",
    [
        (7, 5, 8, 8, (3, 3), 1, 1, None),
        (9, 7, 16, 24, (3, 3), 2, 1, None),
        (16, 20, 3, 16, (6, 6), 4, 2, None),  # its windows' rows are no multiple of four bytes
        (1, 1, 24, 8, (1, 1), 1, 0, None),
        (2, 3, 48, 16, (3, 3), 1, 1, 0),
        (6, 10, 32, 8, (1, 1), 1, 0, 1),
        (4, 3, 8, 8, (2, 5), 1, 2, 0),
    ],
)
def test_a_convolution_is_what_numpy_computes(engine, build, rows, columns, channels, outputs, window, stride, padding, halved):
    rng = np.random.default_rng([rows, columns, outputs])
    border, zero_in, zero = padding + 1, 131, 97
    image = rng.integers(0, 256, (rows, columns, channels), np.uint8)
    image[0] = 255  # with the largest weights the largest sums
    kernel = rng.integers(-63, 64, (outputs, channels, *window)).astype(np.int8)
    kernel[0], kernel[-1] = 63, -63
    framed = np.pad(image, ((border, border), (border, border), (0, 0)), constant_values=zero_in)
    inside = np.pad(image, ((padding, padding), (padding, padding), (0, 0)), constant_values=zero_in).astype(np.int32)
    seen = np.lib.stride_tricks.sliding_window_view(inside, window, (0, 1))[::stride, ::stride]  # rows, columns, channels, window
    to_rows, to_columns = seen.shape[:2]
    bias, sums = rng.integers(-3000, 3000, outputs), kernel.sum((1, 2, 3), dtype=np.int32)
    products = np.tensordot(seen - zero_in, kernel.astype(np.int32), ((2, 3, 4), (1, 2, 3))) + bias
    scales = (rng.uniform(0.5, 1.5, outputs) * 60 / products.std()).astype(np.float32)
    expected = whole(products.astype(np.float32) * scales + np.float32(zero))
    given = {
        "build": build, "source": encoded(framed), "columns": columns, "channels": channels, "border": border, "padding": padding, "stride": stride,
        "window": window, "outputs": outputs, "weights": encoded(_packed(kernel, channels)), "bias": encoded((bias - zero_in * sums).astype(np.int32)),
        "sums": sums.tolist(), "scales": encoded(scales), "zero": zero, "toRows": to_rows, "toColumns": to_columns,
    }  # fmt: skip
    if halved is not None:
        other = rng.integers(0, 256, (to_rows >> halved, to_columns >> halved, outputs), np.uint8)
        large = other.repeat(1 + halved, 0).repeat(1 + halved, 1).astype(np.float32)
        factors = np.float32([0.7, 0.45, -20])
        expected = whole(factors[0] * large + factors[2] + factors[1] * expected.astype(np.float32))
        given["sum"] = {"other": encoded(other), "columns": to_columns >> halved, "halved": halved}
        given["sum"] |= dict(zip(("otherScale", "ownScale", "shift"), factors.tolist()))
    answer = decoded(engine(CONVOLVE, given), np.uint8, to_rows, to_columns, outputs)
    assert np.array_equal(answer, expected.astype(np.uint8))
    assert len(np.unique(answer)) > 5, "not all at the limits"


@pytest.mark.parametrize("build", BUILDS)
def test_expectations_under_heat_maps(engine, build):
    rng = np.random.default_rng(8)
    cells, channels, length, step = 37, 16, 24, 0.11
    maps, features = rng.integers(0, 256, (cells, channels), np.uint8), rng.normal(size=(cells, length)).astype(np.float32)
    table = np.exp(np.arange(-255, 1) * step).astype(np.float32)
    given = {"build": build, "maps": encoded(maps), "features": encoded(features), "table": encoded(table)}
    answer = engine(
        f"""const [maps, features, table] = [flipped(given.maps), put(given.features), put(given.table)];
        const [highest, sums] = [arena.take({channels}), arena.take({channels * length * 4})];
        kernels.expect(maps, {channels}, {cells}, features, {length}, table, highest, sums);
        return text(arena.bytes(sums, {channels * length * 4}));""",
        given,
    )
    scores = (maps.astype(np.float64) - maps.max(0)) * step
    np.testing.assert_allclose(decoded(answer, np.float32, channels, length), np.exp(scores).T @ features, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", BUILDS)
def test_numbers_behind_the_convolutions(engine, build):
    """What maps stand for, and fully connected layers."""
    rng = np.random.default_rng(9)
    maps, weights, bias = rng.integers(0, 256, (5, 16), np.uint8), rng.normal(size=(7, 40)).astype(np.float32), rng.normal(size=7).astype(np.float32)
    given = {"build": build, "maps": encoded(maps), "weights": encoded(weights), "bias": encoded(bias)}
    answer = engine(
        """const [maps, weights, bias] = [flipped(given.maps), put(given.weights), put(given.bias)];
        const [values, sums] = [arena.take(5 * 8 * 4), arena.take(7 * 4)];
        kernels.dequantise(maps, 16, 5, 2, 0.25, 100, values, 32);
        kernels.connect(weights, bias, values, 40, 7, sums);
        return [text(arena.bytes(values, 160)), text(arena.bytes(sums, 28))];""",
        given,
    )
    values = (maps[:, :8].astype(np.float32) - 100) / 4
    assert np.array_equal(decoded(answer[0], np.float32, 5, 8), values)
    np.testing.assert_allclose(decoded(answer[1], np.float32, 7), weights @ values.ravel() + bias, rtol=1e-4)


@pytest.fixture(scope="module")
def reference():
    """Function (network, pictures) -> outputs by name: onnxruntime with the same arithmetic, as the server runs it."""
    whole = computed(onnx.load(WEIGHTS))
    parts = {name: browser_part(whole, name).SerializeToString() for name in BROWSER_PARTS}
    sessions = {name: onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"]) for name, part in parts.items()}
    return lambda name, pictures: dict(zip(BROWSER_PARTS[name], sessions[name].run(BROWSER_PARTS[name], {"image": pictures})))


RUN = """
    const plan = new Uint8Array(await (await fetch(given.plan)).arrayBuffer());
    const network = new Network(module, plan);
    const answers = [];
    for (const { pictures, shape } of given.runs) {
        const outputs = network.run(bytes(pictures), ...shape.slice(0, 3));
        answers.push(Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, text(values)])));
    }
    return answers;
"""


def answers(engine, build: str, name: str, runs: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The outputs of a released network for each batch (N, H, W, 3), flat."""
    plan = "/" + prepared(WEIGHTS, f"{name}.plan").relative_to(ROOT).as_posix()
    given = {"build": build, "plan": plan, "runs": [{"pictures": encoded(each), "shape": each.shape} for each in runs]}
    return [{output: decoded(values, np.float32, -1) for output, values in each.items()} for each in engine(RUN, given)]


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("kind", ["hand", "face"])
def test_landmarks_are_those_of_onnxruntime(engine, reference, build, kind):
    pictures = parity.inputs(kind)
    found, expected = answers(engine, build, kind, [pictures])[0], reference(kind, pictures)
    assert set(found) == set(expected)
    for output, values in expected.items():
        apart = np.abs(found[output] - values.ravel())
        if output in (kind, "face_ibug68"):
            apart = apart * CROP
            assert apart.max() < 2 and apart.mean() < 0.3, (output, "pixels of the crop")
        else:
            assert apart.max() < 0.02, output


@pytest.mark.parametrize("build", BUILDS)
def test_detections_are_those_of_onnxruntime_in_pictures_of_all_shapes(engine, reference, build):
    both = np.concatenate([parity.inputs("hand"), parity.inputs("face")])
    runs = [both, both[:, :160, 32:], both[2:, 32:, :96], both[:2], both[3:, :32]]
    for pictures, found in zip(runs, answers(engine, build, "detector", runs)):
        expected = reference("detector", pictures)["detections"]
        detections = found["detections"].reshape(expected.shape)
        assert np.abs(detections[..., 0] - expected[..., 0]).max() < 0.1
        sure = expected[..., 0] > 0.3
        side = expected[sure][:, 3:5].max(1)
        assert (np.abs(detections[sure][:, 1:5] - expected[sure][:, 1:5]).max(1) < 0.06 * side + 1).all()
        assert (np.sum(detections[sure][:, 5:] * expected[sure][:, 5:], 1) > 0.98).all()
    assert (reference("detector", both)["detections"][..., 0] > 0.3).any()


def test_one_picture_is_computed_like_the_same_in_a_batch(engine):
    pictures = parity.inputs("hand")
    batch, second = answers(engine, "kernels", "hand", [pictures, pictures[1:]])
    for output, values in batch.items():
        assert np.array_equal(values.reshape(2, -1)[1], second[output])


def test_both_builds_compute_the_same(engine):
    pictures = parity.inputs("face")
    one, other = (answers(engine, build, "face", [pictures])[0] for build in BUILDS)
    assert all(np.array_equal(one[output], other[output]) for output in one)


def test_a_browser_with_wrong_relaxed_products_gets_the_plain_kernels(chromium):
    """The first versions of relaxed SIMD were not all right: the comparison with the certificate notices, three seconds after the start."""
    context = chromium.new_context()
    asked = []
    context.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))

    def spoil(route):
        """An instruction that multiplies is taken for one that adds."""
        body = route.fetch().body()
        product = bytes([0xFD, 0xE6, 0x01])  # f32x4.mul
        assert product in body
        route.fulfill(body=body.replace(product, bytes([0xFD, 0xE4, 0x01])), content_type="application/wasm")

    context.route("**/kernels_relaxed.wasm", spoil)
    found = measure(context)
    context.close()
    assert found["difference"] < 2
    assert asked.index("kernels_relaxed.wasm") < asked.index("kernels.wasm")


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("kind", ["hand", "face"])
def test_a_picture_with_too_little_presence_is_not_computed_further(engine, build, kind):
    """Early exit: the other pictures' outputs stay what they are, and so does presence."""
    pictures = np.random.default_rng(1).integers(0, 256, (3, CROP, CROP, 3), dtype=np.uint8)
    plan = "/" + prepared(WEIGHTS, f"{kind}.plan").relative_to(ROOT).as_posix()
    given = {"build": build, "plan": plan, "pictures": encoded(pictures), "kind": kind}
    every, stopped = engine(
        """
        const network = new Network(module, new Uint8Array(await (await fetch(given.plan)).arrayBuffer()));
        const every = network.run(bytes(given.pictures), 3);
        const presence = [...every[`${given.kind}_presence`]];
        const stopped = network.run(bytes(given.pictures), 3, 256, 256, [presence[0], presence[1] + 1e-6, 0]);
        const plain = (outputs) => Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, [...values]]));
        return [plain(every), plain(stopped)];
        """,
        given,
    )
    assert set(every) == set(stopped) == set(BROWSER_PARTS[kind])
    for name, values in every.items():
        one, other = (np.reshape(each, (3, -1)) for each in (values, stopped[name]))
        assert (one[[0, 2]] == other[[0, 2]]).all(), name
        assert (one[1] == other[1]).all() if name.endswith("presence") else not other[1].any(), name
