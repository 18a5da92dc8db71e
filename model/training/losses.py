"""What training makes small.

Landmarks: cross entropy of the heat maps against a narrow Gaussian (fast at first), the absolute error of their
expectation and of the refined points (precise later), and a Laplace log-likelihood that teaches sigma to tell the error.
Detector: focal loss with the box's IoU as the target score, GIoU of the box, the angle of "up".
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..network import soft_argmax
from ..network.architecture import LOG_SIGMA


def mean(x: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean; 0 where all weights are."""
    return (x * weights).sum() / weights.sum().clamp(min=1e-6)


def point_losses(out: dict[str, Tensor], rows: slice, target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Losses of one head's points: absolute errors in percent of the crop's side, and sigma's log-likelihood."""
    points, log_sigma = out["points"][rows], out["log_sigma"][rows]
    # One row with a thousand times too small a sigma would outweigh all others: counted within bounds, yet the gradient reaches what lies beyond.
    log_sigma = log_sigma + (log_sigma.clamp(*LOG_SIGMA) - log_sigma).detach()
    xy, z, weights = target["points"], target["z"], target["weights"]
    error = (points[..., :2] - xy).abs().sum(-1)
    radial = (points[..., :2].detach() - xy).norm(dim=-1)
    known = torch.isfinite(z).float() * weights
    return {
        "points": 100 * mean(error, weights),
        "depth": 100 * mean((points[..., 2] - torch.nan_to_num(z)).abs(), known),
        "sigma": mean(radial * (-log_sigma).exp() + log_sigma, weights),
    }


def hand_losses(out: dict[str, Tensor], target: dict[str, Tensor], present: Tensor) -> dict[str, Tensor]:
    """`target` is of the first rows, the ones with known points; present (N, 1): which rows show a hand."""
    rows = slice(0, len(target["points"]))
    xy, weights = target["points"], target["weights"]
    known = (target["right"] >= 0).float()
    return point_losses(out, rows, target) | {
        "heat": soft_argmax.cross_entropy(out["scores"][rows], out["log_sum"][rows], xy, weights),
        "coarse": 100 * mean((out["coarse"][rows] - xy).abs().sum(-1), weights),
        "presence": F.binary_cross_entropy_with_logits(out["presence"], present),
        "handedness": mean(F.binary_cross_entropy_with_logits(out["right"][rows, 0], target["right"].clamp(min=0), reduction="none"), known),
    }


def face_losses(out: dict[str, Tensor], target: dict[str, Tensor], present: Tensor) -> dict[str, Tensor]:
    """`target` is of the first rows, the ones with known points; present (N, 1): which rows show a face."""
    rows = slice(0, len(target["points"]))
    anchors = torch.cat([target["ibug"], target["points"][:, 468:]], 1)
    anchor_weights = torch.cat([target["ibug_weights"], target["weights"][:, 468:] * 0.3], 1)
    return point_losses(out, rows, target) | {
        "heat": soft_argmax.cross_entropy(out["scores"][rows], out["log_sum"][rows], anchors, anchor_weights),
        "coarse": 100 * mean((out["coarse"][rows] - anchors).abs().sum(-1), anchor_weights),
        "ibug": 100 * mean((out["ibug"][rows] - target["ibug"]).abs().sum(-1), target["ibug_weights"]),
        "presence": F.binary_cross_entropy_with_logits(out["presence"], present),
    }


WEIGHTS = {"points": 1.0, "depth": 0.3, "sigma": 0.1, "heat": 5.0, "coarse": 0.5, "ibug": 1.0, "presence": 5.0, "handedness": 10.0}


def giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes as distances (..., 4) left, top, right, bottom from a common centre -> (IoU, generalised IoU), Rezatofighi et al. 2019."""
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    overlap = (low[..., 0] + low[..., 2]).clamp(min=0) * (low[..., 1] + low[..., 3]).clamp(min=0)
    area = lambda s: (s[..., 0] + s[..., 2]) * (s[..., 1] + s[..., 3])  # noqa: E731
    union = area(a) + area(b) - overlap
    iou = overlap / union.clamp(min=1e-6)
    hull = area(high)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def detector_losses(out: dict[str, Tensor], target: dict[str, Tensor]) -> dict[str, Tensor]:
    """target: positive (N, 2, cells) 0/1, known (N, 2, cells) 0 where a class is unlabelled, sides (N, 2, cells, 4) in cells,
    up (N, 2, cells, 2) unit or zero where unknown."""
    positive = target["positive"] > 0
    count = positive.sum().clamp(min=1)
    sides = target["sides"][positive]
    iou, generalised = giou(out["sides"][positive], sides)
    score = torch.zeros_like(out["score"])
    score[positive] = iou.detach().clamp(0.5, 1)
    # Quality focal loss (Li et al. 2020): the score learns how good the box is, hard cells count more.
    focal = F.binary_cross_entropy_with_logits(out["score"], score, reduction="none") * (out["score"].detach().sigmoid() - score).abs() ** 2
    up, known_up = target["up"][positive], target["up"][positive].norm(dim=-1) > 0.5
    predicted = F.normalize(out["up"][positive], dim=-1)
    return {
        "score": (focal * target["known"]).sum() / count * 4,
        "box": (1 - generalised).sum() / count * 2,
        "up": mean(1 - (predicted * up).sum(-1), known_up.float()),
    }
