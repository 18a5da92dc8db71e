"""The network's file, opened once: the only place that talks to onnxruntime."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime

from model.constants import CROP
from model.points import FACE_POINTS, HAND_POINTS

WEIGHTS = Path(__file__).with_name("weights") / "pointillist.onnx"

_HANDS = len(HAND_POINTS)
# Name -> shape without the batch; what these hold is told in landmarker.py and detector.py.
OUTPUTS: dict[str, tuple[int, ...]] = {
    "detections": (2, 1024, 7),
    "features": (64, 64, 64),
    "hand_heatmaps": (_HANDS, 64, 64),
    "hand": (3 * _HANDS,),
    "hand_sigma": (_HANDS,),
    "hand_presence": (1,),
    "handedness": (1,),
    "face": (3 * FACE_POINTS,),
    "face_sigma": (FACE_POINTS,),
    "face_presence": (1,),
    "face_ibug68": (136,),
}
_MOST_THREADS = 4  # more do not pay for pictures of this size


class WeightsError(RuntimeError):
    """The weights cannot be loaded; its text is one plain sentence."""


class Session:
    """One onnxruntime session; safe to use from several threads at once."""

    def __init__(self, weights: str | os.PathLike | None = None, threads: int | None = None):
        """weights: an ONNX file, by default the one that comes with the project. threads: of one run (default: the
        CPUs this process may use, at most 4). Raises WeightsError."""
        path = Path(WEIGHTS if weights is None else weights)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(_MOST_THREADS, _cpus())
        # Waiting threads would otherwise burn a server's CPUs between two photos.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if not path.is_file():
            raise WeightsError(f"The weights file {path.name} is missing.")
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise WeightsError(f"The weights file {path.name} is damaged, incomplete or no ONNX network.") from error
        self._check_signature(path.name)

    @property
    def metadata(self) -> dict:
        """What the exporter wrote into the file: version, training run, figures, licences ... (decoded JSON)."""
        return {key: _decoded(value) for key, value in self._session.get_modelmeta().custom_metadata_map.items()}

    def run(self, pictures: np.ndarray, *outputs: str) -> dict[str, np.ndarray]:
        """The named outputs for pictures (N, 256, 256, 3) uint8 RGB; branches nobody asked for are not computed."""
        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True
        return dict(zip(outputs, self._session.run(outputs, {"image": pictures}, options)))

    def _check_signature(self, name: str) -> None:
        inputs = {value.name: (value.type, tuple(value.shape[1:])) for value in self._session.get_inputs()}
        outputs = {value.name: tuple(value.shape[1:]) for value in self._session.get_outputs()}
        if inputs != {"image": ("tensor(uint8)", (CROP, CROP, 3))}:
            raise WeightsError(f"The weights file {name} is of another version: its input does not fit.")
        for output, shape in OUTPUTS.items():
            if outputs.get(output) != shape:
                raise WeightsError(f"The weights file {name} is of another version: its output '{output}' does not fit.")


def _cpus() -> int:
    # Containers often allow fewer CPUs than the machine has; not every system can tell.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _decoded(text: str):
    try:
        return json.loads(text)
    except ValueError:
        return text
