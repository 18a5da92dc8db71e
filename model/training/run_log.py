"""The trace that a training run leaves behind (trace.json), read.

Errors are normalised mean errors (NME, see metrics.py), accuracy is PCK at the trace's threshold; both as fractions.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..constants import KINDS

TRACE = Path(__file__).parents[1] / "weights" / "trace.json"  # of the run that made the weights beside it


class TraceError(ValueError):
    """The file is no training trace; the text is one plain sentence."""


@dataclass(frozen=True)
class Picture:
    """A fixed picture. file: image file. kind: 'hand' | 'face'. truth: (21 or 68, 2) pixels of the size x size crop."""

    file: Path
    kind: str
    size: int
    truth: np.ndarray


@dataclass(frozen=True)
class Epoch:
    """One epoch as the run measured it.

    crop: side in pixels of the crops it learned from. loss: the weighted sum of `losses`. accuracy, nme: by kind ('hand',
    'face'). point_nme: kind -> (21,) or (68,) error of each point. sets: validation set -> its figures. predictions: one
    (K, 2) per picture, pixels of its crop. Kinds that the run did not measure are missing. parameters: the network's
    (None: not recorded); it changes where a run goes on with another network. together: one network learned both kinds then,
    and `crops` are those of both. watched: (K, 2), the same of a crop that the run was given to watch.
    """

    number: int
    crop: int
    crops: int
    seconds: float
    learning_rate: float
    loss: float
    losses: dict[str, float]
    accuracy: dict[str, float]
    nme: dict[str, float]
    point_nme: dict[str, np.ndarray]
    sets: dict[str, dict[str, float]]
    predictions: list[np.ndarray]
    parameters: int | None = None
    together: bool = False
    watched: np.ndarray | None = None

    @property
    def mean_accuracy(self) -> float:
        """Over the kinds; nan if none was measured."""
        return float(np.mean(list(self.accuracy.values()))) if self.accuracy else math.nan


@dataclass(frozen=True)
class DetectorEpoch:
    """One epoch of the detector's run. side: pixels of the pictures it learned from. sets: validation set -> 'recall',
    'precision' (at IoU 0.5 and score 0.5, the letterboxed photo only), 'false_per_negative'. losses, parameters: as in Epoch. predictions: one (M, 6) per
    fixed picture, its boxes as class, score, x, y, w, h in pixels of the picture; none where the run recorded none."""

    number: int
    side: int
    pictures: int
    seconds: float
    loss: float
    sets: dict[str, dict[str, float]]
    losses: dict[str, float]
    parameters: int | None = None
    predictions: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class TrainingTrace:
    """A landmark network's run: `run` says how it was made, `pck_threshold` what counts as a correct point (None: not recorded)."""

    run: dict
    epochs: tuple[Epoch, ...]
    pictures: tuple[Picture, ...]
    pck_threshold: float | None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that every epoch was measured on."""
        return tuple(kind for kind in KINDS if all(kind in epoch.accuracy for epoch in self.epochs))


@dataclass(frozen=True)
class Released:
    """The runs behind the released weights: of the landmark networks by kind, and the epochs of the detector (none if it was not trained)
    with its fixed pictures."""

    landmarks: dict[str, TrainingTrace]
    detector: tuple[DetectorEpoch, ...]
    detector_pictures: tuple[Path, ...] = ()


def read(path: Path) -> TrainingTrace | None:
    """The trace that a run has left in the file; None if there is no file or no epoch in it yet. Raises TraceError."""
    trace = _read(path, _from_document)
    return trace if trace and trace.epochs else None


def read_released(path: Path = TRACE) -> Released | None:
    """The traces beside the released weights; None if there are none. Raises TraceError."""
    found = _read(path, _released)
    return found if found and found.landmarks else None


def _read(path: Path, parse):
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TraceError(f"The training trace {path.name} cannot be read.") from error
    try:
        return parse(document, path.parent)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TraceError(f"The training trace {path.name} is not of the expected form.") from error


def _released(document: dict, folder: Path) -> Released:
    detector = document.get("detector", {})
    runs = {kind: _from_document(document[kind], folder) for kind in KINDS if kind in document}
    return Released(
        {kind: run for kind, run in runs.items() if run.epochs},
        tuple(
            DetectorEpoch(
                int(e["epoch"]),
                int(e["crop"]),
                int(e["crops"]),
                float(e["seconds"]),
                float(e["loss"]),
                e.get("sets", {}),
                e.get("losses", {}),
                e.get("parameters"),
                tuple(np.array(rows, float).reshape(-1, 6) for rows in e.get("predictions", ())),
            )
            for e in detector.get("epochs", ())
        ),
        tuple(folder / picture["file"] for picture in detector.get("pictures", ())),
    )


def _from_document(document: dict, folder: Path) -> TrainingTrace:
    pictures = tuple(
        Picture(folder / entry["file"], entry["kind"], int(entry["size"]), np.array(entry["truth"], float).reshape(-1, 2))
        for entry in document.get("pictures", ())
    )
    return TrainingTrace(
        dict(document.get("run", {})),
        tuple(_epoch(entry) for entry in document["epochs"]),
        pictures,
        document.get("pck_threshold"),
    )


def _epoch(entry: dict) -> Epoch:
    return Epoch(
        int(entry["epoch"]),
        int(entry["crop"]),
        int(entry["crops"]),
        float(entry["seconds"]),
        float(entry["learning_rate"]),
        float(entry["loss"]),
        {name: float(value) for name, value in entry.get("losses", {}).items()},
        {kind: float(value) for kind, value in entry["accuracy"].items()},
        {kind: float(value) for kind, value in entry["nme"].items()},
        {kind: np.array(values, float) for kind, values in entry.get("point_nme", {}).items()},
        entry.get("sets", {}),
        [np.array(points, float).reshape(-1, 2) for points in entry.get("predictions", ())],
        entry.get("parameters"),
        entry.get("together", False),
        np.array(entry["watched"], float).reshape(-1, 2) if "watched" in entry else None,
    )
