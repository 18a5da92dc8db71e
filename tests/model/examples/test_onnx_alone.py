"""The recipe for the network's file alone: it needs numpy and onnxruntime only, and gives what the package gives."""

import ast
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from model import Landmarker, open_photo
from model.examples import onnx_alone
from model.inference.network_file import WEIGHTS

EXAMPLES = Path(onnx_alone.__file__).parent


def test_it_imports_numpy_and_onnxruntime_only():
    tree = ast.parse(Path(onnx_alone.__file__).read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"numpy", "onnxruntime"} and not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize("name", ["greeting.webp", "hands.webp"])
def test_it_gives_what_the_package_gives(name):
    photo = open_photo(EXAMPLES / name)
    expected = Landmarker().detect(photo)
    found = onnx_alone.landmarks(onnxruntime.InferenceSession(WEIGHTS), photo)
    for instance in (*expected.hands, *expected.faces):
        apart = [np.linalg.norm(points[:, :2] - instance.landmarks[:, :2], axis=1).mean() / instance.size for kind, _, points in found if kind == instance.kind]
        assert min(apart) < 0.05, f"{instance.kind}: {apart}"
    assert len(found) <= len(expected.hands) + len(expected.faces) + 1, "one box for each object"
