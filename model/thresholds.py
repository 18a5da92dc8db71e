"""From which score on something counts as found: python -m model.thresholds --data FOLDER [--weights FILE] [--photos N]

Tries detector scores (for the whole photo and for closer looks) and presence on TRAINING photos, and prints for each kind the
values that find most while few are wrong, as they go into constants.json. Validation photos are never looked at.
"""

import argparse
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model import metrics, scenes
from model.constants import CONSTANTS, KINDS
from model.landmarker import Landmarker

SCORES = (0.2, 0.25, 0.3, 0.35, 0.42, 0.5)
CLOSER = (0.25, 0.35, 0.45, 0.55, 0.65)
PRESENCE = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
LEAST_PRECISION = 0.94   # of one kind on photos that show it
MOST_FALSE = 0.02        # finds of one kind per photo without hands and faces


@dataclass
class Try:
    """What one pair of detector scores finds: for each kind the presence of every object, and whether it is right;
    `alarms`, the presence of finds on photos without either."""

    found: list[list[tuple[float, bool]]]
    alarms: list[list[float]]


class Remembering:
    """A session that computes every picture once; thresholds change what is asked for, never the answers."""

    def __init__(self, session):
        self._session, self._answers = session, {}

    def run(self, pictures: np.ndarray, *outputs: str) -> dict[str, np.ndarray]:
        keys = [(outputs, picture.tobytes().__hash__()) for picture in pictures]
        new = [n for n, key in enumerate(keys) if key not in self._answers]
        if new:
            computed = self._session.run(pictures[new], *outputs)
            for k, n in enumerate(new):
                self._answers[keys[n]] = {name: computed[name][k] for name in outputs}
        return {name: np.stack([self._answers[key][name] for key in keys]) for name in outputs}


def photos(data: Path, cache: Path, most: int) -> list[tuple[int, np.ndarray, np.ndarray, bool]]:
    """Training photos as (labelled kind, rgb, objects (M, 8), whether it shows neither)."""
    chosen = []
    for kind, name in enumerate(("hand_scenes", "face_scenes")):
        p = scenes.read(data / name, cache, kind)
        for empty in (False, True):
            rows = np.flatnonzero((p.split == "train") & (p.negative == empty))
            odds = p.odds[rows] / p.odds[rows].sum() if len(rows) else None
            for i in np.random.default_rng(0).choice(rows, min(most, len(rows)), replace=False, p=odds) if len(rows) else ():
                chosen.append((kind, np.ascontiguousarray(p.images[i, : p.sizes[i, 1], : p.sizes[i, 0]]), p.objects[i], empty))
    return chosen


def attempt(landmarker: Landmarker, chosen: list) -> Try:
    result = Try([[], []], [[], []])
    for labelled, rgb, objects, empty in chosen:
        seen = landmarker.detect(rgb)
        for kind, things in enumerate((seen.hands, seen.faces)):
            if empty:
                result.alarms[kind] += [t.score for t in things]
            elif kind == labelled:
                boxes, scores = np.array([t.box for t in things]).reshape(-1, 4), np.array([t.score for t in things])
                wanted, unsure = objects[objects[:, 7] == 0, 1:5], objects[objects[:, 7] > 0, 1:5]
                pairs = metrics.match(boxes, scores, wanted, 0.5)
                excused = (metrics.iou(boxes, unsure).max(1, initial=0) > 0.3) & (pairs < 0)
                result.found[kind] += [(float(s), bool(p >= 0)) for s, p, e in zip(scores, pairs, excused) if not e]
    return result


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m model.thresholds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options.add_argument("--weights", type=Path, help="default: the file that comes with the project")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--photos", type=int, default=250, help="with a kind, and as many without either")
    o = options.parse_args()
    landmarker = Landmarker(o.weights, o.threads)
    landmarker._session = Remembering(landmarker._session)
    chosen = photos(o.data, o.cache, o.photos)
    empty = sum(negative for *_, negative in chosen)
    truths = [sum(int((objects[:, 7] == 0).sum()) for labelled, _, objects, negative in chosen if labelled == kind and not negative) for kind in (0, 1)]
    rule, presence = CONSTANTS["detector"], CONSTANTS["landmarks"]["presence"]
    best = {kind: (-1.0,) for kind in KINDS}
    for kind in KINDS:
        presence[kind] = min(PRESENCE)
    for score, closer in tqdm([(s, c) for s, c in itertools.product(SCORES, CLOSER) if c >= s]):
        for kind in KINDS:
            rule["score"][kind], rule["closer_score"][kind] = score, closer
        tried = attempt(landmarker, chosen)
        for k, kind in enumerate(KINDS):
            for least in PRESENCE:
                kept = [right for s, right in tried.found[k] if s >= least]
                false = sum(s >= least for s in tried.alarms[k]) / max(empty, 1)
                recall, precision = sum(kept) / max(truths[k], 1), sum(kept) / max(len(kept), 1)
                if precision >= LEAST_PRECISION and false <= MOST_FALSE and recall >= best[kind][0]:
                    best[kind] = (recall, precision, false, score, closer, least)
    for kind in KINDS:
        recall, *rest = best[kind]
        names = ("recall", "precision", "false finds per empty photo", "score", "closer_score", "presence")
        print(kind, json.dumps(dict(zip(names, (recall, *rest)))) if recall >= 0 else "nothing reaches the wanted precision")


if __name__ == "__main__":
    main()
