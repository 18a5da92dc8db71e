"""The first convolution of the landmark networks, for a page that shows how one number of a feature map is made.

The network computes it (model/network/architecture.py: Encoder.stem), but its file does not give its maps out. They are computed once
more, in single precision, from the crop and the layer's own weights.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.constants import KINDS
from model.inference.network_file import prepared

if TYPE_CHECKING:
    import onnx

FILE = "stem.npz"
KERNEL, STRIDE, PADDING = 6, 4, 2  # pixels of the crop; beyond its edges all values are 0


@dataclass(frozen=True)
class Stem:
    """weight (maps, 3, 6, 6), bias (maps,), both float32. ReLU follows."""

    weight: np.ndarray
    bias: np.ndarray

    def windows(self, crop: np.ndarray) -> np.ndarray:
        """What the kernels look at for each cell: (rows, columns, 3, 6, 6), values / 255 of the crop, which is uint8 (side, side, 3)."""
        edge = (PADDING, PADDING)
        padded = np.pad(crop, (edge, edge, (0, 0))).astype(np.float32) / 255
        return np.lib.stride_tricks.sliding_window_view(padded, (KERNEL, KERNEL), axis=(0, 1))[::STRIDE, ::STRIDE]

    def maps(self, crop: np.ndarray) -> np.ndarray:
        """uint8 (side, side, 3) -> (maps, side / 4, side / 4)."""
        sums = np.tensordot(self.weight, self.windows(crop), axes=((1, 2, 3), (2, 3, 4)))
        return np.maximum(sums + self.bias[:, None, None], 0)


def parameters(model: "onnx.ModelProto") -> dict[str, np.ndarray]:
    """The arrays of both kinds' Stem in an unpacked network, for FILE."""
    from onnx import numpy_helper  # only when the network is prepared

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    return {
        f"{kind}_{name}": numpy_helper.to_array(weights[f"{kind}.encoder.stem.0.{name}"]).astype(np.float32) for kind in KINDS for name in ("weight", "bias")
    }


def read(weights: Path, kind: str) -> Stem:
    """The first convolution of the hand's or face's network. Raises WeightsError where it is not prepared."""
    with np.load(prepared(weights, FILE), allow_pickle=False) as arrays:
        return Stem(arrays[f"{kind}_weight"], arrays[f"{kind}_bias"])
