"""The confidence of a detection: python -m model.evaluation.fit_confidence --data FOLDER [--weights FILE]

Fits a logistic regression (Platt scaling) on what the detector and the landmark network say of a hand or a face, and the minimum
confidence that is given out. Both are fitted on natural photos kept back from all training (`tune`), whose hands are completed by those of
unlabelled_hands.json, and on photos kept back that show neither. Prints both as they go into constants.json, what they reach there, and how
well the confidence is calibrated, by size. Validation photos are never used.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..commands import data_options
from ..constants import CONSTANTS, KINDS
from ..data import detection_sets
from ..runtime.boxes import iou, match
from ..runtime.confidence import evidence
from ..runtime.duplicates import same_object
from ..runtime.landmarker import Landmarker
from . import reliability
from .unlabelled_hands import with_unlabelled

FACTORS = ("detection", "presence", "size", "uncertainty")  # of the evidence, in its order
# Lowest and highest factors, by kind: a better score or presence never makes a detection less likely to be right, nor more expected error more likely.
# Only eight hands on the photos kept back have an expected error above 0.15 of their size, so what one such means cannot be fitted: without this
# bound the factor is -0.9, which would call a skeleton across an arm sure. With it the likelihood and the order of the detections stay the same.
BOUNDS: dict[str, tuple[tuple[float, float], ...]] = {
    "hand": ((0, np.inf), (0, np.inf), (-np.inf, np.inf), (-np.inf, -1.4)),
    "face": ((0, np.inf), (0, np.inf), (-np.inf, np.inf), (-np.inf, 0)),
}
# Detections to be expected per photo without hands and faces: three and two of 138 photos, which let two and one pass.
MOST_FALSE = {"hand": 0.022, "face": 0.0145}
LEAST_PRECISION = {"hand": 0.975, "face": 0.95}  # on natural photos
RIGHT = 0.4  # IoU with a label from which a detection is right
EXCUSED = 0.3  # IoU with a doubtful label from which it is neither
SIZES = (0.0, 0.08, 0.16, 0.32, np.inf)  # of the photo's larger side, in the table of calibration


@dataclass
class Detections:
    """Of one kind, over all photos: evidence (N, 4) as in landmarker.py; right (N,) whether it matches a label; empty (N,) whether the photo
    shows neither hand nor face; share (N,) its size in the photo. truths: labelled objects."""

    evidence: np.ndarray
    right: np.ndarray
    empty: np.ndarray
    share: np.ndarray
    truths: int


def photos(data: Path, cache: Path) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, bool]]:
    """(which kinds are labelled (2,), rgb, objects (M, 8), whether it shows neither) of the photos kept back from all training."""
    for p in detection_sets.read_all(data, cache):
        p = with_unlabelled(p) if p.name == "wild" else p
        for i in np.flatnonzero(p.split == "tune"):
            yield p.known[i], np.ascontiguousarray(p.images[i, : p.sizes[i, 1], : p.sizes[i, 0]]), p.objects[i], bool(p.negative[i])


def detections(landmarker: Landmarker, chosen: list) -> list[Detections]:
    """By kind. A class that a photo does not label does not count there."""
    rows: list[list[tuple]] = [[], []]
    truths = [0, 0]
    for known, rgb, objects, empty in tqdm(chosen, desc="photos kept back", mininterval=5):
        seen, instances = landmarker.instances(rgb)
        for kind, name in enumerate(KINDS):
            if not known[kind]:
                continue
            labels = objects[objects[:, 0] == kind]
            wanted, unsure = labels[labels[:, 7] == 0, 1:5], labels[labels[:, 7] > 0, 1:5]
            truths[kind] += len(wanted)
            own: list[int] = []  # each object once, as in the pipeline: most confident first
            for k in sorted((k for k, s in enumerate(seen) if s.kind == name), key=lambda k: -seen[k].score * instances[k].score):
                if not any(same_object(instances[k], instances[other]) for other in own):
                    own.append(k)
            if not own:
                continue
            boxes, scores = np.array([instances[k].box for k in own]), np.array([seen[k].score for k in own])
            pairs = match(boxes, scores, wanted, RIGHT)
            excused = (iou(boxes, unsure).max(1, initial=0) > EXCUSED) & (pairs < 0)
            for k, pair, no in zip(own, pairs, excused):
                if not no:
                    rows[kind].append(
                        (
                            *evidence(seen[k], instances[k].score, instances[k].uncertainty, rgb.shape),
                            pair >= 0,
                            empty,
                            max(seen[k].box[2:]) / max(rgb.shape[:2]),
                        )
                    )
    tables = [np.array(r, float).reshape(-1, len(FACTORS) + 3) for r in rows]
    n = len(FACTORS)
    return [Detections(t[:, :n], t[:, n] > 0, t[:, n + 1] > 0, t[:, n + 2], count) for t, count in zip(tables, truths)]


def fit(evidence: np.ndarray, right: np.ndarray, bounds: tuple[tuple[float, float], ...]) -> np.ndarray:
    """(N, F) -> (F + 1,): factors of the evidence and the offset, by Newton's method on the likelihood with a little ridge.

    bounds: lowest and highest value of each factor. One beyond its bounds is held at the nearer one, and the others are fitted anew."""
    w = _newton(evidence, right, np.zeros(len(right)))
    held = np.clip(w[:-1], *np.array(bounds, float).T)
    free = held == w[:-1]
    if not free.all():
        w[:-1] = held
        w[np.append(free, True)] = _newton(evidence[:, free], right, evidence[:, ~free] @ held[~free])
    return w


def predicted(evidence: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """(N, F) and the (F + 1,) of `fit` -> (N,) confidence, 0..1."""
    return 1 / (1 + np.exp(-(evidence @ factors[:-1] + factors[-1])))


def _newton(evidence: np.ndarray, right: np.ndarray, given: np.ndarray) -> np.ndarray:
    """given (N,): log-odds that are added to those of the factors. The offset starts where it balances them, or the first step would go too far."""
    x = np.concatenate([evidence, np.ones((len(evidence), 1))], 1)
    w = np.zeros(x.shape[1])
    w[-1] = -given.mean()
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x @ w + given)))
        w += np.linalg.solve((x.T * (p * (1 - p))) @ x + 1e-3 * np.eye(len(w)), x.T @ (right - p) - 1e-3 * w)
    return w


def least(confidence: np.ndarray, found: Detections, empty_photos: int, least_precision: float, most_false: float) -> tuple[float, dict]:
    """The lowest confidence that keeps both promises, and what it reaches.

    A level right above the k-th most confident false positive on n photos lets k - 1 of them pass; of new photos, k in n + 1 are to be expected
    (order statistics: a new one is as likely to come at any place among the n). That is what must not be more than `most_false`."""
    levels = sorted({0.0, *np.floor(confidence * 1000) / 1000})
    for below, level in zip(levels, levels[1:]):
        kept = confidence >= level
        right, false = int((found.right & kept).sum()), float((found.empty & kept).sum() + 1) / (empty_photos + 1)
        precision = right / max(int(kept.sum()), 1)
        if precision >= least_precision and false <= most_false:  # any level above the next weaker one keeps the same ones
            return float(below + 0.001), {
                "recall": right / max(found.truths, 1),
                "precision": precision,
                "false positives to be expected per empty photo": false,
            }
    return 1.0, {}


def main() -> None:
    """Runs the command: fits the confidence and prints it as it goes into constants.json."""
    options = data_options.parser("model.evaluation.fit_confidence", __doc__, threads=2)
    o = options.parse_args()
    chosen = list(photos(o.data, o.cache))
    if not any(empty for *_, empty in chosen) or all(empty for *_, empty in chosen):
        options.error(f"{o.data} needs natural photos with labels and photos without hands and faces (the sets wild and face_scenes)")
    rules: dict = {name: {} for name in (*FACTORS, "offset", "minimum")}
    for kind, found in zip(KINDS, detections(Landmarker(o.weights, o.threads), chosen)):
        w = fit(found.evidence, found.right, BOUNDS[kind])
        confidence = predicted(found.evidence, w)
        level, reached = least(confidence, found, sum(empty for *_, empty in chosen), LEAST_PRECISION[kind], MOST_FALSE[kind])
        for name, value in zip(rules, (*w, level)):
            rules[name][kind] = round(float(value), 3)
        print(kind, {k: round(v, 3) for k, v in reached.items()} or "no threshold keeps both promises", f"{found.truths} labelled")
        released = np.array([CONSTANTS["landmarks"]["confidence"][name][kind] for name in (*FACTORS, "offset")])
        for name, factors, minimum in (("this", w, level), ("the released", released, CONSTANTS["landmarks"]["confidence"]["minimum"][kind])):
            accepted = predicted(found.evidence, factors) >= minimum
            right, false = (accepted & found.right).sum(), (accepted & ~found.right).sum()
            print(f"  above {name} minimum: {right} right of {found.truths}, {false} false")
        for low, high in zip(SIZES, SIZES[1:]):
            own = (found.share >= low) & (found.share < high)
            if own.any():
                error = reliability.expected_calibration_error(confidence[own], found.right[own])
                print(
                    f"  size {low:.2f}-{high:.2f}: {own.sum()} detections, "
                    f"mean confidence {confidence[own].mean():.3f}, right {found.right[own].mean():.3f}, calibration error {error:.3f}"
                )
    print(json.dumps({"confidence": CONSTANTS["landmarks"]["confidence"] | rules}, indent=2))


if __name__ == "__main__":
    main()
