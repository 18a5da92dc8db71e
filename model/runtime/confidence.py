"""Confidence: the probability that a detection is right, from the detector's score, presence, size and the expected error of the landmarks.

A logistic regression of these (Platt 1999), fitted by model/evaluation/fit_confidence.py on photos that no network was trained on.
"""

import math
import operator
from collections.abc import Mapping

from ..constants import CONSTANTS
from .result import Detection

_RULE = CONSTANTS["landmarks"]["confidence"]
MIN_CONFIDENCE: dict[str, float] = _RULE["minimum"]  # of the release, by kind
_CAUTION = 1 - 1e-5  # a bound is taken a little lower, so that rounding rejects nothing; what passes is judged by its confidence all the same
EARLY_EXIT: float = _RULE["early_exit"]  # where no landmarks would lift a photo's detection to it, the network stops behind its encoder
UNCERTAIN_FROM: float = _RULE["uncertain_from"]  # a detection with less is never shown, not even as uncertain


def logit(probability: float) -> float:
    """The logarithm of the odds; probabilities of 0 and 1 are moved a little inward, because theirs would be infinite."""
    p = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def sigmoid(log_odds: float) -> float:
    """The probability of which this is the logarithm of the odds."""
    return 1 / (1 + math.exp(-max(log_odds, -700.0)))  # beyond that math.exp overflows


def evidence(detection: Detection, presence: float, uncertainty: float, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """The four inputs of the regression, for a photo of `shape` (H, W, ...): the logits of the detector's score and of the presence; the logarithm
    of the box's larger side as a fraction of the photo's, because the detector scores small objects lower; the logarithm of `uncertainty`
    (Hand.uncertainty): a skeleton laid across an arm has a large expected error.

    Presence above a cap and uncertainty outside a range carry no information, so they are clamped. This also makes the prefilter tighter."""
    share = max(*detection.box[2:], 1.0) / max(shape[:2])
    low, high = _RULE["uncertainty_range"][detection.kind]
    presence = min(presence, _RULE["presence_cap"][detection.kind])
    return logit(detection.score), logit(presence), math.log(share), math.log(min(max(uncertainty, low), high))


def confidence(detection: Detection, presence: float, uncertainty: float, shape: tuple[int, ...]) -> float:
    """Probability, 0..1, that the detection is right, given the landmark network's presence and uncertainty, in a photo of `shape` (H, W, ...)."""
    return sigmoid(_log_odds(detection, presence, uncertainty, shape))


def _log_odds(detection: Detection, presence: float, uncertainty: float, shape: tuple[int, ...]) -> float:
    weights = (_RULE[name][detection.kind] for name in ("detection", "presence", "size", "uncertainty"))
    return sum(map(operator.mul, evidence(detection, presence, uncertainty, shape), weights)) + _RULE["offset"][detection.kind]


def least_presence(detection: Detection, shape: tuple[int, ...], min_confidence: Mapping[str, float] = MIN_CONFIDENCE) -> float:
    """The presence below which no landmarks would lift the detection to the minimum confidence: 0 where any presence would do, infinite where
    none would."""
    weight, least = _RULE["presence"][detection.kind], min_confidence[detection.kind]
    if confidence(detection, 0.0, 0.0, shape) >= least:
        return 0.0
    if not passes_prefilter(detection, shape, min_confidence):
        return math.inf
    missing = math.log(least / (1 - least)) - _log_odds(detection, 0.5, 0.0, shape)
    return _CAUTION * sigmoid(missing / weight)


def passes_prefilter(detection: Detection, shape: tuple[int, ...], min_confidence: Mapping[str, float] = MIN_CONFIDENCE) -> bool:
    """Whether the best possible presence and landmarks would lift the detection to the minimum confidence; if not, the landmark network need not run."""
    return confidence(detection, 1.0, 0.0, shape) >= min_confidence[detection.kind]
