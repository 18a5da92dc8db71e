"""The figures of a weights file on the validation splits: python -m model.evaluation.evaluate --data FOLDER [--weights FILE] [--exact] [--json FILE].

Only the runtime is used (the ONNX file, through the same Landmarker as every page). Landmarks are measured twice: with the crop
taken from the true points ("crop"), which is the network alone, and through the whole pipeline on the stored picture ("photo"),
where an object that is not found counts as missed.
"""

import json
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..commands import data_options
from ..data import detection_sets
from ..data.landmark_sets import read_all
from ..data.samples import Samples
from ..photo.image_file import open_photo
from ..runtime.boxes import iou, match
from ..runtime.geometry import roi_from_points
from ..runtime.landmarker import Landmarker
from ..runtime.result import Hand, Instance
from . import drawn_digits, metrics, natural_photos

PCK = (0.05, 0.1)
MATCH_IOU = {"recall@0.5": 0.5, "recall@0.3": 0.3}


def landmarks(landmarker: Landmarker, s: Samples, most: int, ways: tuple[str, ...] = ("crop", "photo")) -> dict:
    """NME, PCK, handedness and depth figures of one set's validation rows."""
    keep = (s.split == "val") & s.notes.get("human68", s.notes.get("sure", True))
    rows = np.flatnonzero(keep)
    rows = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)] if len(rows) else rows
    report: dict = {"rows": len(rows)}
    for way in ways:
        errors, right, depth, inner, missed = [], [], [], [], 0
        for i in tqdm(rows, desc=f"{s.name} ({way})", mininterval=5):
            points, picture = s.points[i], np.ascontiguousarray(s.images[i])
            found: Instance | None
            if way == "crop":
                found = landmarker.predict(picture, [(s.kind, roi_from_points(s.kind, points))])[0]
            else:
                result = landmarker.detect(picture)
                own = result.hands if s.kind == "hand" else result.faces
                best = metrics.nearest([o.landmarks[:, :2] for o in own], points)
                found = None if best is None else own[best]
            if found is None:
                missed += 1
                continue
            errors.append(metrics.instance_errors(found, s.measured[i]))
            if isinstance(found, Hand):
                if s.right is not None and s.right[i] >= 0:
                    right.append((found.handedness == "right") == bool(s.right[i]))
                if "xyz" in s.notes:
                    depth.append(metrics.pa_mpjpe(found.landmarks[None], s.notes["xyz"][i][None] * 1000)[0])
            else:
                inner.append(errors[-1][metrics.INNER_51].mean())
        report[way] = {"nme": metrics.nme(errors), "missed": missed / max(len(rows), 1)} | {f"pck@{t}": metrics.pck(errors, t) for t in PCK}
        if right:
            report[way]["handedness"] = float(np.mean(right))
        if depth:
            report[way]["pa_mpjpe_mm"] = float(np.mean(depth))
        if inner:
            report[way]["nme_inner51"] = float(np.mean(inner))
    return report


def detector(landmarker: Landmarker, p: detection_sets.Scenes, kind: int, most: int) -> dict:
    """Recall and precision of the whole pipeline's boxes (after the minimum confidence), and false positives on photos without hands and faces."""
    rows = np.flatnonzero(p.split == "val")[:most]
    right, false, truths, alarms, empty = dict.fromkeys(MATCH_IOU, 0), dict.fromkeys(MATCH_IOU, 0), 0, 0, 0
    for i in tqdm(rows, desc=f"{p.name}", mininterval=5):
        result = landmarker.detect(np.ascontiguousarray(p.images[i, : p.sizes[i, 1], : p.sizes[i, 0]]))
        found = result.hands if kind == 0 else result.faces
        boxes, scores = np.array([o.box for o in found]).reshape(-1, 4), np.array([o.score for o in found])
        wanted, unsure = p.objects[i][p.objects[i][:, 7] == 0, 1:5], p.objects[i][p.objects[i][:, 7] > 0, 1:5]
        truths += len(wanted)
        for name, threshold in MATCH_IOU.items():
            pairs = match(boxes, scores, wanted, threshold)
            excused = (iou(boxes, unsure).max(1, initial=0) > 0.3) & (pairs < 0)
            right[name] += int((pairs >= 0).sum())
            false[name] += int(((pairs < 0) & ~excused).sum())
        if p.negative[i]:
            empty, alarms = empty + 1, alarms + len(result.hands) + len(result.faces)
    report: dict = {"photos": len(rows), "objects": truths}
    for name in MATCH_IOU:
        report[name] = right[name] / max(truths, 1)
        report[name.replace("recall", "precision")] = right[name] / max(right[name] + false[name], 1)
    return report | ({"negatives": empty, "false_finds_per_negative": alarms / empty} if empty else {})


def speed(landmarker: Landmarker, photo: np.ndarray, repeats: int = 30) -> dict:
    """Milliseconds of the whole pipeline on one photo, median of `repeats` after a warm-up."""
    result = landmarker.detect(photo)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = landmarker.detect(photo)
        times.append((time.perf_counter() - start) * 1000)
    return {"milliseconds": float(np.median(times)), "hands": len(result.hands), "faces": len(result.faces), "width": result.width, "height": result.height}


def digits(landmarker: Landmarker, count: int = 200) -> dict:
    """How many pictures of plain digits give a hand or a face."""
    results = [landmarker.detect(picture) for picture in drawn_digits.pictures(count)]
    return {"pictures": count, "with_a_detection": sum(bool(r.hands or r.faces) for r in results)}


def natural_rows(r: dict) -> list[tuple[str, ...]]:
    """Rows of the table for natural photos."""
    upright, crop = r["upright"], r["crop"]
    hands, completed, faces, sure, misses = (upright[k] for k in ("hands", "hands, unlabelled ones too", "faces", "sure hands", "missed hands"))
    in_front = upright["hands in front of faces"]
    turned = [r[way] for way in natural_photos.TURNS if way != "upright"]
    share = lambda way, kind: f"{way[kind]['recall@0.3'] / max(upright[kind]['recall@0.3'], 1e-6):.0%}"  # noqa: E731
    by_size = lambda kind: ", ".join(f"{name} {recall:.2f} ({count})" for name, (recall, count) in upright[kind]["recall@0.3 by size"].items())  # noqa: E731
    return [
        (f"natural photos, {r['photos']} ({hands['labelled']} hands, {faces['labelled']} faces)", "hands: recall, precision at IoU 0.3",
         f"{hands['recall@0.3']:.3f}, {hands['precision@0.3']:.3f}", ""),
        ("", "the same at IoU 0.5", f"{hands['recall@0.5']:.3f}, {hands['precision@0.5']:.3f}", ""),
        ("", f"with {completed['labelled'] - hands['labelled']} hands that nobody labelled: recall, precision at IoU 0.3; false a photo",
         f"{completed['recall@0.3']:.3f}, {completed['precision@0.3']:.3f}; {completed['false@0.3'] / r['photos']:.3f}", ""),
        ("", "the same, recall at a precision of 0.95", f"{completed[f'recall@0.3 at precision {natural_photos.PRECISION}']:.3f}", ""),
        ("", "recall at IoU 0.3 by the hand's share of the photo", by_size("hands"), ""),
        ("", "hands in front of faces, recall", f"{in_front['recall@0.3']:.3f} of {in_front['labelled']}", ""),
        ("", "hands missed: not detected / below the minimum confidence / points off",
         " / ".join(str(misses[k]) for k in ("no detection there", "below the minimum confidence", "points off")), ""),
        (
            "",
            f"{sure['labelled']} sure hands: NME, PCK@0.1, handedness",
            f"{sure['nme']:.3f}, {sure['pck@0.1']:.3f}, {sure['handedness']:.3f}",
            "≤ 0.045, ≥ 0.90, ≥ 0.97",
        ),
        ("", "the same with the true crop", f"{crop['nme']:.3f}, {crop['pck@0.1']:.3f}, {crop['handedness']:.3f}", ""),
        ("", "faces: recall, precision at IoU 0.5", f"{faces['recall@0.5']:.3f}, {faces['precision@0.5']:.3f}", ""),
        ("", "turned by 90 / 180 / 270 degrees: hands found, of those upright", " / ".join(share(way, "hands") for way in turned), "≥ 95 %"),
        ("", "the same, faces", " / ".join(share(way, "faces") for way in turned), "≥ 90 %"),
        ("", "grey: hands / faces found, of those in colour", f"{share(r['grey'], 'hands')} / {share(r['grey'], 'faces')}", ""),
    ]  # fmt: skip


def markdown(r: dict) -> str:
    """The report as the table of README and model card, beside the targets."""
    hands, faces, scenes_h, scenes_f = (r[k] for k in ("real_hands", "real_faces", "hand_scenes", "face_scenes"))
    drawn_h, drawn_f, speed_of = r["synth_hands"], r["synth_faces"], r["speed"]
    both = lambda s, name, form: " / ".join(format(s[way][name], form) for way in ("crop", "photo"))  # noqa: E731
    found = lambda s: f"{s['recall@0.5']:.3f}, {s['precision@0.5']:.3f}"  # noqa: E731
    rows = [
        ("measured on", "figure", "this release", "target"),
        ("---",) * 4,
        *natural_rows(r["wild"]),
        (f"real hands, {hands['rows']} of unseen people", "NME crop / photo", both(hands, "nme", ".3f"), "≤ 0.055"),
        ("", "PCK@0.1 crop / photo", both(hands, "pck@0.1", ".3f"), "≥ 0.88"),
        ("", "handedness crop / photo", both(hands, "handedness", ".3f"), "≥ 0.95"),
        ("", "missed (photo)", f"{hands['photo']['missed']:.3f}", ""),
        (f"faces, {faces['rows']} with human 68 points", "NME crop / photo", both(faces, "nme", ".2%"), "≤ 5.0 %"),
        ("", "inner 51 points, crop / photo", both(faces, "nme_inner51", ".2%"), ""),
        (f"rendered hands, {drawn_h['rows']}, exact truth", "NME crop / photo", both(drawn_h, "nme", ".3f"), ""),
        ("", "PA-MPJPE, mm, crop / photo", both(drawn_h, "pa_mpjpe_mm", ".1f"), ""),
        ("", "missed (photo)", f"{drawn_h['photo']['missed']:.3f}", ""),
        (f"rendered faces, {drawn_f['rows']}, exact truth", "NME crop / photo", both(drawn_f, "nme", ".2%"), ""),
        (f"whole photos with hands, {scenes_h['photos']} ({scenes_h['objects']} hands)", "recall, precision at IoU 0.5", found(scenes_h), "≥ 0.85, ≥ 0.85"),
        (f"whole photos with faces, {scenes_f['photos']} ({scenes_f['objects']} faces)", "recall, precision at IoU 0.5", found(scenes_f), "≥ 0.90, ≥ 0.85"),
        (f"{scenes_f['negatives']} photos without either", "false positives per photo", f"{scenes_f['false_finds_per_negative']:.2f}", "≤ 0.05"),
        (f"{r['digits']['pictures']} pictures of plain digits", "with a detection", str(r["digits"]["with_a_detection"]), "≤ 2"),
        (f"photo with two hands and a face, {speed_of['width']} × {speed_of['height']}, {speed_of['threads']} threads", "whole pipeline, median",
         f"{speed_of['milliseconds']:.0f} ms", "≤ 60 ms"),
    ]  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Runs the command: measures all sets and prints the figures."""
    options = data_options.parser("model.evaluation.evaluate", __doc__, threads=2)
    options.add_argument("--exact", action="store_true", help="compute in single precision, not in eight bits: what that costs in accuracy")
    options.add_argument("--most", type=int, default=1000, help="rows a set")
    options.add_argument("--sets", nargs="*", default=())
    options.add_argument("--json", type=Path, help="also write the figures here")
    options.add_argument("--markdown", action="store_true", help="print the table of the README, which needs all sets, in place of JSON")
    o = options.parse_args()
    landmarker, report = Landmarker(o.weights, o.threads, o.exact), {}
    wanted = set(o.sets)
    for photos in detection_sets.read_all(o.data, o.cache, o.sets):
        natural = len(detection_sets.LABELLED[photos.name]) == 2
        report[photos.name] = (
            natural_photos.report(landmarker, photos, o.most) if natural else detector(landmarker, photos, detection_sets.LABELLED[photos.name][0], o.most)
        )
    for s in read_all(o.data, o.cache, wanted):
        report[s.name] = report.get(s.name, {}) | landmarks(landmarker, s, o.most, ("crop",) if s.name in report else ("crop", "photo"))
    report["digits"] = digits(landmarker)
    example = Path(__file__).parents[1] / "examples" / "greeting.webp"
    report["speed"] = speed(landmarker, open_photo(example)) | {"threads": o.threads}
    print(markdown(report) if o.markdown else json.dumps(report, indent=1))
    if o.json:
        o.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
