"""The network, opened once: the only place that calls onnxruntime."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime

from . import cpus
from .network_file import BRANCHES, LEAST_PRESENCE, SOURCE, WEIGHTS, WeightsError, damaged, digest, prepared

_MOST_THREADS = 4  # more do not pay for pictures of this size


class Session:
    """One onnxruntime.InferenceSession; safe to use from several threads at once.

    weights: an ONNX file, by default the one that comes with the project; the files prepared from it are run. threads: of one run
    (default: the CPUs this process may use, at most 4). exact: convolve in float32 instead of int8, in twice the time. metadata: the
    exporter's entries (version, training run, figures, licences ...), decoded from JSON. Raises WeightsError.
    """

    def __init__(self, weights: str | os.PathLike | None = None, threads: int | None = None, exact: bool = False):
        path = Path(WEIGHTS if weights is None else weights)
        self._session = open_prepared(path, "server_exact.onnx" if exact else "server.onnx", threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get(SOURCE) != digest(path):
            raise WeightsError(f"The weights file {path.name} has changed since it was prepared: run `pointillist prepare {path}`.")
        if not any(each.name == LEAST_PRESENCE for each in self._session.get_overridable_initializers()):
            raise WeightsError(f"The weights file {path.name} was prepared by an earlier version: run `pointillist prepare {path}`.")
        self.metadata: dict = {key: _decoded(value) for key, value in metadata.items() if key != SOURCE}

    def run(self, pictures: np.ndarray, *outputs: str, least_presence: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The named outputs for pictures (N, 256, 256, 3) uint8 RGB; a branch without a requested output is not computed. The detector takes
        pictures (N, H, W, 3) too, and gives H / 8 x W / 8 cells: 32 divides H and W, which are at most 256.

        least_presence (N,) float32: pictures with less presence are not computed further. Presence has N rows all the same, the other outputs
        of that branch those of the remaining pictures."""
        feeds = {"image": pictures}
        if least_presence is not None:
            feeds[LEAST_PRESENCE] = least_presence[:, None]
        for name, own in BRANCHES.items():
            feeds[f"run_{name}"] = np.array(any(output in own for output in outputs))
        return dict(zip(outputs, self._session.run(outputs, feeds)))


def open_prepared(weights: Path, name: str, threads: int | None = None, **settings) -> onnxruntime.InferenceSession:
    """A prepared file of `weights`; settings: further attributes of onnxruntime's SessionOptions. Raises WeightsError."""
    file = prepared(weights, name)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or usual_threads()
    # Waiting threads would otherwise burn a server's CPUs between two photos.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # it warns of every input with a default value
    for setting, value in settings.items():
        setattr(options, setting, value)
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise WeightsError(damaged(f"prepared/{weights.stem}/{name}")) from error


def usual_threads() -> int:
    """Threads of one run unless a caller chooses: the CPUs of this process, at most 4."""
    return min(_MOST_THREADS, cpus.available())


def _decoded(text: str):
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (dict, list, str)) else text  # version 1.10 is no number
