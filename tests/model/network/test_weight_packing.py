"""Storage of weights: smaller, there and back, and onnxruntime computes as with the rounded weights."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from model.network import weight_packing


@pytest.fixture
def network() -> onnx.ModelProto:
    """A very large convolution and a large layer."""
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(400, 256, 1, 1)).astype(np.float32), "full.weight"),
        numpy_helper.from_array(rng.normal(size=400).astype(np.float32), "full.bias"),
        numpy_helper.from_array(rng.normal(size=(400, 16)).astype(np.float32), "spread"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "full.weight", "full.bias"], ["map"]),
        helper.make_node("Flatten", ["map"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "spread"], ["y"]),
    ]
    value = lambda name, *sides: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sides])  # noqa: E731
    graph = helper.make_graph(nodes, "two layers", [value("x", 256, 1, 1)], [value("y", 16)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def answer(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.random.default_rng(1).normal(size=(8, 256, 1, 1)).astype(np.float32)})[0]


def kinds(model: onnx.ModelProto) -> dict[str, int]:
    return {w.name: w.data_type for w in model.graph.initializer}


def test_a_third_of_the_size_and_nearly_the_same_answer(network):
    before, size = answer(network), network.ByteSize()
    weight_packing.pack(network)
    onnx.checker.check_model(network, full_check=True)
    assert network.ByteSize() < 0.3 * size
    assert 0 < np.abs(answer(network) - before).max() < 0.04 * before.std()
    assert kinds(network) == {
        "full.weight_whole": TensorProto.INT8,
        "full.weight_step": TensorProto.FLOAT,
        "full.bias_half": TensorProto.FLOAT16,
        "spread_half": TensorProto.FLOAT16,
    }


def test_unpacking_gives_plain_weights_under_their_names(network):
    weight_packing.pack(network)
    packed = answer(network)
    weight_packing.unpack(network)
    assert [n.op_type for n in network.graph.node] == ["Conv", "Flatten", "MatMul"]
    assert kinds(network) == dict.fromkeys(("full.weight", "full.bias", "spread"), TensorProto.FLOAT)
    assert np.array_equal(answer(network), packed)


def test_rounding_before_packing_is_what_packing_does(network):
    rounded = onnx.ModelProto.FromString(network.SerializeToString())
    for weight in rounded.graph.initializer:
        weight.CopyFrom(numpy_helper.from_array(weight_packing.as_stored(numpy_helper.to_array(weight)), weight.name))
    weight_packing.pack(network)
    assert np.array_equal(answer(rounded), answer(network))


def test_packing_again_changes_nothing(network):
    weight_packing.pack(network)
    once = answer(network)
    weight_packing.pack(weight_packing.unpack(network))
    assert np.array_equal(answer(network), once)
