"""Weights stored in half precision: half the file, the same network.

Every large float32 weight becomes a float16 one and a Cast back, which onnxruntime folds away as it loads the file: all
arithmetic stays in float32. What is lost is the rounding of the weights, at most one part in 2,048.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEAST = 256  # numbers; small tensors are biases, constants and shapes
_STORED = "_half"


def pack(model: onnx.ModelProto) -> None:
    """In place."""
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < LEAST:
            continue
        name, values = weight.name, numpy_helper.to_array(weight)
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + _STORED))
        casts.append(helper.make_node("Cast", [weight.name], [name], name=f"cast_{name}", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def unpack(model: onnx.ModelProto) -> onnx.ModelProto:
    """In place, and returned: float32 weights under their own names again, for whoever reads the graph."""
    stored = {w.name: w for w in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] == node.output[0] + _STORED:
            weight = stored[node.input[0]]
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float32), node.output[0]))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
