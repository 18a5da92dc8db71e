"""What the browser gets: each network as a file of its own, with the answers of the whole file (folded weights are rounded once more)."""

import numpy as np
import onnx
import onnxruntime
import pytest

from export.browser import parity, serve
from model.session import Session


@pytest.mark.parametrize("exact", [True, False])
def test_a_part_answers_as_the_whole_file_does(exact):
    whole = Session(exact=exact)
    for name, outputs in serve.PARTS.items():
        own = onnxruntime.InferenceSession(serve.part(name, exact), providers=["CPUExecutionProvider"])
        pictures = parity.inputs("hand" if name == "hand" else "face")
        expected = whole.run(pictures, *outputs)
        for output, values in zip(outputs, own.run(outputs, {"image": pictures})):
            apart = np.abs(values - expected[output]) / max(np.abs(expected[output]).max(), 1e-3)  # nothing at all may be there
            assert apart.max() < (5e-3 if exact else 0.02), (name, output)


def test_only_parts_for_processors_compute_in_eight_bits():
    kinds = {exact: {node.op_type for node in onnx.load_from_string(serve.part("hand", exact)).graph.node} for exact in (True, False)}
    assert "QuantizeLinear" in kinds[False] and "QuantizeLinear" not in kinds[True]
    assert all(len(serve.part(name, False)) < 3e6 for name in serve.PARTS), "weights stay packed"
