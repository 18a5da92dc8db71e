"""The measures of the field, each a few lines. Points are pixels; a row is one object."""

from collections.abc import Sequence

import numpy as np

from ..runtime.result import Hand, Instance

OUTER_EYES = (36, 45)  # iBUG 68
INNER_51 = slice(17, 68)


def extent(points: np.ndarray) -> np.ndarray:
    """(N, K, 2) -> (N,): the larger side of the box around the points."""
    return np.ptp(points, axis=1).max(axis=1)


def outer_eye_distance(ibug: np.ndarray) -> np.ndarray:
    """(N, 68, 2) -> (N,)."""
    return np.linalg.norm(ibug[:, OUTER_EYES[0]] - ibug[:, OUTER_EYES[1]], axis=1)


def point_errors(predicted: np.ndarray, truth: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(N, K, 2) twice, (N,) -> (N, K): Euclidean errors as a fraction of each row's scale."""
    return np.linalg.norm(predicted - truth, axis=2) / scale[:, None]


def measured_points(instance: Instance) -> np.ndarray:
    """The points of a prediction that errors are measured at: a hand's 21 (21, 2), a face's 68 (68, 2)."""
    return instance.landmarks[:, :2] if isinstance(instance, Hand) else instance.ibug68


def instance_errors(instance: Instance, truth: np.ndarray) -> np.ndarray:
    """(K,): errors of `measured_points` as a fraction of a hand's extent, of a face's distance between the outer corners of its eyes."""
    scale = extent(truth[None]) if isinstance(instance, Hand) else outer_eye_distance(truth[None])
    return point_errors(measured_points(instance)[None], truth[None], scale)[0]


def nme(errors: np.ndarray | Sequence[np.ndarray]) -> float:
    """Normalised mean error: the mean of `point_errors`."""
    errors = np.asarray(errors)
    return float(errors.mean()) if errors.size else float("nan")


def pck(errors: np.ndarray | Sequence[np.ndarray], threshold: float) -> float:
    """Percentage of correct keypoints (as a fraction, 0..1): errors within the threshold (Yang and Ramanan 2013)."""
    errors = np.asarray(errors)
    return float((errors <= threshold).mean()) if errors.size else float("nan")


def pa_mpjpe(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N, K, 3) twice -> (N,): mean joint error after the best similarity transform (Procrustes, Umeyama 1991), in truth's unit."""
    result = np.empty(len(truth))
    for i, (p, t) in enumerate(zip(predicted.astype(np.float64), truth.astype(np.float64))):
        pc, tc = p - p.mean(0), t - t.mean(0)
        u, s, vt = np.linalg.svd(pc.T @ tc)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        rotation = (u * sign) @ vt
        scale = (s * sign).sum() / max((pc**2).sum(), 1e-12)
        result[i] = np.linalg.norm(scale * pc @ rotation - tc, axis=1).mean()
    return result


def nearest(found: Sequence[np.ndarray], truth: np.ndarray) -> int | None:
    """Index of the points (K, 2) with the centre nearest to that of `truth` (K, 2), if it is nearer than half the truth's extent."""
    distances = [np.linalg.norm(points.mean(0) - truth.mean(0)) for points in found]
    if not distances or min(distances) >= extent(truth[None])[0] / 2:
        return None
    return int(np.argmin(distances))
