"""The heat maps of a face: the network computes them, but its file does not give them out. They are computed once more, in single
precision, from the features that the file gives out (stage 3) and the weights of the head (FaceHead in network.py).

Each of the 478 points begins as a weighted mean of the places of 78 anchors, which have a heat map each: 68 iBUG points and two
irises of five points. It is the mean of one map too: of the mixture of the 78 with the same weights.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.inference.network_file import prepared
from model.runtime.topology import FACE_POINTS, POINT_NAMES

if TYPE_CHECKING:
    import onnx

FILE = "face_head.npz"
ANCHOR_NAMES = (*(f"iBUG {number}" for number in range(68)), *POINT_NAMES["face"][FACE_POINTS - 10 :])


@dataclass(frozen=True)
class FaceHead:
    """weight (78, 64), bias (78,): from the features to the maps. spread (478, 78): each point's weights of the anchors, some below 0."""

    weight: np.ndarray
    bias: np.ndarray
    spread: np.ndarray

    def maps(self, features: np.ndarray) -> np.ndarray:
        """features (64, 64, 64), channels first -> (78, 64, 64), each sums to 1."""
        scores = self.weight @ features.reshape(len(features), -1) + self.bias[:, None]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (scores / scores.sum(axis=1, keepdims=True)).reshape(-1, *features.shape[1:])


def parameters(model: "onnx.ModelProto") -> dict[str, np.ndarray]:
    """The arrays of a FaceHead in an unpacked network, for FILE."""
    from onnx import numpy_helper  # only when the network is prepared

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    weight, bias, spread = (numpy_helper.to_array(weights[f"face.head.{name}"]).astype(np.float32) for name in ("maps.weight", "maps.bias", "spread"))
    return {"weight": weight[..., 0, 0], "bias": bias, "spread": spread}


def read(weights: Path) -> FaceHead:
    """The head in a network's file. Raises WeightsError where it is not prepared."""
    with np.load(prepared(weights, FILE), allow_pickle=False) as arrays:
        return FaceHead(**{name: arrays[name] for name in arrays.files})


def place(plane: np.ndarray) -> tuple[float, float]:
    """x, y of a map's mean (h, w), as fractions of the side; (column + 0.5) / w is a cell's middle."""
    height, width = plane.shape
    return float(plane.sum(axis=0) @ (np.arange(width) + 0.5) / width), float(plane.sum(axis=1) @ (np.arange(height) + 0.5) / height)
