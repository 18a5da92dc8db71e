"""The network's file: where it is, its inputs and outputs, and the files that are prepared from it.

One ONNX file holds the three networks (export/torch_to_onnx.py). What is run are files prepared from it once, when the project is
installed (export/graph/prepare.py): they lie in `prepared_folder(file)` and carry the SHA-256 of the file they were made from.
"""

import hashlib
import os
from pathlib import Path

from ..constants import CONSTANTS

RELEASED = Path(__file__).parents[1] / "weights" / "pointillist.onnx"
VARIABLE = "POINTILLIST_WEIGHTS"  # environment variable: a prepared file that takes the released one's place
WEIGHTS = Path(os.environ.get(VARIABLE) or RELEASED)
SOURCE = "source_sha256"  # metadata entry of a prepared file

_HANDS: int = len(CONSTANTS["hand"]["points"])
_FACES: int = CONSTANTS["face"]["points"]
# Branch -> output -> shape without the batch; what they hold is described in runtime/detector.py and runtime/landmarker.py. Features are requested
# only for traces: they are branches of their own, so that no other run pays for copying out a million numbers.
BRANCHES: dict[str, dict[str, tuple[int, ...]]] = {
    "detector": {"detections": (2, 1024, 7)},
    "hand_features": {"hand_features": (64, 64, 64)},
    "hand": {
        "hand_heatmaps": (_HANDS, 64, 64),
        "hand": (3 * _HANDS,),
        "hand_sigma": (_HANDS,),
        "hand_presence": (1,),
        "handedness": (1,),
    },
    "face_features": {"face_features": (64, 64, 64)},
    "face": {
        "face": (3 * _FACES,),
        "face_sigma": (_FACES,),
        "face_presence": (1,),
        "face_ibug68": (136,),
    },
}

# Branch -> its output that says whether the crop shows such an object at all: it comes from the encoder, and where it is too low the rest
# of the network is not computed (export/graph/early_exit.py).
PRESENCE = {"hand": "hand_presence", "face": "face_presence"}
LEAST_PRESENCE = "least_presence"  # the input (N, 1) of a prepared file that says what is too low

# A browser opens each network on its own, as a file of its own. Feature maps and heat maps are left out:
# the pages that run in the browser do not show them.
BROWSER_PARTS = {
    "detector": ["detections"],
    "hand": ["hand", "hand_sigma", "hand_presence", "handedness"],
    "face": ["face", "face_sigma", "face_presence", "face_ibug68"],
}


class WeightsError(RuntimeError):
    """The weights cannot be loaded; its text is one plain sentence."""


def damaged(name: str) -> str:
    """What is said of a file of this name that onnx or onnxruntime cannot read."""
    return f"The weights file {name} is damaged, incomplete or no ONNX network."


def digest(weights: Path) -> str:
    """SHA-256 of the file. Raises WeightsError."""
    if not weights.is_file():
        raise WeightsError(f"The weights file {weights.name} is missing.")
    try:
        return hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"The weights file {weights.name} cannot be read.") from error


def prepared_folder(weights: Path) -> Path:
    """Where the files that are run lie, beside the one they are made from."""
    return weights.parent / "prepared" / weights.stem


def prepared(weights: Path, name: str) -> Path:
    """One of the prepared files. Raises WeightsError where it has not been made."""
    file = prepared_folder(weights) / name
    if not file.is_file():
        digest(weights)  # it may not be there at all
        raise WeightsError(f"The weights file {weights.name} is not prepared for use: run `pointillist prepare {weights}`.")
    return file
