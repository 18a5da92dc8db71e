"""Lets onnxruntime run one branch of the network without the other, in one session.

onnxruntime computes every node of a graph whatever outputs are asked for (RunOptions.only_execute_path_to_fetches works
in its training builds only), which would double the cost of every crop. So each branch is put into an `If` node as the
file is loaded; what says which of them run are optional inputs that default to "all".
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper


def switchable(model: onnx.ModelProto, branches: dict[str, tuple[str, ...]]) -> onnx.ModelProto:
    """The same network with a scalar bool input `run_NAME` for each branch NAME of `branches` (NAME -> its outputs).

    Outputs of a branch that is switched off have no rows. Nodes that branches share are computed in each, so whoever needs
    two branches at once pays for them twice; in return onnxruntime optimises each branch as a whole.
    """
    outputs = {output.name: output for output in model.graph.output}
    inputs, initializers, nodes = list(model.graph.input), [], []
    for name, names in branches.items():
        switch = f"run_{name}"
        inputs.append(helper.make_tensor_value_info(switch, onnx.TensorProto.BOOL, []))
        initializers.append(numpy_helper.from_array(np.array(True), switch))  # an input's default value
        own = [outputs[output] for output in names]
        nodes.append(helper.make_node("If", [switch], names, then_branch=_branch(model.graph, own), else_branch=nothing(own)))
    graph = helper.make_graph(nodes, model.graph.name, inputs, [outputs[output] for names in branches.values() for output in names], initializers)
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.graph.CopyFrom(graph)
    return changed


def _branch(graph: onnx.GraphProto, outputs: list[onnx.ValueInfoProto]) -> onnx.GraphProto:
    """What is needed for the outputs, as a graph without inputs: a branch sees the names around it."""
    wanted = {output.name for output in outputs}
    nodes = []
    for node in reversed(graph.node):  # they are sorted, so users come after what they use
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(node.input)
    weights = [weight for weight in graph.initializer if weight.name in wanted]
    # onnxruntime adds a map to a convolution's result in one step only where it knows their shapes to be the same.
    shapes = [value for value in graph.value_info if value.name in wanted]
    branch = helper.make_graph(nodes[::-1], "run", [], outputs, weights, value_info=shapes)
    # Names are unique across nested graphs, and these are outputs of If nodes already: of this one or, inside, of others.
    new_names = {output.name: f"{output.name}_computed" for output in graph.output}
    for names in [side for node in branch.node for side in (node.input, node.output)]:
        names[:] = [new_names.get(name, name) for name in names]
    for output in branch.output:
        output.name = new_names[output.name]
    return branch


def nothing(outputs: list[onnx.ValueInfoProto]) -> onnx.GraphProto:
    """A graph that gives each output without a row."""
    nodes, skipped = [], []
    for output in outputs:
        shape = (0, *(axis.dim_value for axis in output.type.tensor_type.shape.dim[1:]))
        value = onnx.ValueInfoProto()
        value.CopyFrom(output)
        value.name = f"{output.name}_skipped"
        skipped.append(value)
        nodes.append(helper.make_node("Constant", [], [value.name], value=numpy_helper.from_array(np.zeros(shape, np.float32))))
    return helper.make_graph(nodes, "skip", [], skipped)
