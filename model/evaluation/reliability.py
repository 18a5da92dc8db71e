"""Whether a network's scores mean what they say: reliability tables, expected calibration error, and the smallest corrections that would help."""

from dataclasses import dataclass

import numpy as np

BINS = 10
SIGMA_EDGES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, np.inf)  # fractions of the crop's side
# Sigma is trained with -log p(r) = r / sigma + log sigma for the radial error r >= 0: an exponential distribution with mean sigma.
EXPECTED_WITHIN = {1: 1 - np.exp(-1.0), 2: 1 - np.exp(-2.0)}


def logit(p: np.ndarray) -> np.ndarray:
    """The logarithm of the odds, element by element; 0 and 1 are moved a little inward."""
    p = np.clip(np.asarray(p, np.float64), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The probability of a logit, element by element."""
    return 1 / (1 + np.exp(-x))


@dataclass(frozen=True)
class Correction:
    """score -> sigmoid(slope * logit(score) + offset). slope 1 / temperature (Guo et al. 2017); with an offset: Platt 1999."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Scores (N,) -> corrected scores (N,)."""
        return sigmoid(self.slope * logit(scores) + self.offset)


def fit_correction(scores: np.ndarray, right: np.ndarray, with_offset: bool = True, steps: int = 50) -> Correction:
    """The maximum-likelihood correction of scores (N,) to outcomes (N,) bool, by Newton's method. A weak prior (as if one observation spoke
    for "leave it") keeps it finite when every outcome is the same; none at all when there are no scores."""
    x = np.stack([logit(scores), np.ones(len(scores))], 1)[:, : 1 + with_offset]
    leave = np.array([1.0, 0.0])[: 1 + with_offset]
    w = leave.copy()
    for _ in range(steps):
        p = sigmoid(x @ w)
        slope = x.T @ (p - right) + (w - leave)
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.eye(len(w))
        step = np.linalg.solve(curve, slope)
        w = w - step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
    return Correction(*map(float, w))


def calibration_table(scores: np.ndarray, right: np.ndarray) -> list[dict]:
    """By tenths of the score: how many, what they claim on average, and the share that was right."""
    bins = np.minimum((np.asarray(scores) * BINS).astype(int), BINS - 1)
    return [
        {"from": b / BINS, "count": int((bins == b).sum()), "claimed": float(scores[bins == b].mean()), "right": float(right[bins == b].mean())}
        for b in range(BINS)
        if (bins == b).any()
    ]


def expected_calibration_error(scores: np.ndarray, right: np.ndarray) -> float:
    """Mean over the scores of |claimed - right| of their tenth (Naeini et al. 2015)."""
    table = calibration_table(scores, right)
    return sum(row["count"] * abs(row["claimed"] - row["right"]) for row in table) / max(len(scores), 1)


def fit_sigma(errors: np.ndarray, sigma: np.ndarray) -> float:
    """The factor for sigma (N,) that makes the errors (N,), in the same unit, most likely."""
    return float((errors / sigma).mean())


def sigma_table(errors: np.ndarray, sigma: np.ndarray) -> list[dict]:
    """By sigma: how many points, mean sigma, mean error, and the shares within sigma and 2 sigma (63 % and 86 % would be right).
    Both as fractions of the crop's side. The last row is all points."""
    edges = [(low, high) for low, high in zip(SIGMA_EDGES, SIGMA_EDGES[1:])] + [(0.0, np.inf)]
    table = []
    for low, high in edges:
        own = (sigma >= low) & (sigma < high)
        if own.any():
            e, s = errors[own], sigma[own]
            table.append(
                {"from": low, "to": high, "count": int(own.sum()), "sigma": float(s.mean()), "error": float(e.mean())}
                | {f"within_{k}_sigma": float((e <= k * s).mean()) for k in EXPECTED_WITHIN}
            )
    return table


def sigma_error(errors: np.ndarray, sigma: np.ndarray) -> float:
    """Expected calibration error of sigma: mean over the points of |mean sigma - mean error| of their bin / mean error of all."""
    table = sigma_table(errors, sigma)[:-1]
    return sum(row["count"] * abs(row["sigma"] - row["error"]) for row in table) / max(errors.sum(), 1e-12)
