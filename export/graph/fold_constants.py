"""Arithmetic that onnxruntime's optimiser leaves in the graph, folded into the weights: the same outputs in less time.

- A normalisation behind a sum, where two maps are merged on the way back up, goes into the two convolutions that are added.
- The division of the pixels by 255 goes into the convolutions that read them.
"""

import numpy as np
import onnx
from onnx import numpy_helper


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """In place, and returned. New weights are float32, all others stay as they are stored (model/network/weight_packing.py), and so does whatever is not
    as described."""
    graph = _Graph(model.graph)
    for node in list(model.graph.node):
        if node.op_type == "BatchNormalization":
            _fold_normalisation(graph, node)
        elif node.op_type == "Div":
            _fold_division(graph, node)
    return model


class _Graph:
    """Who makes and who reads each name, and the weights' values."""

    def __init__(self, graph: onnx.GraphProto):
        self.graph = graph
        self.weights = {weight.name: weight for weight in graph.initializer}
        self.maker = {name: node for node in graph.node for name in node.output}
        self.given = {output.name for output in graph.output}

    def readers(self, name: str) -> list[onnx.NodeProto]:
        return [node for node in self.graph.node if name in node.input]

    def only_for_one(self, name: str, kind: str) -> onnx.NodeProto | None:
        """The node of this kind that makes `name`, if one other node reads it and nobody else."""
        maker = self.maker.get(name)
        alone = maker is not None and maker.op_type == kind and name not in self.given and len(self.readers(name)) == 1
        return maker if alone else None

    def stored(self, name: str) -> str:
        """The name under which a weight is stored: its own, or the one that is cast to it."""
        maker = self.maker.get(name)
        return maker.input[0] if maker is not None and maker.op_type == "Cast" else name

    def is_weight(self, name: str) -> bool:
        """Whether `name` is a constant, not computed from the pictures."""
        return self.stored(name) in self.weights

    def value(self, name: str) -> np.ndarray:
        """A weight as float32."""
        return numpy_helper.to_array(self.weights[self.stored(name)]).astype(np.float32)

    def set_input(self, node: onnx.NodeProto, index: int, values: np.ndarray) -> None:
        """A new weight in place of the node's `index`-th input; the old one may have other readers."""
        name = f"folded_{len(self.weights)}"
        self.weights[name] = numpy_helper.from_array(values.astype(np.float32), name)
        self.graph.initializer.append(self.weights[name])
        node.input[index:] = [name, *node.input[index + 1 :]]

    def leave_out(self, node: onnx.NodeProto) -> None:
        """Its readers read its first input instead."""
        for reader in self.readers(node.output[0]):
            reader.input[:] = [node.input[0] if name == node.output[0] else name for name in reader.input]
        self.graph.node.remove(node)


def _fold_normalisation(graph: _Graph, node: onnx.NodeProto) -> None:
    total = graph.only_for_one(node.input[0], "Add")
    if total is None or node.output[0] in graph.given:
        return
    convolutions = []
    for name in total.input:
        resized = graph.only_for_one(name, "Resize")  # to the nearest: it copies, and a copy of the normalised is the same
        conv = graph.only_for_one(resized.input[0] if resized else name, "Conv")
        if conv is None or not graph.is_weight(conv.input[1]):
            return
        convolutions.append(conv)
    scale, shift, mean, variance = (graph.value(name) for name in node.input[1:5])
    factor = scale / np.sqrt(variance + next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5))
    shift = shift - mean * factor
    for conv in convolutions:
        graph.set_input(conv, 1, graph.value(conv.input[1]) * factor.reshape(-1, 1, 1, 1))
        if len(conv.input) > 2:
            shift = shift + graph.value(conv.input[2]) * factor
    # The second one is added to the first one's result, and takes all constants.
    for conv in convolutions:
        del conv.input[2:]
    graph.set_input(convolutions[0], 2, shift)
    graph.leave_out(node)


def _fold_division(graph: _Graph, node: onnx.NodeProto) -> None:
    readers = graph.readers(node.output[0])
    read_by_convolutions = all(reader.op_type == "Conv" and graph.is_weight(reader.input[1]) for reader in readers)
    if not graph.is_weight(node.input[1]) or not readers or not read_by_convolutions or node.output[0] in graph.given:
        return
    number = graph.value(node.input[1])
    if number.size != 1:
        return
    for conv in readers:  # their zero padding is divided as well, and stays zero
        graph.set_input(conv, 1, graph.value(conv.input[1]) / number)
    graph.leave_out(node)
