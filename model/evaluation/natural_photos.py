"""What the whole pipeline makes of natural photos, upright, turned and grey: boxes by size, points, sides, and why hands are missed.

A photo's unlabelled hands count as false detections, so precision by the labels is a lower bound; with the hands of unlabelled_hands.py it is measured too."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from ..constants import CONSTANTS, KINDS
from ..data.detection_sets import Scenes
from ..runtime.boxes import iou, match
from ..runtime.duplicates import without_duplicates
from ..runtime.landmarker import Landmarker
from ..runtime.result import Hand
from . import metrics, reliability
from .unlabelled_hands import with_unlabelled

IOU = (0.3, 0.5)
EXCUSED = 0.3  # overlap with a doubtful label from which a detection is not called false
SIZES = {"under 8 %": (0.0, 0.08), "8-16 %": (0.08, 0.16), "16-32 %": (0.16, 0.32), "over 32 %": (0.32, np.inf)}  # of the photo's larger side
TURNS = {"upright": 0, "turned 90": 1, "turned 180": 2, "turned 270": 3}  # quarter turns counterclockwise, as np.rot90
PRECISION = 0.95
PCK = (0.05, 0.1)


@dataclass
class Counts:
    """Of one kind over all photos. Of each detection: score, and whether it is right (by IoU); of each label: size as a share of the
    photo, and the score of the detection that matched it (-inf: none)."""

    scores: list = field(default_factory=list)
    correct: dict = field(default_factory=lambda: {threshold: [] for threshold in IOU})
    judged: dict = field(default_factory=lambda: {threshold: [] for threshold in IOU})
    sizes: list = field(default_factory=list)
    matched: dict = field(default_factory=lambda: {threshold: [] for threshold in IOU})

    def add(self, boxes: np.ndarray, scores: np.ndarray, wanted: np.ndarray, doubtful: np.ndarray, longer: float) -> dict[float, np.ndarray]:
        """One photo's detections and labels; by IoU, of each label the score of the detection that matched it."""
        self.scores += list(scores)
        self.sizes += list(wanted[:, 2:].max(1, initial=0) / longer)
        matched = {}
        excused = iou(boxes, doubtful).max(1, initial=0) > EXCUSED
        for threshold in IOU:
            pairs = match(boxes, scores, wanted, threshold)
            self.correct[threshold] += list(pairs >= 0)
            self.judged[threshold] += list((pairs >= 0) | ~excused)
            matched[threshold] = np.full(len(wanted), -np.inf)
            matched[threshold][pairs[pairs >= 0]] = scores[pairs >= 0]
            self.matched[threshold] += list(matched[threshold])
        return matched

    def figures(self, least: float) -> dict:
        """Recall and precision at the released minimum confidence, and the best recall at a precision of PRECISION."""
        scores, sizes = np.array(self.scores), np.array(self.sizes)
        report: dict = {"labelled": len(self.sizes)}
        for threshold in IOU:
            correct, judged, matched = np.array(self.correct[threshold], bool), np.array(self.judged[threshold], bool), np.array(self.matched[threshold])
            kept = judged & (scores >= least)
            report[f"calibration@{threshold}"] = reliability.calibration_table(scores[judged], correct[judged]) if judged.any() else []
            report[f"calibration error@{threshold}, from the minimum confidence"] = (
                reliability.expected_calibration_error(scores[kept], correct[kept]) if kept.any() else float("nan")
            )
            report[f"recall@{threshold}"] = float((matched >= least).mean()) if len(matched) else float("nan")
            report[f"precision@{threshold}"] = float(correct[kept].mean()) if kept.any() else float("nan")
            report[f"false@{threshold}"] = int((~correct[kept]).sum())
            report[f"recall@{threshold} at precision {PRECISION}"] = recall_at(scores[judged], correct[judged], len(sizes), PRECISION)
            report[f"recall@{threshold} by size"] = {
                name: [round(float((matched[own] >= least).mean()), 3), int(own.sum())]
                for name, (low, high) in SIZES.items()
                if (own := (sizes >= low) & (sizes < high)).any()
            }
        return report


def recall_at(scores: np.ndarray, correct: np.ndarray, labelled: int, precision: float) -> float:
    """The best recall at which a minimum score keeps at least this precision; 0 if none does."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(correct[order])
    reached = right[right >= precision * np.arange(1, len(right) + 1)]
    return float(reached.max(initial=0)) / max(labelled, 1)


def turned_boxes(boxes: np.ndarray, quarters: int, width: int, height: int) -> np.ndarray:
    """Boxes (M, 4) of a photo of width x height after np.rot90(photo, quarters)."""
    corners = np.stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    moved = turned_points(corners.reshape(-1, 2), quarters, width, height).reshape(-1, 2, 2)
    return np.hstack([moved.min(1), np.ptp(moved, axis=1)])


def turned_points(points: np.ndarray, quarters: int, width: int, height: int) -> np.ndarray:
    """Points (..., 2) of a photo of width x height after np.rot90(photo, quarters)."""
    for _ in range(quarters):
        points = np.stack([points[..., 1], width - 1 - points[..., 0]], -1)
        width, height = height, width
    return points


def grey(rgb: np.ndarray) -> np.ndarray:
    """The photo (H, W, 3) uint8 without its colours, still with three channels."""
    return np.repeat(np.round(rgb @ np.array([0.299, 0.587, 0.114]))[..., None].astype(np.uint8), 3, 2)


def report(landmarker: Landmarker, photos: Scenes, most: int, split: str = "val", ways: Sequence[str] = (*TURNS, "grey")) -> dict:
    """Figures by way (`TURNS` and 'grey'), of at most `most` photos of the split."""
    rows = np.flatnonzero(photos.split == split)
    rows = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    return {"photos": len(rows)} | {way: measured(landmarker, photos, rows, way) for way in ways}


def measured(landmarker: Landmarker, photos: Scenes, rows: np.ndarray, way: str) -> dict:
    """The figures of these rows, turned or grey as `way` says."""
    least = CONSTANTS["landmarks"]["confidence"]["minimum"]
    counts = {kind: Counts() for kind in KINDS}
    completed, completed_counts = with_unlabelled(photos), Counts()
    in_front: dict[float, list[bool]] = {threshold: [] for threshold in IOU}
    errors, sides, sure, misses = [], [], 0, {"no detection there": 0, "below the minimum confidence": 0, "points off": 0}
    for i in tqdm(rows, desc=f"{photos.name} ({way})", mininterval=10):
        width, height = (int(v) for v in photos.sizes[i])
        quarters = TURNS.get(way, 0)
        rgb = np.ascontiguousarray(np.rot90(photos.images[i, :height, :width], quarters))
        rgb = grey(rgb) if way == "grey" else rgb
        detections, instances = landmarker.scored_instances(rgb)
        kept = without_duplicates(instances)
        objects = photos.objects[i]
        boxes = turned_boxes(objects[:, 1:5].astype(float), quarters, width, height)
        for index, kind in enumerate(KINDS):
            own = [instance for instance in kept if instance.kind == kind]
            found, scores = np.array([o.box for o in own]).reshape(-1, 4), np.array([o.score for o in own])
            labelled, doubtful = (boxes[(objects[:, 0] == index) & ((objects[:, 7] > 0) == d)] for d in (False, True))
            matched = counts[kind].add(found, scores, labelled, doubtful, max(width, height))
            if kind == "hand":
                added = turned_boxes(completed.objects[i][len(objects) :, 1:5].astype(float), quarters, width, height)
                completed_counts.add(found, scores, np.concatenate([labelled, added]), doubtful, max(width, height))
                close = overlaps(labelled, boxes[objects[:, 0] == 1])
                for threshold in IOU:
                    in_front[threshold] += list(matched[threshold][close] >= least["hand"])
                accepted = found[scores >= least["hand"]]
                missed = labelled[iou(labelled, accepted).max(1, initial=0) < IOU[0]]
                seen = [(d, o) for d, o in zip(detections, instances) if d.kind == "hand"]
                detected = iou(missed, np.array([d.box for d, _ in seen]).reshape(-1, 4)) >= IOU[0]
                confident = np.array([o.score >= least["hand"] for _, o in seen], bool)
                misses["no detection there"] += int((~detected.any(1)).sum()) if len(missed) else 0
                misses["points off"] += int((detected & confident).any(1).sum()) if len(missed) else 0
                misses["below the minimum confidence"] += int((detected.any(1) & ~(detected & confident).any(1)).sum()) if len(missed) else 0
                hands = [o for o in own if isinstance(o, Hand) and o.score >= least["hand"]]
                for k in np.flatnonzero(photos.sure[i]):
                    truth, sure = turned_points(photos.points[i][k].astype(float), quarters, width, height), sure + 1
                    best = metrics.nearest([o.landmarks[:, :2] for o in hands], truth)
                    if best is None:
                        continue
                    errors.append(metrics.instance_errors(hands[best], truth))
                    if photos.right[i][k] >= 0:
                        sides.append((hands[best].handedness == "right") == bool(photos.right[i][k]))
    return {
        "hands": counts["hand"].figures(least["hand"]),
        "hands, unlabelled ones too": completed_counts.figures(least["hand"]),
        "faces": counts["face"].figures(least["face"]),
        "hands in front of faces": {"labelled": len(in_front[IOU[0]])}
        | {f"recall@{threshold}": float(np.mean(found)) if found else float("nan") for threshold, found in in_front.items()},
        "sure hands": {
            "labelled": sure,
            "missed": 1 - len(errors) / max(sure, 1),
            "nme": metrics.nme(errors),
            **{f"pck@{t}": metrics.pck(errors, t) for t in PCK},
            "handedness": float(np.mean(sides)) if sides else float("nan"),
        },
        "missed hands": misses,
    }


def overlaps(hands: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(M,) bool: which hands cover at least a twentieth of a face's box, or have a third of their own inside one."""
    if not len(hands) or not len(faces):
        return np.zeros(len(hands), bool)
    low = np.maximum(hands[:, None, :2], faces[None, :, :2])
    high = np.minimum(hands[:, None, :2] + hands[:, None, 2:], faces[None, :, :2] + faces[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    return ((shared > 0.05 * faces[None, :, 2:].prod(2)) | (shared > hands[:, None, 2:].prod(2) / 3)).any(1)
