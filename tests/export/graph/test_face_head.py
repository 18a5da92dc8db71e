"""The heat maps of a face, computed once more: they are those that the network itself works with."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from export import parity
from export.graph import face_head
from export.graph.prepare import computed
from model.constants import CROP
from model.inference.network_file import WEIGHTS


@pytest.fixture(scope="module")
def inside() -> dict[str, np.ndarray]:
    """What the network computes for the parity picture of a face, in single precision: its maps, first guess and points too."""
    model = computed(onnx.load(WEIGHTS), exact=True)
    # The maps are what softmax makes of the convolution by `maps`; the first guess is what is multiplied by `spread`.
    made_by = {name: node for node in model.graph.node for name in node.output}
    (guess,) = [node.output[0] for node in model.graph.node if "face.head.spread" in node.input]
    softmax = [node.output[0] for node in model.graph.node if node.op_type == "Softmax"]
    (maps,) = [name for name in softmax if reads(made_by, name, "face.head.maps.weight")]
    for name in (maps, guess):
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = ["face_features", maps, guess, "face"]
    found = session.run(names, {"image": parity.inputs("face")[:1]})
    return dict(zip(("features", "maps", "guess", "face"), (values[0] for values in found)))


def reads(made_by: dict, name: str, weight: str) -> bool:
    """Whether a tensor comes from a node with this weight, over nodes that have none themselves."""
    node = made_by.get(name)
    return node is not None and (weight in node.input or reads(made_by, node.input[0], weight))


def test_maps_and_first_guess_are_the_networks_own(inside):
    head = face_head.read(WEIGHTS)
    maps = head.maps(inside["features"])
    assert maps.shape == (78, 64, 64) and np.allclose(maps.sum(axis=(1, 2)), 1, atol=1e-4)
    assert np.allclose(maps, inside["maps"].reshape(maps.shape), atol=1e-4)
    guess = np.array([face_head.place(np.tensordot(weights, maps, 1)) for weights in head.spread])
    assert np.abs(guess - inside["guess"].reshape(478, 2)).max() * CROP < 0.05
    moved = np.abs(guess - inside["face"].reshape(478, 3)[:, :2]).max() * CROP
    assert 0.5 < moved < 40, "the layers behind refine the guess, they do not replace it"


def test_anchors_have_names():
    assert len(face_head.ANCHOR_NAMES) == len(face_head.read(WEIGHTS).spread[0]) == 78
    assert face_head.ANCHOR_NAMES[67] == "iBUG 67" and "iris" in face_head.ANCHOR_NAMES[68]


def test_place_is_the_mean():
    plane = np.zeros((64, 64))
    plane[10, 20] = plane[10, 23] = 0.5
    assert face_head.place(plane) == (22 / 64, 10.5 / 64)
