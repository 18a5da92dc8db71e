"""Early exit: a landmark network stops behind its encoder where presence is low (BranchyNet, Teerapittayanon et al. 2016).

Most of what the detector proposes is rejected, and presence needs the encoder only, which is less than half of the work. So everything
behind it goes into an `If` node of its own, which sees only those rows of the batch that show something.
"""

from collections.abc import Collection

import numpy as np
import onnx
from onnx import helper, numpy_helper

from export.graph.conditional_branches import nothing
from model.inference.network_file import LEAST_PRESENCE

KEPT = "_kept"  # at the end of a name: the rows that remain
INNER = "_inner"  # at the end of an output's name inside the If node


def stopping_early(model: onnx.ModelProto, presences: Collection[str]) -> onnx.ModelProto:
    """In place, and returned: the branches (conditional_branches.py) that give one of `presences`, outputs (N, 1), give all their other outputs
    for those rows only, in their order, whose presence is not below the optional input LEAST_PRESENCE. A presence that is no number is not below."""
    graph = model.graph
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name in presences:
                (branch,) = (attribute.g for attribute in node.attribute if attribute.name == "then_branch")
                _stop_early(branch, branch.output[index].name)
    graph.input.append(helper.make_tensor_value_info(LEAST_PRESENCE, onnx.TensorProto.FLOAT, ["rows", 1]))
    graph.initializer.append(numpy_helper.from_array(np.zeros((1, 1), np.float32), LEAST_PRESENCE))  # an input's default value
    return model


def _stop_early(branch: onnx.GraphProto, presence: str) -> None:
    outputs = [output for output in branch.output if output.name != presence]
    weights = {weight.name: weight for weight in branch.initializer}
    encoder, behind = _parted(list(branch.node), presence)
    borders, dequantising = _border(encoder, behind)
    steps = {step: weights[step] for node in dequantising for step in node.input[1:]}
    read_before = {name for node in encoder for name in node.input}
    inside = [weight for name, weight in weights.items() if name not in read_before and any(name in node.input for node in behind)]

    moved = [*borders, *(name for node in dequantising for name in node.output), *steps]
    new_names = {output.name: f"{output.name}{INNER}" for output in outputs} | {name: f"{name}{KEPT}" for name in moved}
    new_names |= {"image": new_names[borders[0]]} if borders else {}  # only the number of its rows is asked for behind the encoder
    last = {node.input[0] for node in dequantising}  # in int8, which onnxruntime computes with channels last
    nodes = [
        *(helper.make_node("Transpose", [f"{new_names[name]}_last"], [new_names[name]], perm=[0, 3, 1, 2]) for name in borders if name in last),
        *(_renamed(node, new_names) for node in [*dequantising, *behind]),
    ]
    weights_behind = [*inside, *(numpy_helper.from_array(numpy_helper.to_array(weight), new_names[name]) for name, weight in steps.items())]
    results = [_named(output, new_names[output.name]) for output in outputs]
    made = {name for node in encoder for name in node.output}
    shapes = [value for value in branch.value_info if value.name not in made]
    then = helper.make_graph(nodes, "behind", [], results, weights_behind, value_info=shapes)

    flat = numpy_helper.from_array(np.array([-1]), f"{presence}_flat")
    rows = f"{presence}_rows"
    compressed = [node for name in borders for node in _compressed(name, new_names[name], rows, name in last)]
    choice = _choice(presence, flat.name, rows, compressed, outputs, then)
    gone = {weight.name for weight in inside}
    left = [weight for name, weight in weights.items() if name not in gone]
    for field, values in ((branch.node, [*encoder, *choice]), (branch.initializer, [*left, flat])):
        del field[:]
        field.extend(values)


def _border(encoder: list[onnx.NodeProto], behind: list[onnx.NodeProto]) -> tuple[list[str], list[onnx.NodeProto]]:
    """Names of the tensors that `behind` gets from `encoder`, and the nodes that dequantise some of them: onnxruntime computes in int8 only
    what is dequantised in the same graph, so these go along."""
    made = {name: node for node in encoder for name in node.output}
    read = dict.fromkeys(name for node in behind for name in node.input if name in made)
    dequantising = [made[name] for name in read if _dequantised(made[name], made)]
    whole = {node.output[0]: node.input[0] for node in dequantising}
    return list(dict.fromkeys(whole.get(name, name) for name in read)), dequantising


def _choice(
    presence: str, flat: str, rows: str, compressed: list[onnx.NodeProto], outputs: list[onnx.ValueInfoProto], then: onnx.GraphProto
) -> list[onnx.NodeProto]:
    """The nodes that mark the `rows` that go on, keep only these (`compressed`), and compute `then` where there are any."""
    low, high, numbers, most, some = (f"{presence}_{end}" for end in ("low", "high", "numbers", "most", "some"))
    return [
        helper.make_node("Less", [presence, LEAST_PRESENCE], [low]),
        helper.make_node("Not", [low], [high]),
        helper.make_node("Reshape", [high, flat], [rows]),  # (N,)
        *compressed,
        helper.make_node("Cast", [rows], [numbers], to=onnx.TensorProto.INT32),
        helper.make_node("ReduceMax", [numbers], [most], keepdims=0),
        helper.make_node("Cast", [most], [some], to=onnx.TensorProto.BOOL),
        helper.make_node("If", [some], [output.name for output in outputs], then_branch=then, else_branch=nothing(outputs)),
    ]


def _compressed(name: str, new: str, rows: str, is_map: bool) -> list[onnx.NodeProto]:
    if not is_map:
        return [helper.make_node("Compress", [name, rows], [new], axis=0)]
    return [
        helper.make_node("Transpose", [name], [f"{name}_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Compress", [f"{name}_last", rows], [f"{new}_last"], axis=0),
    ]


def _parted(nodes: list[onnx.NodeProto], wanted: str) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto]]:
    """Of sorted nodes those that `wanted` is computed from, and the others."""
    names, needed = {wanted}, []
    for node in reversed(nodes):
        needed.append(bool(names.intersection(node.output)))
        if needed[-1]:
            names.update(node.input)
    pairs = list(zip(nodes, reversed(needed)))
    return [node for node, own in pairs if own], [node for node, own in pairs if not own]


def _dequantised(node: onnx.NodeProto, made: dict[str, onnx.NodeProto]) -> bool:
    return node.op_type == "DequantizeLinear" and node.input[0] in made


def _renamed(node: onnx.NodeProto, new_names: dict[str, str]) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for side in (copy.input, copy.output):
        side[:] = [new_names.get(name, name) for name in side]
    return copy


def _named(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    copy.name = name
    return copy
