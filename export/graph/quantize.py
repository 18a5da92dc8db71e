"""Convolutions in int8: half the time, nearly the same outputs (Jacob et al. 2018).

The stored network computes in float32. Here a QuantizeLinear and a DequantizeLinear come before and behind each convolution and its kernel
becomes int8: onnxruntime makes integer convolutions of that, and of the sums between them. The expectations of heat maps and fully
connected layers stay float32. The ranges of the convolutions' inputs and outputs were observed on training pictures at export, and are in
the file's metadata. Compared with onnxruntime's quantize_static on validation crops (`python -m tests.benchmark.quantization`), points of
hands move by 0.96 instead of 1.37 pixels of the crop, those of faces by 0.17 instead of 0.22, in 0.70 of its time (--most 200).
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from model.network.weight_packing import KERNEL

RANGES = "ranges"  # the metadata's entry that holds them, as JSON
VALUE = 255  # largest value of a quantized map (uint8); that of a kernel is KERNEL


def convolved(graph: onnx.GraphProto) -> list[tuple[onnx.NodeProto, str]]:
    """Every convolution with the name of its result: that of the ReLU behind it, if nobody else reads the convolution."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = []
    for node in graph.node:
        if node.op_type == "Conv":
            behind = readers.get(node.output[0], [])
            clipped = len(behind) == 1 and behind[0].op_type == "Relu"
            found.append((node, behind[0].output[0] if clipped else node.output[0]))
    return found


def ranges(model: onnx.ModelProto, pictures: Iterable[np.ndarray]) -> dict[str, list[float]]:
    """Name -> least and largest value of all that convolutions read and make, over pictures (256, 256, 3) uint8."""
    import onnxruntime  # only when a network is exported

    names = list(dict.fromkeys(name for node, result in convolved(model.graph) for name in (node.input[0], result)))
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    del observed.graph.output[:]
    observed.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(observed.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = np.array([[(values.min(), values.max()) for values in session.run(names, {"image": picture[None]})] for picture in pictures])
    low, high = seen[..., 0].min(0), seen[..., 1].max(0)
    return {name: [float(f"{a:.4g}"), float(f"{b:.4g}")] for name, a, b in zip(names, low, high)}


def to_int8(model: onnx.ModelProto, seen: dict[str, list[float]]) -> onnx.ModelProto:
    """In place, and returned: convolutions in int8 where the `ranges` of both sides are known."""
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    chosen = [(node, node.input[0], result) for node, result in convolved(graph)]
    chosen = [c for c in chosen if c[1] in seen and c[2] in seen and set(c[0].input[1:]) <= weights.keys()]
    scales = {name: _scale_of(*seen[name]) for _, source, result in chosen for name in (source, result)}

    results = {result for _, _, result in chosen}
    given, clipped = {output.name for output in graph.output}, {}
    for add, relu in _sums_with_relu(graph):  # what is below 0 becomes 0 as it is quantized: that is the ReLU
        name = relu.output[0]
        if name in scales and scales[name][1] == 0:
            clipped[name] = add.output[0]
            results.add(name)
            if name not in given:
                graph.node.remove(relu)

    for node in graph.node:  # enlarging copies numbers, so it may as well copy int8 ones
        if node.op_type == "Resize" and node.input[0] in results:
            scales[node.output[0]] = scales[node.input[0]]
            results.add(node.output[0])

    before, behind = [], {}  # nodes for weights; nodes behind the one that makes a tensor
    for name, (scale, zero_point) in scales.items():
        own = [_constant(graph, f"{name}_scale", np.array(scale)), _constant(graph, f"{name}_zero_point", np.array(zero_point))]
        exact = clipped.get(name, name)
        behind[exact] = [helper.make_node("QuantizeLinear", [exact, *own], [f"{name}_int8"], name=f"quantise_{name}"),
                        helper.make_node("DequantizeLinear", [f"{name}_int8", *own], [f"{name}_rounded"], name=f"dequantise_{name}")]  # fmt: skip
    for node in graph.node:
        node.input[:] = [f"{name}_rounded" if name in results else name for name in node.input]
    for node, source, _ in chosen:
        kernel, *bias = (numpy_helper.to_array(weights[name]).astype(np.float32) for name in node.input[1:])
        scale = (np.maximum(np.abs(kernel).max((1, 2, 3)), 1e-12) / KERNEL).astype(np.float32)
        parts = {"kernel": (np.round(kernel / scale.reshape(-1, 1, 1, 1)).astype(np.int8), scale)}
        if bias:
            parts["bias"] = (np.round(bias[0] / (scale * scales[source][0])).astype(np.int32), scale * scales[source][0])
        node.input[:] = [f"{source}_rounded", *(f"{node.output[0]}_{part}" for part in parts)]
        for part, (values8, scale) in parts.items():
            name = f"{node.output[0]}_{part}"
            own = [
                _constant(graph, f"{name}_int8", values8),
                _constant(graph, f"{name}_scale", scale),
                _constant(graph, f"{name}_zero_point", np.zeros(len(scale), values8.dtype)),
            ]
            before.append(helper.make_node("DequantizeLinear", own, [name], name=f"dequantise_{name}", axis=0))
    ordered = [*before, *(part for node in graph.node for part in (node, *(b for name in node.output for b in behind.get(name, ()))))]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)
    return model


def _sums_with_relu(graph: onnx.GraphProto) -> list[tuple[onnx.NodeProto, onnx.NodeProto]]:
    """Every sum with the ReLU behind it, if nobody else reads the sum."""
    found, given = [], {output.name for output in graph.output}
    for add in graph.node:
        wanted = add.op_type == "Add" and add.output[0] not in given
        readers = [node for node in graph.node if add.output[0] in node.input] if wanted else []
        if len(readers) == 1 and readers[0].op_type == "Relu":
            found.append((add, readers[0]))
    return found


def _scale_of(low: float, high: float) -> tuple[np.float32, np.uint8]:
    """Scale and zero point of uint8 values that cover low..high and 0."""
    low, high = min(low, 0.0), max(high, 1e-6)
    scale = np.float32((high - low) / VALUE)
    return scale, np.uint8(round(-low / float(scale)))


def _constant(graph: onnx.GraphProto, name: str, values: np.ndarray) -> str:
    graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
    return name
