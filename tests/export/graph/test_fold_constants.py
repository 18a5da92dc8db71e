"""What is moved into the weights changes no answer, and the graph loses exactly those nodes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.graph.fold_constants import fold
from model.inference.network_file import WEIGHTS
from model.network import weight_packing

PICTURES = np.random.default_rng(1).integers(0, 255, (2, 256, 256, 3), dtype=np.uint8)


def answers(model: onnx.ModelProto, **feeds: np.ndarray) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def merge(rng: np.random.Generator, biases: bool = True) -> onnx.ModelProto:
    """pixels / 255 -> two convolutions, one of half the resolution and enlarged -> sum -> normalised."""
    shapes = {"fine": (4, 3, 3, 3), "coarse": (4, 3, 1, 1), "fine_bias": 4, "coarse_bias": 4, "scale": 4, "shift": 4, "mean": 4}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    values |= {"variance": rng.uniform(0.5, 2, 4), "sizes": np.array([1, 1, 2, 2.0]), "most": np.array(255.0)}
    bias = lambda name: [name] if biases else []  # noqa: E731
    nodes = [
        helper.make_node("Div", ["pixels", "most"], ["x"]),
        helper.make_node("Conv", ["x", "coarse", *bias("coarse_bias")], ["low"], name="c", strides=[2, 2]),
        helper.make_node("Resize", ["low", "", "sizes"], ["enlarged"], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        helper.make_node("Conv", ["x", "fine", *bias("fine_bias")], ["high"], name="f", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["high", "enlarged"], ["sum"]),
        helper.make_node("BatchNormalization", ["sum", "scale", "shift", "mean", "variance"], ["y"], epsilon=1e-3),
    ]
    weights = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in values.items()]
    value = lambda name, channels: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, 8, 8])  # noqa: E731
    # The last node makes an output, which keeps its name only where something still makes it.
    graph = helper.make_graph([*nodes, helper.make_node("Relu", ["y"], ["z"])], "merge", [value("pixels", 3)], [value("z", 4)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.mark.parametrize("biases", [True, False])
def test_a_merge_keeps_its_answer(biases):
    rng = np.random.default_rng(0)
    model, x = merge(rng, biases), rng.uniform(0, 255, (2, 3, 8, 8)).astype(np.float32)
    before = answers(model, pixels=x)[0]
    assert kinds(fold(model)) == ["Conv", "Resize", "Conv", "Add", "Relu"]
    onnx.checker.check_model(model, full_check=True)
    assert before.std() > 0.1
    np.testing.assert_allclose(answers(model, pixels=x)[0], before, atol=1e-5)


def test_what_others_read_too_stays():
    model = merge(np.random.default_rng(0))
    for name in ("sum", "x"):
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    before = kinds(model)
    assert kinds(fold(model)) == before


@pytest.mark.parametrize("as_stored", [True, False])
def test_the_real_network_keeps_its_answers(as_stored):
    model = onnx.load(WEIGHTS) if as_stored else weight_packing.unpack(onnx.load(WEIGHTS))
    before, divisions = answers(model, image=PICTURES), kinds(model).count("Div")
    left = kinds(fold(model))
    assert "BatchNormalization" not in left and left.count("Div") < divisions
    for one, other in zip(answers(model, image=PICTURES), before):
        # A feature may be 20, a box 256 pixels wide.
        assert np.abs(one - other).max() <= 2e-5 * max(1, np.abs(other).max())
