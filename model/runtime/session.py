"""The network's file, opened once: the only place that talks to onnxruntime."""

import json
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx.external_data_helper import uses_external_data

from export.graph import weight_packing
from export.graph.conditional_branches import switchable
from export.graph.fold_constants import fold
from export.graph.ort_layout import lay_out
from export.graph.quantize import RANGES, eight_bit
from model.constants import CROP
from model.runtime import cpus
from model.runtime.topology import FACE_POINTS, HAND_POINTS

WEIGHTS = Path(__file__).parents[1] / "weights" / "pointillist.onnx"

_HANDS = len(HAND_POINTS)
# Branch -> output -> shape without the batch; what they hold is told in detector.py and landmarker.py. Features are asked for
# only by those who look inside: they are branches of their own, so that nobody else pays for bringing out a million numbers.
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
        "face": (3 * FACE_POINTS,),
        "face_sigma": (FACE_POINTS,),
        "face_presence": (1,),
        "face_ibug68": (136,),
    },
}
_MOST_THREADS = 4  # more do not pay for pictures of this size


class WeightsError(RuntimeError):
    """The weights cannot be loaded; its text is one plain sentence."""


class Session:
    """One onnxruntime.InferenceSession; safe to use from several threads at once.

    weights: an ONNX file, by default the one that comes with the project. threads: of one run (default: the CPUs this
    process may use, at most 4). exact: convolve in single precision, not in eight bits: half as fast. metadata: what the exporter
    wrote into the file (version, training run, figures, licences ...), decoded from JSON. Raises WeightsError.
    """

    def __init__(self, weights: str | os.PathLike | None = None, threads: int | None = None, exact: bool = False):
        path = Path(WEIGHTS if weights is None else weights)
        model = _load(path)
        _check_signature(model.graph, path.name)
        self.metadata: dict = {entry.key: _decoded(entry.value) for entry in model.metadata_props if entry.key != RANGES}

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usual_threads()
        # Waiting threads would otherwise burn a server's CPUs between two photos.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # it warns of every input with a default value
        try:
            content = switchable(as_run(model, exact), {name: tuple(outputs) for name, outputs in BRANCHES.items()}).SerializeToString()
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base class of their own, and the graph may be nonsense
            raise WeightsError(_damaged(path.name)) from error

    def run(self, pictures: np.ndarray, *outputs: str) -> dict[str, np.ndarray]:
        """The named outputs for pictures (N, 256, 256, 3) uint8 RGB; a branch nobody asked for is not computed. The detector takes
        pictures (N, H, W, 3) too, and gives H / 8 x W / 8 cells: 32 divides H and W, which are at most 256."""
        feeds = {"image": pictures}
        for name, own in BRANCHES.items():
            feeds[f"run_{name}"] = np.array(any(output in own for output in outputs))
        return dict(zip(outputs, self._session.run(outputs, feeds)))


def as_run(model: onnx.ModelProto, exact: bool = False) -> onnx.ModelProto:
    """In place, and returned: the stored network as it is computed. Pictures of other sides may come in, for the detector."""
    ranges: dict = next((json.loads(entry.value) for entry in model.metadata_props if entry.key == RANGES), {})
    model = fold(weight_packing.unpack(model))
    if not exact:
        model = lay_out(eight_bit(model, ranges))
    for axis, side in zip(model.graph.input[0].type.tensor_type.shape.dim[1:3], ("H", "W")):
        axis.dim_param = side
    (cells,) = (output.type.tensor_type.shape.dim[2] for output in model.graph.output if output.name == "detections")
    cells.dim_param = "cells"
    return model


def _load(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise WeightsError(f"The weights file {path.name} is missing.")
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise WeightsError(f"The weights file {path.name} cannot be read.") from error
    except Exception as error:
        raise WeightsError(_damaged(path.name)) from error
    # onnxruntime would open whatever path is named there.
    inside = [*model.graph.initializer, *(field.t for node in model.graph.node for field in node.attribute)]
    if any(uses_external_data(tensor) for tensor in inside):
        raise WeightsError(f"The weights file {path.name} refers to another file; all weights must be inside.")
    return model


def _damaged(name: str) -> str:
    return f"The weights file {name} is damaged, incomplete or no ONNX network."


def _check_signature(graph: onnx.GraphProto, name: str) -> None:
    if not graph.node:
        raise WeightsError(_damaged(name))
    if {value.name: _shape(value) for value in graph.input} != {"image": (CROP, CROP, 3)}:
        raise WeightsError(f"The weights file {name} is of another version: its input does not fit.")
    given = {value.name: _shape(value) for value in graph.output}
    for output, shape in (pair for outputs in BRANCHES.values() for pair in outputs.items()):
        if given.get(output) != shape:
            raise WeightsError(f"The weights file {name} is of another version: its output '{output}' does not fit.")


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """Without the batch."""
    return tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim[1:])


def usual_threads() -> int:
    return min(_MOST_THREADS, cpus.available())


def _decoded(text: str):
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (dict, list, str)) else text  # version 1.10 is no number
