"""How weights are stored: a third of the file, the same network.

Large kernels become int8 with one scale per output, other large weights float16; a Cast (and a Mul by the scale) behind them bring them
back. Whoever runs the file as it is computes in float32, because onnxruntime folds both away as it loads. The int8 values have seven bits:
those that the prepared graph computes with (export/graph/quantize.py, which rounds small kernels too) and that the networks were trained
with (fake_quantize.py). float16 loses at most one part in 2,048; fully connected layers need that: with eight bits a face's points would be
a pixel off, because much of what is summed up there cancels.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LARGE, LARGEST = 256, 20_000  # numbers; smaller tensors are biases, constants and shapes
KERNEL = 63  # largest int8 value: with it no sum overflows on processors that add pairs of products in 16 bits (AVX2)
_HALF, _INT8, _SCALE = "_half", "_whole", "_step"  # endings of the names in files, as ever


def pack(model: onnx.ModelProto) -> None:
    """In place."""
    stored, nodes = [], []
    for weight in model.graph.initializer:
        name, size = weight.name, np.prod(weight.dims)
        if weight.data_type != TensorProto.FLOAT or size < LARGE:
            stored.append(weight)
        elif size < LARGEST or len(weight.dims) != 4:
            stored.append(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), name + _HALF))
            nodes.append(_cast(name + _HALF, name))
        else:
            values8, scale = to_int8(numpy_helper.to_array(weight))
            stored += [numpy_helper.from_array(values8, name + _INT8), numpy_helper.from_array(scale, name + _SCALE)]
            nodes.append(_cast(name + _INT8, f"{name}{_INT8}_cast"))
            nodes.append(helper.make_node("Mul", [f"{name}{_INT8}_cast", name + _SCALE], [name], name=f"mul_{name}"))
    replace(model.graph.initializer, stored)
    replace(model.graph.node, [*nodes, *model.graph.node])


def to_int8(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernels (outputs, inputs, rows, columns) float32 -> int8 of the same shape and the scales (outputs, 1, ...): their product is what is computed with."""
    scale = (np.maximum(np.abs(weights).max(tuple(range(1, weights.ndim)), keepdims=True), 1e-12) / KERNEL).astype(np.float32)
    return np.round(weights / scale).astype(np.int8), scale


def as_stored(weights: np.ndarray) -> np.ndarray:
    """Weights (outputs, ...) float32, rounded as `pack` will do it."""
    if weights.size >= LARGEST and weights.ndim == 4:
        values8, scale = to_int8(weights)
        return values8 * scale
    return weights.astype(np.float16).astype(np.float32) if weights.size >= LARGE else weights


def unpack(model: onnx.ModelProto) -> onnx.ModelProto:
    """In place, and returned: float32 weights under their own names again, for whoever reads the graph."""
    weights = {weight.name: weight for weight in model.graph.initializer}
    values, nodes = {name: numpy_helper.to_array(weight) for name, weight in weights.items()}, []
    for node in model.graph.node:
        source, result = node.input[0] if node.input else "", node.output[0]
        if node.op_type == "Cast" and source in (result + _HALF, result.removesuffix("_cast")) and source in values:
            values[result] = values.pop(source).astype(np.float32)
        elif node.op_type == "Mul" and node.input[1] == result + _SCALE:
            values[result] = values.pop(source) * values.pop(node.input[1])
        else:
            nodes.append(node)
    kept = [weights[name] if name in weights else numpy_helper.from_array(array, name) for name, array in values.items()]
    replace(model.graph.initializer, kept)
    replace(model.graph.node, nodes)
    return model


def plain_name(name: str) -> str:
    """The name of the weight that a stored tensor of this name is, or is a part of."""
    for ending in (_HALF, _INT8, _SCALE):
        name = name.removesuffix(ending)
    return name


def stored_as(stored: onnx.TensorProto, weights: np.ndarray) -> onnx.TensorProto:
    """Other weights of the same shape, float32, packed as `stored` is."""
    if stored.name.endswith((_INT8, _SCALE)):
        values8, scale = to_int8(weights)
        return numpy_helper.from_array(values8 if stored.name.endswith(_INT8) else scale, stored.name)
    return numpy_helper.from_array(weights.astype(np.float16 if stored.name.endswith(_HALF) else np.float32), stored.name)


def _cast(source: str, result: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [result], name=f"cast_{result}", to=TensorProto.FLOAT)


def replace(field, values: list) -> None:
    """The values in place of all that a repeated field holds."""
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)
