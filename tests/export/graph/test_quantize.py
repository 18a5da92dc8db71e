"""Convolutions in eight bits: onnxruntime computes them as whole numbers, and the answers stay."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import parity
from export.graph.prepare import computed
from export.graph.quantize import RANGES, convolved, ranges, to_int8
from model import Landmarker, open_photo
from model.inference.network_file import WEIGHTS
from model.inference.session import Session
from model.network.weight_packing import KERNEL
from tests.conftest import ROOT

PICTURES = np.random.default_rng(5).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)


def tiny() -> onnx.ModelProto:
    """A convolution with a ReLU, one around which there is a way, and one with a result that is enlarged and added."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["turned"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "a", "a_bias"], ["first"], "one", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["first"], ["bent"]),
        helper.make_node("Conv", ["bent", "b", "b_bias"], ["second"], "two", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["bent", "second"], ["sum"]),
        helper.make_node("Conv", ["sum", "c"], ["third"], "three"),
        helper.make_node("Resize", ["third", "", "scales"], ["large"], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        helper.make_node("Relu", ["large"], ["answer"]),
    ]  # fmt: skip
    rng, shapes = np.random.default_rng(6), {"a": (16, 3, 3, 3), "b": (16, 16, 3, 3), "c": (4, 16, 1, 1), "a_bias": (16,), "b_bias": (16,)}
    weights = [numpy_helper.from_array((rng.normal(size=shape) / np.prod(shape[1:]) ** 0.5).astype(np.float32), name) for name, shape in shapes.items()]
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 16, 16, 3])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["N", 4, 16, 16])
    return helper.make_model(helper.make_graph(nodes, "tiny", [image], [answer], weights), opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(model: onnx.ModelProto, optimised: str = "") -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = optimised
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(["answer"], {"image": PICTURES})[0]


def test_every_convolution_becomes_whole_and_the_answer_stays(tmp_path):
    exact = run(tiny())
    seen = ranges(tiny(), PICTURES)
    assert set(seen) == {"pixels", "bent", "second", "sum", "third"} and seen["pixels"] == [PICTURES.min(), PICTURES.max()]
    near = run(to_int8(tiny(), seen), str(tmp_path / "optimised.onnx"))
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3 and "Conv" not in kinds
    error = np.abs(near - exact).mean() / exact.std()
    assert 0 < error < 0.03


def test_weights_leave_a_bit_for_sums():
    """Older processors add pairs of products in 16 bits: 2 x 255 x 63 fits, 2 x 255 x 127 would not."""
    model = to_int8(tiny(), ranges(tiny(), PICTURES))
    kernels = [numpy_helper.to_array(w) for w in model.graph.initializer if w.name.endswith("_kernel_int8")]
    assert len(kernels) == 3 and all(np.abs(k.astype(int)).max() == KERNEL for k in kernels) and 2 * 255 * KERNEL < 2**15


@pytest.mark.parametrize("known", [(), ("bent", "second")])
def test_what_was_not_measured_stays_exact(known):
    seen = {name: r for name, r in ranges(tiny(), PICTURES).items() if name in known}
    model = to_int8(tiny(), seen)
    assert sum(node.op_type == "QuantizeLinear" for node in model.graph.node) == len(known)
    assert np.isfinite(run(model)).all()


def test_the_released_network_computes_in_eight_bits_unless_asked_not_to():
    model = onnx.load(WEIGHTS)
    ranges = next(json.loads(entry.value) for entry in model.metadata_props if entry.key == RANGES)
    exact, near = computed(onnx.load(WEIGHTS), exact=True), computed(model)
    assert not any(node.op_type == "QuantizeLinear" for node in exact.graph.node)
    made = {name: node.op_type for node in near.graph.node for name in node.output}
    assert all(made[name] == "DequantizeLinear" for node, _ in convolved(near.graph) for name in node.input)
    assert all(low < high for low, high in ranges.values()) and RANGES not in Session().metadata


def test_points_move_by_little():
    rgb = open_photo(ROOT / "model" / "examples" / "hands.webp")
    exact, near = (sorted(Landmarker(exact=exact).detect(rgb).hands, key=lambda hand: hand.box[0]) for exact in (True, False))
    assert len(exact) == len(near) > 0
    for one, other in zip(exact, near):
        moved = np.linalg.norm(one.landmarks[:, :2] - other.landmarks[:, :2], axis=1).mean() / max(one.box[2:])
        assert 0 < moved < 0.015, "of the hand's size"


@pytest.mark.parametrize("exact", [True, False])
def test_features_are_what_comes_out_of_the_relu(exact):
    """They are an output and the next layers' input: in whole numbers the ReLU is left out only where no one reads them."""
    session = Session(exact=exact)
    for kind in ("hand", "face"):
        features = session.run(parity.inputs(kind), f"{kind}_features")[f"{kind}_features"]
        assert features.min() == 0 and features.max() > 1


def test_features_in_eight_bits_are_near_those_in_single_precision():
    exact, near = (Session(exact=exact).run(parity.inputs("hand"), "hand_features")["hand_features"] for exact in (True, False))
    assert 0 < np.abs(exact - near).mean() < 0.1 * exact.std()
