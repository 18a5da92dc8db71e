"""Half-precision storage: smaller, there and back, and onnxruntime computes as with the rounded weights."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from model import halves


@pytest.fixture
def network() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.normal(size=(64, 32)).astype(np.float32), "full.weight"),
               numpy_helper.from_array(rng.normal(size=32).astype(np.float32), "full.bias")]
    node = helper.make_node("Gemm", ["x", "full.weight", "full.bias"], ["y"])
    value = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])  # noqa: E731
    graph = helper.make_graph([node], "one layer", [value("x", 64)], [value("y", 32)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def answer(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ones((1, 64), np.float32)})[0]


def test_half_the_size_and_nearly_the_same_answer(network):
    before, size = answer(network), network.ByteSize()
    halves.pack(network)
    onnx.checker.check_model(network, full_check=True)
    assert network.ByteSize() < 0.6 * size
    assert 0 < np.abs(answer(network) - before).max() < 0.02
    assert {w.name: w.data_type for w in network.graph.initializer} == {"full.weight_half": TensorProto.FLOAT16, "full.bias": TensorProto.FLOAT}


def test_unpacking_gives_plain_weights_under_their_names(network):
    halves.pack(network)
    packed = answer(network)
    halves.unpack(network)
    assert [n.op_type for n in network.graph.node] == ["Gemm"]
    assert {w.name: w.data_type for w in network.graph.initializer} == {"full.weight": TensorProto.FLOAT, "full.bias": TensorProto.FLOAT}
    assert np.array_equal(answer(network), packed)
