"""Better landmarks from further crops: ROI refinement where the first crop was badly placed, averaging where a hand is uncertain."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..constants import CONSTANTS
from .geometry import ROI, box_around, roi_from_points
from .result import Hand, Instance, side_of

_REFINEMENT = CONSTANTS["landmarks"]["refinement"]
_AVERAGING = CONSTANTS["landmarks"]["averaging"]
FURTHER_CROPS = len(_AVERAGING["uncertainty"])
REFINED_FROM: float = _REFINEMENT["confidence"]
AVERAGED_FROM: float = _AVERAGING["confidence"]


def request_around(instance: Instance) -> tuple[str, ROI]:
    """A crop of the same object around its landmarks: for ROI refinement, and for the next frame of a video."""
    return instance.kind, roi_from_points(instance.kind, instance.landmarks)


def needs_refinement(instance: Instance, roi: ROI) -> bool:
    """Whether the crop `roi` was so badly centred, sized or turned that the landmarks should be predicted again from a better one."""
    _, ideal = request_around(instance)
    turn = math.remainder(ideal.angle - roi.angle, math.tau)
    ratio = ideal.side / roi.side
    return (
        instance.score < _REFINEMENT["presence"]
        or math.hypot(ideal.cx - roi.cx, ideal.cy - roi.cy) > _REFINEMENT["shift"] * roi.side
        or max(ratio, 1 / ratio) > _REFINEMENT["scale"]
        or abs(turn) > math.radians(_REFINEMENT["degrees"])
    )


def better(first: Instance, refined: Instance) -> Instance:
    """The refined instance, which had the better crop, unless its presence fell: then the refinement lost the object."""
    return refined if refined.score >= min(first.score, _REFINEMENT["presence"]) else first


def needs_averaging(instance: Instance, number: int = 0) -> bool:
    """Whether it is a hand with landmarks so uncertain that the `number`-th further crop (0, 1) is worth its time."""
    return instance.kind == "hand" and instance.uncertainty > _AVERAGING["uncertainty"][number]


def averaging_request(instance: Instance, number: int) -> tuple[str, ROI]:
    """The `number`-th further crop: a little tighter, and the first one mirrored, since what the network gets wrong in a crop it does not get wrong
    in the same way in its mirror image (test-time augmentation)."""
    kind, roi = request_around(instance)
    return kind, replace(roi, side=roi.side * _AVERAGING["scale"], mirrored=number == 0)


def averaged(views: Sequence[Instance]) -> Instance:
    """One hand from its predictions in several crops: the first one with the mean landmarks and handedness of all.

    A landmark counts by its expected error (inverse-variance weighting); a prediction whose presence fell lost the hand and does not count.
    sigma: expected error and disagreement of the crops. It is not divided by their number, since errors of one network go together.
    """
    hands = [view for view in views if isinstance(view, Hand) and better(views[0], view) is view]
    if len(hands) == 1:
        return hands[0]
    landmarks = np.stack([hand.landmarks for hand in hands])  # (V, 21, 3)
    sigma = np.stack([hand.sigma for hand in hands])  # (V, 21)
    weight = 1 / np.maximum(sigma, 1e-6) ** 2
    variance = len(hands) / weight.sum(0)  # (21,), the harmonic mean of the crops' variances
    weight /= weight.sum(0)
    mean = (landmarks * weight[..., None]).sum(0)
    disagreement = (((landmarks - mean)[..., :2] ** 2).sum(-1) * weight).sum(0)
    right = float(np.mean([hand.right_probability for hand in hands]))
    return replace(
        hands[0],
        landmarks=mean.astype(np.float32),
        box=box_around(mean, CONSTANTS["roi"]["hand"]["box_margin"]),
        sigma=np.sqrt(variance + disagreement).astype(np.float32),
        crops=len(hands),
        **side_of(right),
    )
