"""Honest scores: python -m model.evaluation.calibration --data FOLDER [--weights FILE] [--most N] [--json FILE] [--gallery FILE.webp]

Measures the whole pipeline (the ONNX file through the Landmarker, as every page does) on the validation splits:
- sigma: of the points that claim an error, how large it is and how many are within sigma and 2 sigma;
- presence and detection score of the detector's candidates, handedness: expected calibration error;
- a correction for each, fitted on training rows only, and the same figures after it;
- NME and found share by skin tone, light, size, yaw and occlusion;
- with --gallery, the worst rendered failures on one sheet.
Corrections are reported, not applied: what the network was trained on it knows better than what it will meet.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..commands import data_options
from ..data import detection_sets
from ..data.landmark_sets import read_all
from ..data.samples import Samples
from ..runtime.boxes import iou
from ..runtime.geometry import roi_from_box
from ..runtime.landmarker import Landmarker
from ..runtime.result import Hand, Instance
from . import failure_gallery, metrics, reliability, subgroups

IOU = {"presence": 0.3, "detection": 0.5}  # a candidate is right if it overlaps a true box by that much
TRUSTED = 0.5  # of the set's median weight: points with labels that count for less say nothing about sigma
WORST = 8  # of each rendered set, in the gallery


def rows_of(split: np.ndarray, name: str, most: int) -> np.ndarray:
    """At most `most` rows of the split, evenly spread."""
    rows = np.flatnonzero(split == name)
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)] if len(rows) else rows


@dataclass
class Seen:
    """What the pipeline made of some rows of one set: found (N,), None = missed; nme (N,)."""

    samples: Samples
    rows: np.ndarray
    found: list[Instance | None] = field(default_factory=list)
    nme: list[float | None] = field(default_factory=list)

    def sigmas(self) -> tuple[np.ndarray, np.ndarray]:
        """Errors and sigmas of the trusted points, as fractions of their crop's side."""
        errors, sigma = [np.zeros(0)], [np.zeros(0)]
        least = TRUSTED * np.median(self.samples.weights)
        for i, instance in self._found():
            if self.samples.kind == "face" and "bg" in self.samples.notes:
                continue  # the rendered faces' mesh is only about right
            own = self.samples.weights[i] >= least
            errors.append(np.linalg.norm(instance.landmarks[own, :2] - self.samples.points[i][own], axis=1) / instance.roi.side)
            sigma.append(instance.sigma[own] / instance.roi.side)
        return np.concatenate(errors), np.concatenate(sigma)

    def handedness(self) -> tuple[np.ndarray, np.ndarray]:
        """Score of the named side and whether it was the right one."""
        truth = self.samples.right
        known = [(truth[i], hand) for i, hand in self._found() if isinstance(hand, Hand) and truth is not None and truth[i] >= 0]
        right = [(hand.handedness == "right") == bool(is_right) for is_right, hand in known]
        return np.array([hand.handedness_score for _, hand in known]), np.array(right, bool)

    def _found(self) -> Iterator[tuple[int, Instance]]:
        return ((i, instance) for i, instance in zip(self.rows, self.found) if instance is not None)


def see(landmarker: Landmarker, s: Samples, rows: np.ndarray) -> Seen:
    """What the pipeline detects in these rows, nearest to the truth of each."""
    seen = Seen(s, rows)
    for i in tqdm(rows, desc=s.name, mininterval=5):
        result = landmarker.detect(np.ascontiguousarray(s.images[i]))
        own = result.hands if s.kind == "hand" else result.faces
        best = metrics.nearest([o.landmarks[:, :2] for o in own], s.points[i])
        instance = None if best is None else own[best]
        seen.found.append(instance)
        seen.nme.append(None if instance is None else float(metrics.instance_errors(instance, s.measured[i]).mean()))
    return seen


def candidates(landmarker: Landmarker, p: detection_sets.Scenes, rows: np.ndarray) -> list[dict]:
    """Everything the detector reports in whole photos, before abstention: kind, detection score, presence, IoU with the nearest true box.
    Kinds that a photo does not label, and what overlaps a box marked unsure, are left out."""
    found = []
    for i in tqdm(rows, desc=f"{p.name}, candidates", mininterval=5):
        rgb = np.ascontiguousarray(p.images[i, : p.sizes[i, 1], : p.sizes[i, 0]])
        seen = [d for d in landmarker.detector.detect(rgb) if p.known[i, ("hand", "face").index(d.kind)]]
        predicted = landmarker.predict(rgb, [(d.kind, roi_from_box(d.kind, d.box, d.up)) for d in seen])
        for d, instance in zip(seen, predicted):
            objects = p.objects[i][p.objects[i][:, 0] == ("hand", "face").index(d.kind)]
            overlap = iou(np.array([d.box]), objects[:, 1:5])[0]
            if not (overlap[objects[:, 7] > 0] > 0.3).any():
                best = float(overlap[objects[:, 7] == 0].max(initial=0))
                found.append({"kind": d.kind, "detection": d.score, "presence": instance.score, "iou": best})
    return found


def scores_of(found: list[dict], kind: str, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores (N,) of the candidates of a kind, and whether each is right (N,) bool."""
    own = [c for c in found if c["kind"] == kind]
    return np.array([c[what] for c in own]), np.array([c["iou"] >= IOU[what] for c in own], bool)


def score_report(train: tuple[np.ndarray, np.ndarray], val: tuple[np.ndarray, np.ndarray], with_offset: bool = True) -> dict:
    """Before and after the correction that the training rows ask for, both on validation rows."""
    correction = reliability.fit_correction(*train, with_offset)
    scores, right = val
    if not len(scores):
        return {"count": 0}
    after = correction(scores)
    return {
        "count": len(scores),
        "right": float(right.mean()),
        "slope": correction.slope,
        "offset": correction.offset,
        "ece_before": reliability.expected_calibration_error(scores, right),
        "ece_after": reliability.expected_calibration_error(after, right),
        "table": reliability.calibration_table(scores, right),
    }


def sigma_report(train: tuple[np.ndarray, np.ndarray], val: tuple[np.ndarray, np.ndarray]) -> dict:
    """Figures of sigma on validation rows, raw and with the factor fitted on training rows; errors and sigmas as pairs (N,), (N,)."""
    if not len(train[0]) or not len(val[0]):
        return {"count": 0}
    scale = reliability.fit_sigma(*train)
    errors, sigma = val
    return {
        "count": len(errors),
        "scale": scale,
        "error_before": reliability.sigma_error(errors, sigma),
        "error_after": reliability.sigma_error(errors, sigma * scale),
        "before": reliability.sigma_table(errors, sigma),
        "after": reliability.sigma_table(errors, sigma * scale)[-1:],
    }


def joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of arrays as one pair."""
    if not parts:
        return np.zeros(0), np.zeros(0, bool)
    scores, right = zip(*parts)
    return np.concatenate(scores), np.concatenate(right)


def worst(seen: Seen) -> list[np.ndarray]:
    """Tiles of the worst rendered pictures that may be shown: missed ones first, at most half of the tiles."""
    s, order = seen.samples, []
    free = [n for n, i in enumerate(seen.rows) if failure_gallery.shippable(s, i)]
    order += [n for n in free if seen.found[n] is None][: WORST // 2]
    order += sorted((n for n in free if seen.found[n] is not None), key=lambda n: -(seen.nme[n] or 0.0))[: WORST - len(order)]
    tiles = []
    for n in order:
        instance, i = seen.found[n], seen.rows[n]
        points = None if instance is None else metrics.measured_points(instance)
        tiles.append(failure_gallery.tile(np.ascontiguousarray(s.images[i]), s.measured[i], points, "missed" if instance is None else f"NME {seen.nme[n]:.2f}"))
    return tiles


def text(report: dict) -> str:
    """The report as Markdown."""
    lines = [
        "| sigma of | points | factor fitted on training rows | off by, before | after | within sigma (63 %) | within 2 sigma (86 %) | sigma after |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, r in report["sigma"].items():
        if r["count"]:
            b, a = r["before"][-1], r["after"][-1]
            lines.append(
                f"| {kind} | {r['count']} | {r['scale']:.2f} | {r['error_before']:.0%} | {r['error_after']:.0%} | "
                f"{b['within_1_sigma']:.0%} → {a['within_1_sigma']:.0%} "
                f"| {b['within_2_sigma']:.0%} → {a['within_2_sigma']:.0%} | {a['sigma']:.4f}, error {a['error']:.4f} |"
            )
    for kind, r in report["sigma"].items():
        lines += ["", f"{kind}: sigma (of the crop's side) | points | mean sigma | mean error | within sigma | within 2 sigma", "---|---|---|---|---|---"]
        lines += [
            f"{b['from']:g}-{b['to']:g} | {b['count']} | {b['sigma']:.4f} | {b['error']:.4f} | {b['within_1_sigma']:.0%} | {b['within_2_sigma']:.0%}"
            for b in r.get("before", ())
        ]
    lines += ["", "| score | count | right | slope | offset | expected calibration error before | after |", "|---|---|---|---|---|---|---|"]
    for name, r in report["scores"].items():
        if r["count"]:
            lines.append(f"| {name} | {r['count']} | {r['right']:.1%} | {r['slope']:.2f} | {r['offset']:+.2f} | {r['ece_before']:.3f} | {r['ece_after']:.3f} |")
    lines += ["", "| set | slice | rows | found | NME |", "|---|---|---|---|---|"]
    for name, table in report["slices"].items():
        lines += [f"| {name} | {row['slice']} | {row['rows']} | {row['found']:.1%} | {row['nme']:.4f} |" for row in table]
    return "\n".join(lines)


def finite(value):
    """For JSON: what is not a number becomes null."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> None:
    """Runs the command: measures, prints, and writes what the options name."""
    options = data_options.parser("model.evaluation.calibration", __doc__, threads=2)
    options.add_argument("--most", type=int, default=500, help="validation rows of each set, and as many training rows to fit on")
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    options.add_argument("--gallery", type=Path, help="write the worst rendered failures to this .webp file")
    o = options.parse_args()
    landmarker = Landmarker(o.weights, o.threads)

    seen: dict[str, list[Seen]] = {split: [] for split in ("train", "val")}
    for s in read_all(o.data, o.cache):
        for split in seen:
            seen[split].append(see(landmarker, s, rows_of(s.split, split, o.most)))
    found: dict[str, list[dict]] = {split: [] for split in seen}
    for p in detection_sets.read_all(o.data, o.cache):
        for split in found:
            found[split] += candidates(landmarker, p, rows_of(p.split, split, o.most))

    report: dict = {"sigma": {}, "scores": {}, "slices": {}}
    for kind in ("hand", "face"):
        sigmas = {split: joined([x.sigmas() for x in seen[split] if x.samples.kind == kind]) for split in seen}
        report["sigma"][kind] = sigma_report(sigmas["train"], sigmas["val"])
        for what in IOU:
            scores = {split: scores_of(found[split], kind, what) for split in seen}
            report["scores"][f"{kind} {what}"] = score_report(scores["train"], scores["val"])
    sides = {split: joined([x.handedness() for x in seen[split] if x.samples.kind == "hand"]) for split in seen}
    report["scores"]["handedness"] = score_report(sides["train"], sides["val"], with_offset=False)  # a mirrored hand must give the mirrored answer
    report["slices"] = {x.samples.name: subgroups.figures(subgroups.of(x.samples, x.rows), x.nme) for x in seen["val"]}

    print(text(report))
    if o.json:
        o.json.write_text(json.dumps(finite(report), indent=1) + "\n")
    if o.markdown:
        o.markdown.write_text(text(report) + "\n")
    if o.gallery:
        failure_gallery.sheet([tile for x in seen["val"] for tile in worst(x)], o.gallery)


if __name__ == "__main__":
    main()
