"""The network's real layers, read from the ONNX graph: what each does, how large it is, what it costs."""

import os

import numpy as np
import onnx
import onnx.shape_inference
from onnx import helper

from export.graph.layers import DETECTOR, FAMILIES, PREPROCESSING, REARRANGING, Layer
from model.constants import KINDS


def layers(model: onnx.ModelProto) -> dict[str, tuple[Layer, ...]]:
    """Stage -> its layers: preprocessing, detector, and of each kind the features and the head.

    What belongs to a stage follows from the graph: a kind's features are all that the output of this name needs, its head is
    what its other outputs need beyond that, and preprocessing is what both kinds need. The detector has its own, for pictures of
    all shapes; its layers are listed for 256 x 256 pixels.
    """
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    outputs = {output.name for output in graph.output}
    needed = {name: _ancestors(graph, name) for name in outputs}
    detector = needed["detections"]
    shared = set.intersection(*(needed[f"{kind}_features"] for kind in KINDS))
    stages = {PREPROCESSING: shared, DETECTOR: detector - shared}
    for kind in KINDS:
        features = needed[f"{kind}_features"]
        stages[f"{kind}_features"] = features - shared
        stages[kind] = set().union(*(needed[name] for name in outputs if name.startswith(kind))) - features
    reader = _Reader(graph)
    return {stage: tuple(reader.layers(nodes)) for stage, nodes in stages.items()}


def _ancestors(graph: onnx.GraphProto, output: str) -> set[int]:
    """The indices of the nodes that a tensor needs."""
    wanted, found = {output}, set()
    for index in reversed(range(len(graph.node))):  # they are sorted, so users come after what they use
        if wanted.intersection(graph.node[index].output):
            found.add(index)
            wanted.update(graph.node[index].input)
    return found


class _Reader:
    def __init__(self, graph: onnx.GraphProto):
        self._graph = graph
        self._weights = {weight.name: tuple(weight.dims) for weight in graph.initializer}
        values = [*graph.input, *graph.value_info, *graph.output]
        self._shapes = {value.name: tuple(d.dim_value or 1 for d in value.type.tensor_type.shape.dim) for value in values}
        self._shapes |= self._weights
        self._users: dict[str, list[int]] = {}
        for index, node in enumerate(graph.node):
            for name in node.input:
                self._users.setdefault(name, []).append(index)
        self._names: dict[str, str] = {}  # tensor -> name of the layer it comes from
        for node in graph.node:
            self._names[node.output[0]] = self._name(node)

    def layers(self, indices: set[int]) -> list[Layer]:
        found, taken = [], set()
        for index in sorted(indices):
            if index not in taken:
                own = [index, *self._activation(index, indices)]
                taken.update(own)
                found.append(self._layer([self._graph.node[i] for i in own]))
        return found

    def _activation(self, index: int, indices: set[int]) -> list[int]:
        """The ReLU, leaky or not, right behind a node, if nothing else uses what the node gives: it is computed with it."""
        users = self._users.get(self._graph.node[index].output[0], [])
        return users if len(users) == 1 and users[0] in indices and self._graph.node[users[0]].op_type in ("Relu", "LeakyRelu") else []

    def _layer(self, nodes: list[onnx.NodeProto]) -> Layer:
        node = nodes[0]
        family = next((family for family, kinds in FAMILIES.items() if node.op_type in kinds), REARRANGING)
        # Input, weights, bias; what a normalisation has besides are statistics.
        trained = node.input[:3] if family in ("convolution", "fully connected", "normalisation") else ()
        return Layer(
            self._names[node.output[0]],
            " + ".join(part.op_type for part in nodes),
            family,
            _kernel(node),
            self._shapes.get(nodes[-1].output[0], ())[1:],
            sum(int(np.prod(self._weights[name])) for name in trained if name in self._weights),
            self._macs(node),
            tuple(part.name for part in nodes),
            tuple(part.output[0] for part in nodes),
        )

    def _name(self, node: onnx.NodeProto) -> str:
        """Where the weights are in the network (encoder.stem); without weights, what the inputs have in common."""
        weights = [name for name in node.input if name.endswith(".weight")]
        if weights and node.op_type != "BatchNormalization":
            return weights[0].split(".", 1)[1].removesuffix(".weight").removesuffix(".0")
        sources = [self._names[name].split(".") for name in node.input if self._names.get(name)]
        common = os.path.commonprefix(sources)  # works on lists too
        return ".".join(common) or (".".join(sources[0]) if sources else "")

    def _macs(self, node: onnx.NodeProto) -> int:
        shape = self._shapes.get(node.output[0], ())
        if node.op_type == "Conv":  # every output value is a sum over the kernel
            return int(np.prod(shape) * np.prod(self._shapes[node.input[1]][1:]))
        if node.op_type == "Gemm":
            return int(np.prod(self._shapes[node.input[1]]))
        if node.op_type == "MatMul":
            return int(np.prod(shape) * self._shapes[node.input[0]][-1])
        return 0


def _kernel(node: onnx.NodeProto) -> str:
    settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if "kernel_shape" not in settings:
        return ""
    kernel = " × ".join(str(side) for side in settings["kernel_shape"])
    stride = max(settings.get("strides", [1]))
    return kernel if stride == 1 else f"{kernel}, stride {stride}"
