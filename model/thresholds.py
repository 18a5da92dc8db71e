"""How sure is sure: python -m model.thresholds --data FOLDER [--weights FILE] [--photos N]

Fits the confidence of a find, a logistic regression (Platt scaling) on what the detector and the landmark network say of it, and
the least confidence that counts. False finds are counted on empty photos kept back from all training; the others are training photos whose
finds presence did not learn from, though the detector knows them, and some of their hands and faces may be among the crops with points.
Prints both as they go into constants.json, and what they reach there. Validation photos are never looked at.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model import metrics, scenes
from model.constants import CONSTANTS, KINDS
from model.landmarker import Landmarker, evidence

MOST_FALSE = 0.025  # finds to be expected per photo without hands and faces: of each kind one in forty photos
LEAST_PRECISION = {"hand": 0.98, "face": 0.95}  # on the photos that show the kind and those that show nothing


@dataclass
class Finds:
    """Of one kind, over all photos: evidence (N, 3) as in landmarker.py; right (N,) whether it matches a label;
    empty (N,) whether the photo shows neither hand nor face. truths: labelled objects."""

    evidence: np.ndarray
    right: np.ndarray
    empty: np.ndarray
    truths: int


def photos(data: Path, cache: Path, most: int) -> list[tuple[int, np.ndarray, np.ndarray, bool]]:
    """(labelled kind, rgb, objects (M, 8), whether it shows neither) of the training photos set aside and the
    empty ones kept back."""
    chosen = []
    for kind, name in enumerate(("hand_scenes", "face_scenes")):
        p = scenes.read(data / name, cache, kind)
        for empty in (False, True):
            rows = np.flatnonzero(p.split == "tune" if empty else p.aside)
            odds = p.odds[rows] / p.odds[rows].sum() if len(rows) else None
            for i in np.random.default_rng(0).choice(rows, min(most, len(rows)), replace=False, p=odds) if len(rows) else ():
                chosen.append((kind, np.ascontiguousarray(p.images[i, : p.sizes[i, 1], : p.sizes[i, 0]]), p.objects[i], empty))
    return chosen


def finds(landmarker: Landmarker, chosen: list) -> list[Finds]:
    """By kind. A class that a photo does not label does not count there."""
    rows: list[list[tuple]] = [[], []]
    truths = [0, 0]
    for labelled, rgb, objects, empty in tqdm(chosen, desc="training photos", mininterval=5):
        seen, things = landmarker.candidates(rgb)
        wanted, unsure = objects[objects[:, 7] == 0, 1:5], objects[objects[:, 7] > 0, 1:5]
        truths[labelled] += len(wanted)
        for kind, name in enumerate(KINDS):
            own = [k for k, s in enumerate(seen) if s.kind == name]
            if not own or not (empty or kind == labelled):
                continue
            boxes, scores = np.array([things[k].box for k in own]), np.array([seen[k].score for k in own])
            pairs = metrics.match(boxes, scores, wanted, 0.5)
            excused = (metrics.iou(boxes, unsure).max(1, initial=0) > 0.3) & (pairs < 0)
            rows[kind] += [(*evidence(seen[k], things[k].score, rgb.shape), pair >= 0, empty) for k, pair, no in zip(own, pairs, excused) if not no]
    tables = [np.array(r, float).reshape(-1, 5) for r in rows]
    return [Finds(t[:, :3], t[:, 3] > 0, t[:, 4] > 0, n) for t, n in zip(tables, truths)]


def fit(evidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(4,): factors of the evidence and the offset, by Newton's method on the likelihood with a little ridge."""
    x = np.concatenate([evidence, np.ones((len(evidence), 1))], 1)
    w = np.zeros(4)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        w += np.linalg.solve((x.T * (p * (1 - p))) @ x + 1e-3 * np.eye(4), x.T @ (right - p) - 1e-3 * w)
    return w


def least(confidence: np.ndarray, found: Finds, empty_photos: int, least_precision: float, most_false: float) -> tuple[float, dict]:
    """The lowest confidence that keeps both promises, and what it reaches.

    A level right above the k-th surest false find on n photos lets k - 1 of them pass; of new photos, k in n + 1 are to be expected
    (order statistics: a new one is as likely to come at any place among the n). That is what must not be more than `most_false`."""
    levels = sorted({0.0, *np.floor(confidence * 1000) / 1000})
    for below, level in zip(levels, levels[1:]):
        kept = confidence >= level
        right, false = int((found.right & kept).sum()), float((found.empty & kept).sum() + 1) / (empty_photos + 1)
        precision = right / max(int(kept.sum()), 1)
        if precision >= least_precision and false <= most_false:  # whatever lies above the next weaker find keeps the same ones
            return float(below + 0.001), {"recall": right / max(found.truths, 1), "precision": precision, "false finds to be expected per empty photo": false}
    return 1.0, {}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m model.thresholds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options.add_argument("--weights", type=Path, help="default: the file that comes with the project")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--photos", type=int, default=800, help="at most, with a kind")
    o = options.parse_args()
    chosen = photos(o.data, o.cache, o.photos)
    rules: dict = {"detection": {}, "presence": {}, "size": {}, "offset": {}, "least": {}}
    for kind, found in zip(KINDS, finds(Landmarker(o.weights, o.threads), chosen)):
        w = fit(found.evidence, found.right)
        confidence = 1 / (1 + np.exp(-(found.evidence @ w[:3] + w[3])))
        level, reached = least(confidence, found, sum(empty for *_, empty in chosen), LEAST_PRECISION[kind], MOST_FALSE)
        for name, value in zip(rules, (*w, level)):
            rules[name][kind] = round(float(value), 3)
        print(kind, {k: round(v, 3) for k, v in reached.items()} or "no threshold keeps both promises", f"{found.truths} labelled")
    print(json.dumps({"confidence": CONSTANTS["landmarks"]["confidence"] | rules}, indent=2))


if __name__ == "__main__":
    main()
