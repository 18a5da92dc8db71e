"""The first convolution, computed once more: its maps are those that the network itself works with."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from export import parity
from export.graph import stem
from model.constants import CROP, KINDS
from model.inference.network_file import WEIGHTS
from model.network import weight_packing


@pytest.mark.parametrize("kind", KINDS)
def test_its_maps_are_the_networks_own(kind):
    model = weight_packing.unpack(onnx.load(WEIGHTS))
    (sums,) = [node.output[0] for node in model.graph.node if f"{kind}.encoder.stem.0.weight" in node.input]
    (maps,) = [node.output[0] for node in model.graph.node if node.op_type == "Relu" and sums in node.input]
    model.graph.output.append(helper.make_tensor_value_info(maps, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    crop = parity.inputs(kind)[0]
    (own,) = session.run([maps], {"image": crop[None]})
    assert own[0].shape == (16, 64, 64) and own.max() > 0.1
    assert np.abs(stem.read(WEIGHTS, kind).maps(crop) - own[0]).max() < 1e-4


def test_a_window_at_the_edge_looks_at_nothing_outside():
    crop = np.full((CROP, CROP, 3), 255, np.uint8)
    crop[..., 1] = 51
    windows = stem.read(WEIGHTS, "hand").windows(crop)
    assert windows.shape == (64, 64, 3, 6, 6)
    assert np.allclose(windows[10, 20].mean(axis=(1, 2)), (1, 0.2, 1))
    corner = windows[0, 0, 0]
    assert not corner[:2].any() and not corner[:, :2].any() and (corner[2:, 2:] == 1).all()
