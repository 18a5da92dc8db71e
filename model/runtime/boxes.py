"""Boxes: overlap, IoU and greedy matching. A box is x, y, w, h in pixels; several are an array (N, 4)."""

import numpy as np


def as_boxes(boxes) -> np.ndarray:
    """Any sequence of boxes, also an empty one -> (N, 4) float64."""
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def shared_areas(a, b) -> np.ndarray:
    """Boxes (N, 4) and (M, 4) -> (N, M): the areas that they have in common."""
    a, b = as_boxes(a), as_boxes(b)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    sides = np.maximum(high - low, 0)
    return sides[..., 0] * sides[..., 1]  # many times faster than a product along an axis of two


def areas(boxes) -> np.ndarray:
    """Boxes (N, 4) -> (N,)."""
    return as_boxes(boxes)[:, 2:].prod(1)


def iou(a, b) -> np.ndarray:
    """Boxes (N, 4) and (M, 4) -> (N, M): intersection over union."""
    shared = shared_areas(a, b)
    return shared / np.maximum(areas(a)[:, None] + areas(b)[None] - shared, 1e-9)


def match(predicted, scores, truth, threshold: float) -> np.ndarray:
    """Predicted boxes (N, 4) with scores (N,), true boxes (M, 4) -> (N,): the index of each predicted box's true box, -1 for a false positive.

    Greedy by score; each true box is used once, at an IoU of at least `threshold` (Everingham et al. 2010)."""
    predicted = as_boxes(predicted)
    pairs = np.full(len(predicted), -1)
    free = iou(predicted, truth)
    for index in np.argsort(-np.asarray(scores)):
        if free.shape[1] and free[index].max() >= threshold:
            pairs[index] = free[index].argmax()
            free[:, pairs[index]] = -1
    return pairs


def repeats(a, b, max_iou: float, max_contained: float) -> np.ndarray:
    """Boxes (N, 4) and (M, 4) -> (N, M) bool: whether two overlap as those of one object do, or one lies in the other."""
    shared, a_areas, b_areas = shared_areas(a, b), areas(a)[:, None], areas(b)[None]
    return (shared > max_iou * (a_areas + b_areas - shared)) | (shared > max_contained * np.minimum(a_areas, b_areas))
