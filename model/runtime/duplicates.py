"""Duplicates: of several detections of one hand or face only the most confident one stays."""

from collections.abc import Iterable, Sequence

import numpy as np

from ..constants import CONSTANTS
from .boxes import repeats
from .result import Hand, Instance

_DETECTOR = CONSTANTS["detector"]
_MAX_DISTANCE = CONSTANTS["landmarks"]["duplicate"]  # of corresponding landmarks, as a fraction of the smaller instance's size


def by_confidence(instances: Iterable[Instance]) -> list[Instance]:
    """Most confident first."""
    return sorted(instances, key=lambda instance: -instance.score)


def same_object(one: Instance, other: Instance) -> bool:
    """Whether two predictions of one kind have their landmarks in the same places. A person's two hands lie on each other more often than two
    left or two right hands do, so these may be farther apart."""
    if one.kind != other.kind:
        return False
    same_side = isinstance(one, Hand) and isinstance(other, Hand) and one.handedness == other.handedness
    distance = np.linalg.norm(one.landmarks[:, :2] - other.landmarks[:, :2], axis=1).mean()
    return bool(distance < _MAX_DISTANCE["same_side" if same_side else "distance"] * min(one.size, other.size))


def without_duplicates(instances: Sequence[Instance]) -> list[Instance]:
    """Most confident first, each object once."""
    kept: list[Instance] = []
    for instance in by_confidence(instances):
        if not any(same_object(instance, other) for other in kept):
            kept.append(instance)
    return kept


def uncertain_only(rejected: Sequence[Instance], confident: Sequence[Instance]) -> list[Instance]:
    """Of the rejected instances, those with boxes that repeat neither a confident instance nor one another, most confident first.

    Boxes are compared, by the detector's own rule, because the landmarks of a rejected instance may be anywhere."""
    kept: list[Instance] = []
    for instance in by_confidence(rejected):
        others = [other.box for other in (*confident, *kept) if other.kind == instance.kind]
        if not repeats([instance.box], others, _DETECTOR["nms_iou"], _DETECTOR["contained"]).any():
            kept.append(instance)
    return kept
