"""The plan for the browser's engine: what it holds, and graphs that cannot be planned. tests/browser/runtime/test_engine.py runs it."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from export.graph.browser_plan import CHANNELS, STEP, NotPlanned, browser_plan
from export.graph.prepare import browser_part, in_int8, prepare, read
from export.graph.quantize import RANGES, ranges, to_int8
from model.inference.network_file import BROWSER_PARTS, WEIGHTS, WeightsError

PICTURES = np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3), np.uint8)


def opened(file: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of a plan."""
    length = int.from_bytes(file[:4], "little")
    header = json.loads(file[4 : 4 + length])
    body = file[4 + length :]
    arrays = {
        name: np.frombuffer(body, each["type"], int(np.prod(each["shape"])), each["offset"]).reshape(each["shape"]) for name, each in header["arrays"].items()
    }
    return header, arrays


def network(groups: int = 1, known: bool = True) -> onnx.ModelProto:
    """image -> convolution of 5 x 5 to 6 channels -> one of 3 x 3, `groups`, whose sum with the first one's map is the output; in int8."""
    rng = np.random.default_rng(5)
    weights = {"a.w": (6, 3, 5, 5), "a.b": (6,), "b.w": (6, 6 // groups, 3, 3)}
    nodes = [
        helper.make_node("Transpose", ["image"], ["turned"], name="turned", perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["turned"], ["pixels"], name="pixels", to=onnx.TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "a.w", "a.b"], ["a"], name="a", strides=[2, 2], pads=[2] * 4, kernel_shape=[5, 5]),
        helper.make_node("Relu", ["a"], ["bent"], name="bent"),
        helper.make_node("Conv", ["bent", "b.w"], ["b"], name="b", strides=[1, 1], pads=[1] * 4, kernel_shape=[3, 3], group=groups),
        helper.make_node("Add", ["bent", "b"], ["sum"], name="sum"),
        helper.make_node("Relu", ["sum"], ["kept"], name="kept"),
        helper.make_node("Conv", ["kept", "c.w"], ["c"], name="c", strides=[1, 1], pads=[0] * 4, kernel_shape=[1, 1]),
        helper.make_node("Sigmoid", ["c"], ["answer"], name="answer"),
    ]
    weights["c.w"] = (2, 6, 1, 1)
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 32, 32, 3])],
        [helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, ["N", 2, 16, 16])],
        [numpy_helper.from_array((rng.normal(size=shape) / np.prod(shape[1:])).astype(np.float32), name) for name, shape in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    seen = ranges(model, PICTURES) if known else {}
    if known:
        seen["pixels"] = [0, 255]
    return to_int8(model, seen)


def test_a_sum_is_taken_along_and_frames_are_as_wide_as_windows_need():
    header, arrays = opened(browser_plan(network()))
    first, second, last = header["layers"]
    maps = header["maps"]
    assert [maps[layer["source"]]["border"] for layer in (first, second, last)] == [2, 1, 0]
    assert second["sum"]["other"] == first["target"] and not second["sum"]["halved"] and "sum" not in first and "sum" not in last
    assert [(m["shrink"], m["used"], m["channels"]) for m in maps] == [(1, 3, 3), (2, 6, 8), (2, 6, 8), (2, 2, 8)]
    assert header["ends"] == {"cells": last["target"]}
    assert arrays["a.weights"].shape == (1, 5, -(-5 * 3 // STEP), CHANNELS, STEP)
    assert all(each["offset"] % 16 == 0 for each in header["arrays"].values())


def test_weights_lie_as_the_kernels_read_them():
    model = network()
    values = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    _, arrays = opened(browser_plan(model))
    kernel, packed = values["a_kernel_int8"], arrays["a.weights"]
    rows = packed.transpose(0, 3, 1, 2, 4).reshape(CHANNELS, 5, -1)  # output, row, bytes of that row
    assert np.array_equal(rows[:6, :, :15].reshape(6, 5, 5, 3), kernel.transpose(0, 2, 3, 1))
    assert not rows[6:].any() and not rows[:, :, 15:].any(), "empty channels, and what is beyond the window"
    assert np.array_equal(arrays["a.sums"][:6], kernel.astype(int).sum((1, 2, 3)))


def test_the_released_networks_are_planned_with_all_that_they_have():
    model = in_int8(onnx.load(WEIGHTS))
    for name in BROWSER_PARTS:
        part = browser_part(model, name)
        header, arrays = opened(browser_plan(part))
        assert len(header["layers"]) == sum(node.op_type == "Conv" for node in part.graph.node)
        assert sum("sum" in layer for layer in header["layers"]) == {"detector": 12, "hand": 18, "face": 12}[name]
        full = {each.split(".weights")[0] for each, values in arrays.items() if each.endswith(".weights") and values.ndim == 2}
        assert len(full) == sum(node.op_type == "Gemm" for node in part.graph.node) + (name == "face")
        assert set(header["ends"]) == ({"cells"} if name == "detector" else {"maps", "local", "summary"})


@pytest.mark.parametrize("other, sentence", [({"groups": 2}, "b is of another kind"), ({"known": False}, "is not quantized")])
def test_what_the_engine_does_not_know(other, sentence):
    with pytest.raises(NotPlanned, match=sentence):
        browser_plan(network(**other))


def test_a_network_without_ranges_is_refused_in_a_sentence(tmp_path):
    model = read(WEIGHTS)
    onnx.helper.set_model_props(model, {entry.key: entry.value for entry in model.metadata_props if entry.key != RANGES})
    onnx.save(model, tmp_path / "w.onnx")
    with pytest.raises(WeightsError, match="cannot be prepared for browsers"):
        prepare(tmp_path / "w.onnx")
