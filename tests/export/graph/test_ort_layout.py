"""Whole-number arithmetic laid out anew: the same numbers, by operations that onnxruntime computes faster."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper, shape_inference

from export.graph import ort_layout
from export.graph.prepare import browser_part, computed
from export.graph.quantize import ranges, to_int8
from model.inference.network_file import BROWSER_PARTS, WEIGHTS

SIDE = 32
PICTURES = np.random.default_rng(3).integers(0, 256, (9, SIDE, SIDE, 3), dtype=np.uint8)
PICTURES[0, 0, 0], PICTURES[0, 0, 1] = 0, 255  # so that pixels count as what they are


def network(kernel: int, stride: int, pad: int, outputs: int) -> onnx.ModelProto:
    """A convolution that reads pixels, a ReLU, a 1 x 1 convolution, its result enlarged, another 1 x 1 convolution, and sizes; and
    a fully connected layer that reads the small maps."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["turned"], "turn", perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["turned"], ["pixels"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "a", "a_bias"], ["stem"], "one", strides=[stride, stride], pads=[pad] * 4),
        helper.make_node("Relu", ["stem"], ["bent"], "relu"),
        helper.make_node("Conv", ["bent", "b", "b_bias"], ["small"], "two"),
        helper.make_node("Resize", ["small", "", "scales"], ["large"], "three", mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        helper.make_node("Conv", ["large", "c", "c_bias"], ["last"], "four"),
        helper.make_node("Abs", ["last"], ["answer"], "five"),
        helper.make_node("Reshape", ["bent", "row"], ["flat"], "six"),
        helper.make_node("Gemm", ["flat", "d", "d_bias"], ["dense"], "seven", transB=1),
    ]  # fmt: skip
    side = (SIDE + 2 * pad - kernel) // stride + 1
    rng, shapes = np.random.default_rng(6), {"a": (16, 3, kernel, kernel), "b": (16, 16, 1, 1), "c": (outputs, 16, 1, 1), "d": (7, 16 * side * side)}
    shapes |= {f"{name}_bias": shape[:1] for name, shape in shapes.items()}
    weights = [numpy_helper.from_array((rng.normal(size=shape) / np.prod(shape[1:]) ** 0.5).astype(np.float32), name) for name, shape in shapes.items()]
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    weights.append(numpy_helper.from_array(np.array([-1, 16 * side * side]), "row"))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["N", outputs, None, None])
    dense = helper.make_tensor_value_info("dense", TensorProto.FLOAT, ["N", 7])
    graph = helper.make_graph(nodes, "tiny", [image], [answer, dense], weights)
    return shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))


def run(model: onnx.ModelProto, optimised: str = "") -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = optimised
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": PICTURES})


def whole(*shape: int) -> onnx.ModelProto:
    model = network(*shape)
    return to_int8(model, ranges(network(*shape), PICTURES))


@pytest.mark.parametrize("kernel, stride, pad", [(6, 4, 2), (5, 4, 1), (4, 4, 0), (8, 4, 2), (3, 2, 1)])
@pytest.mark.parametrize("outputs", [5, 16, 21])
def test_every_number_stays(kernel, stride, pad, outputs, tmp_path):
    expected, laid_out = whole(kernel, stride, pad, outputs), ort_layout.lay_out(whole(kernel, stride, pad, outputs))
    onnx.checker.check_model(laid_out, full_check=True)  # shapes too: onnxruntime-web refuses a stale one
    (answer, dense), (expected_answer, expected_dense) = run(laid_out, str(tmp_path / "optimised.onnx")), run(expected)
    assert np.array_equal(answer, expected_answer)
    assert np.allclose(dense, expected_dense, rtol=1e-4, atol=1e-3)  # the same products in another order
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3 and not {"Resize", "Cast", "Conv"} & set(kinds)
    assert kinds.count("Transpose") <= 1 + (stride != ort_layout.PIXELS), "onnxruntime has left out the turns around whole numbers"


def test_what_is_in_single_precision_stays_as_it_is():
    model, same = network(3, 2, 1, 5), network(3, 2, 1, 5)
    assert ort_layout.lay_out(model) == same


def test_a_result_that_somebody_else_reads_keeps_its_channels():
    model = whole(3, 2, 1, 5)
    model.graph.output.append(helper.make_tensor_value_info("bent", TensorProto.FLOAT, ["N", 16, 16, 16]))
    before = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"image": PICTURES})
    laid_out = ort_layout.lay_out(model)
    after = onnxruntime.InferenceSession(laid_out.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"image": PICTURES})
    (answer, dense, bent), (answer_after, dense_after, bent_after) = before, after
    assert np.array_equal(answer, answer_after) and np.array_equal(bent, bent_after)
    assert np.allclose(dense, dense_after, rtol=1e-4, atol=1e-3)


def test_the_released_network_is_laid_out_and_its_parts_have_sound_shapes():
    model = computed(onnx.load(WEIGHTS))
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Resize") == 2, "those of the detector, which has maps of no certain sides"
    assert kinds.count("Concat") > 20 and kinds.count("Slice") > 4
    for name in BROWSER_PARTS:
        onnx.checker.check_model(browser_part(model, name), full_check=True)
