"""How weights are stored: a third of the file, the same network.

Large kernels become whole numbers with one step size per output, other large weights half-precision numbers; a Cast (and a
Mul by the step) behind them bring them back. Whoever runs the file as it is computes in float32, because onnxruntime folds both
away as it loads. The whole numbers have seven bits: those the project's own session computes with (eight_bit.py, which
rounds small kernels too) and the networks were trained with (rounding.py). What is in half precision loses at most one part in 2,048; fully
connected layers need that: with eight bits a face's points would be a pixel off, because much of what is summed up there cancels.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LARGE, LARGEST = 256, 20_000  # numbers; smaller tensors are biases, constants and shapes
KERNEL = 63  # largest whole number: with it no sum overflows on processors that add pairs of products in 16 bits (AVX2)
_HALF, _WHOLE, _STEP = "_half", "_whole", "_step"


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
            whole, step = whole_numbers(numpy_helper.to_array(weight))
            stored += [numpy_helper.from_array(whole, name + _WHOLE), numpy_helper.from_array(step, name + _STEP)]
            nodes.append(_cast(name + _WHOLE, f"{name}{_WHOLE}_cast"))
            nodes.append(helper.make_node("Mul", [f"{name}{_WHOLE}_cast", name + _STEP], [name], name=f"mul_{name}"))
    _replace(model.graph.initializer, stored)
    _replace(model.graph.node, [*nodes, *model.graph.node])


def whole_numbers(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernels (outputs, inputs, rows, columns) float32 -> int8 of the same shape and the steps (outputs, 1, ...): their product is what is computed with."""
    step = (np.maximum(np.abs(weights).max(tuple(range(1, weights.ndim)), keepdims=True), 1e-12) / KERNEL).astype(np.float32)
    return np.round(weights / step).astype(np.int8), step


def as_stored(weights: np.ndarray) -> np.ndarray:
    """Weights (outputs, ...) float32, rounded as `pack` will do it."""
    if weights.size >= LARGEST and weights.ndim == 4:
        whole, step = whole_numbers(weights)
        return whole * step
    return weights.astype(np.float16).astype(np.float32) if weights.size >= LARGE else weights


def unpack(model: onnx.ModelProto) -> onnx.ModelProto:
    """In place, and returned: float32 weights under their own names again, for whoever reads the graph."""
    weights = {weight.name: weight for weight in model.graph.initializer}
    values, nodes = {name: numpy_helper.to_array(weight) for name, weight in weights.items()}, []
    for node in model.graph.node:
        source, result = node.input[0] if node.input else "", node.output[0]
        if node.op_type == "Cast" and source in (result + _HALF, result.removesuffix("_cast")) and source in values:
            values[result] = values.pop(source).astype(np.float32)
        elif node.op_type == "Mul" and node.input[1] == result + _STEP:
            values[result] = values.pop(source) * values.pop(node.input[1])
        else:
            nodes.append(node)
    kept = [weights[name] if name in weights else numpy_helper.from_array(array, name) for name, array in values.items()]
    _replace(model.graph.initializer, kept)
    _replace(model.graph.node, nodes)
    return model


def _cast(source: str, result: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [result], name=f"cast_{result}", to=TensorProto.FLOAT)


def _replace(field, values: list) -> None:
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)
