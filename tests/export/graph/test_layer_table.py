"""The layer table that is read from an ONNX graph, and the times that belong to it."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.graph import layer_table, layers
from export.graph.layers import DETECTOR, PREPROCESSING
from model.inference.network_file import WEIGHTS
from model.network import weight_packing


def weights(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.zeros(shape, np.float32), name)


def tiny() -> onnx.ModelProto:
    """A network of the same plan as the real one, small enough to count by hand."""
    nodes = [
        helper.make_node("Cast", ["image"], ["small"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Conv", ["small", "detector.look.weight"], ["detections"], "d", kernel_shape=[1, 1]),
        helper.make_node("Conv", ["small", "hand.stem.0.weight", "stem_bias"], ["stem"], "s",
                         kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["stem"], ["bent"], "r"),
        helper.make_node("Conv", ["bent", "hand.more.weight"], ["more"], "m", kernel_shape=[1, 1]),
        helper.make_node("Add", ["bent", "more"], ["hand_features"], "a"),
        helper.make_node("Flatten", ["hand_features"], ["flat"], "f"),
        helper.make_node("Gemm", ["flat", "hand.head.points.weight", "hand_bias"], ["hand"], "gh"),
        helper.make_node("Conv", ["small", "face.stem.weight"], ["face_features"], "sf", kernel_shape=[1, 1]),
        helper.make_node("Flatten", ["face_features"], ["face_flat"], "ff"),
        helper.make_node("Gemm", ["face_flat", "face.head.points.weight"], ["face"], "gf"),
    ]  # fmt: skip
    initializers = [
        weights("detector.look.weight", 5, 3, 1, 1), weights("hand.stem.0.weight", 4, 3, 3, 3), weights("stem_bias", 4),
        weights("hand.more.weight", 4, 4, 1, 1), weights("hand.head.points.weight", 64, 6), weights("hand_bias", 6),
        weights("face.stem.weight", 1, 3, 1, 1), weights("face.head.points.weight", 64, 9),
    ]  # fmt: skip
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 3, 8, 8])
    outputs = {"detections": (5, 8, 8), "hand_features": (4, 4, 4), "hand": (6,), "face_features": (1, 8, 8), "face": (9,)}
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape]) for name, shape in outputs.items()]
    graph = helper.make_graph(nodes, "tiny", [image], values, initializers)
    return onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]))


def test_counts_and_stages():
    stages = layer_table.layers(tiny())
    assert [layer.kind for layer in stages[PREPROCESSING]] == ["Cast"]
    stem, more, add = stages["hand_features"]
    assert (stem.name, stem.kind, stem.kernel, stem.shape) == ("stem", "Conv + Relu", "3 × 3, stride 2", (4, 4, 4))
    assert (stem.parameters, stem.macs) == (4 * 3 * 9 + 4, 4 * 4 * 4 * 3 * 9)
    assert (more.name, more.kind, more.kernel, more.parameters, more.macs) == ("more", "Conv", "1 × 1", 16, 4 * 4 * 4 * 4)
    assert (add.kind, add.family, add.parameters, add.macs) == ("Add", "arithmetic", 0, 0)
    flatten, gemm = stages["hand"]
    assert flatten.family == layers.REARRANGING and flatten.shape == (64,)
    assert (gemm.name, gemm.family, gemm.parameters, gemm.macs) == ("head.points", "fully connected", 64 * 6 + 6, 64 * 6)
    assert [layer.nodes for layer in stages["face"]] == [("ff",), ("gf",)]
    assert [layer.tensors for layer in stages[DETECTOR]] == [("detections",)]


def test_an_activation_that_others_read_around_stays_apart():
    model = tiny()
    model.graph.node[4].input[0] = "stem"  # now the ReLU is not the only one that reads the stem
    assert [layer.kind for layer in layer_table.layers(model)["hand_features"]] == ["Conv", "Relu", "Conv", "Add"]


def test_the_real_network():
    stages = layers.read(WEIGHTS)
    assert all(stages.values())
    ends = {PREPROCESSING: (3, 256, 256), "hand_features": (64, 64, 64), "face_features": (64, 64, 64)}
    assert {stage: stages[stage][-1].shape for stage in ends} == ends
    for kind, numbers in (("hand", 63), ("face", 1434)):
        assert next(layer for layer in stages[kind] if layer.tensors[-1] == kind).shape == (numbers,)
        assert any(layer.family == "fully connected" for layer in stages[kind])
    assert all(layer.name and layer.shape for layer in stages["hand_features"])
    convolutions = [layer for layer in stages["hand_features"] if layer.family == "convolution"]
    assert all(layer.kernel and layer.parameters and layer.macs for layer in convolutions)
    # All weights of the file are some layer's parameters, once (normalisations hold statistics besides).
    model = weight_packing.unpack(onnx.load(WEIGHTS))
    trained = [w for w in model.graph.initializer if w.name.endswith((".weight", ".bias", ".spread"))]
    counted = {layer.nodes: layer.parameters for own in stages.values() for layer in own}
    assert sum(counted.values()) >= sum(int(np.prod(w.dims)) for w in trained) * 0.99
