"""The exported file is the trained network: same answers, any batch, everything said in its metadata."""

import onnx
import pytest
import torch

from export import parity, torch_to_onnx
from export.__main__ import differences
from model.inference.network_file import WEIGHTS


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    network = torch_to_onnx.load(None, None, None)
    with torch.no_grad():  # heat maps of an untrained network are flat: sharpen them, so that differences would show
        for kind in (network.hand, network.face):
            kind.head.maps.weight.mul_(30)
    file = tmp_path_factory.mktemp("export") / "network.onnx"
    torch_to_onnx.write(network, file, {"version": "0", "figures": {"a": 1}})
    return network, file


@pytest.mark.slow
def test_torch_and_onnxruntime_agree_to_a_tenth_of_a_pixel(exported):
    assert max(differences(*exported).values()) < 0.1


@pytest.mark.slow
def test_differences_would_show(exported):
    network, file = exported
    network.hand.head.points.bias.data[0] += 0.02  # half a pixel
    try:
        assert max(differences(network, file).values()) > 0.1
    finally:
        network.hand.head.points.bias.data[0] -= 0.02


@pytest.mark.slow
def test_file_is_self_contained_and_says_what_it_is(exported):
    model = onnx.load(exported[1], load_external_data=False)
    assert {p.key: p.value for p in model.metadata_props} == {"version": "0", "figures": '{"a": 1}'}
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert not any(node.metadata_props for node in model.graph.node)


def test_released_file():
    model = onnx.load(WEIGHTS)
    said = {p.key for p in model.metadata_props}
    assert {"version", "hand_points", "face_points", "training_run", "figures", "licences"} <= said
    assert WEIGHTS.stat().st_size <= 12e6
    assert parity.certificate(WEIGHTS) is not None, "the parity certificate belongs to another file: run python -m export"
