"""Corrected photos as training data: stored crops with their labels, and the upright crops on which the correction is measured."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..output.coco_folder import LabelledPhoto
from ..output.corrections import Label
from ..photo.image_file import open_photo
from ..runtime.geometry import ROI, extent, extract_crop, roi_from_points, transform
from ..runtime.landmarker import Landmarker
from ..runtime.result import Face, Instance
from .samples import CROP, STORED_SCALE, Samples

MOST = 200  # corrected hands or faces of one training
NEAR = 0.06  # of a face's size: so far the mesh points around one of the 68 points decide where it goes


@dataclass(frozen=True)
class Corrected:
    """The corrected hands or faces of some photos.

    samples: stored crops with labels. upright (N, 256, 256, 3) uint8: the crops that inference would cut around the labels; truth (N, K, 2):
    the labels in pixels of these crops. none (M, 256, 256, 3) uint8: crops of false detections.
    """

    samples: Samples
    upright: np.ndarray
    truth: np.ndarray
    none: np.ndarray


def of_photos(photos: Iterable[LabelledPhoto], kind: str, landmarker: Landmarker) -> Corrected:
    """At most MOST hands or faces. Depth, and how a face's 68 points follow its mesh, come from the network's own prediction. Raises PhotoError."""
    rows: list[dict[str, np.ndarray]] = []
    none: list[np.ndarray] = []
    for photo in photos:
        own = [label for label in photo.labels.instances if label.kind == kind and label.corrected][: MOST - len(rows)]
        wrong = [label for label in photo.labels.removed if label.kind == kind][: MOST - len(none)]
        if own or wrong:
            rgb = open_photo(photo.content)
            none += [extract_crop(rgb, roi_from_points(kind, label.points)) for label in wrong]
            predicted = landmarker.predict(rgb, [(kind, roi_from_points(kind, label.points)) for label in own])
            rows += [_row(rgb, label, instance) for label, instance in zip(own, predicted)]
    return Corrected(_samples(kind, rows), _column(rows, "upright", np.uint8), _column(rows, "truth"), _stack(none, np.uint8))


def _row(rgb: np.ndarray, label: Label, predicted: Instance) -> dict[str, np.ndarray]:
    low, high = extent(label.points)
    stored = ROI((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, max(high[0] - low[0], high[1] - low[1], 2.0) * STORED_SCALE)
    upright = roi_from_points(label.kind, label.points)
    points = label.points.astype(np.float64)
    row = {
        "image": extract_crop(rgb, stored),
        "points": transform(stored.to_crop(), points),
        "z": predicted.landmarks[:, 2] * (CROP / stored.side),
        "right": np.array({"left": 0, "right": 1}.get(str(label.handedness), -1)),
        "upright": extract_crop(rgb, upright),
        "truth": transform(upright.to_crop(), points),
    }
    return row | ({"ibug": transform(stored.to_crop(), followed(points, predicted))} if isinstance(predicted, Face) else {})


def followed(points: np.ndarray, face: Face) -> np.ndarray:
    """The 68 points (68, 2) of a face that was corrected to `points` (478, 2): the network's own, moved as the mesh around each was moved."""
    moved = points - face.landmarks[:, :2]
    distances = np.linalg.norm(face.ibug68[:, None] - face.landmarks[None, :, :2], axis=2) / max(face.size, 1e-6)
    nearest = distances.min(1, keepdims=True)
    weights = np.exp(-(((distances - nearest) / NEAR) ** 2))
    return face.ibug68 + weights @ moved / weights.sum(1, keepdims=True)


def _samples(kind: str, rows: list[dict[str, np.ndarray]]) -> Samples:
    points = _column(rows, "points")
    return Samples(
        "corrections",
        kind,
        "the visitor's own",
        _column(rows, "image", np.uint8),
        points,
        _column(rows, "z"),
        np.ones(points.shape[:2], np.float32),
        np.array(["train"] * len(rows), "<U5"),
        right=_column(rows, "right", np.int8),
        ibug=_column(rows, "ibug") if kind == "face" else None,
        ibug_weights=np.ones((len(rows), 68), np.float32) if kind == "face" else None,
    )


def _column(rows: list[dict[str, np.ndarray]], name: str, dtype: type = np.float32) -> np.ndarray:
    return _stack([row[name] for row in rows], dtype)


def _stack(arrays: list[np.ndarray], dtype: type = np.float32) -> np.ndarray:
    return np.stack(arrays).astype(dtype) if arrays else np.zeros((0, CROP, CROP, 3), dtype)
