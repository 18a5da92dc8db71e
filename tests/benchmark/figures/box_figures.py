"""Detector figures of both sides on the same photos: recall and precision by overlap and by size, false positives where there is nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.runtime.boxes import iou, match
from tests.benchmark.figures.table import Row
from tests.benchmark.sides.answers import SIDES, Answers

IOU = (0.5, 0.3)
EXCUSED = 0.3  # overlap with an unsure box from which a detection is not called false
SIZES = {"small, under 8 % of the photo": (0.0, 0.08), "8-25 %": (0.08, 0.25), "over 25 %": (0.25, np.inf)}


@dataclass(frozen=True)
class Counted:
    """size, scores and whether right of every box found, and of every true one size and the score of what found it (-inf: missed).
    Sizes: the larger side as a share of the photo's larger side."""

    found_size: np.ndarray
    found_score: np.ndarray
    found_right: np.ndarray
    true_size: np.ndarray
    true_score: np.ndarray

    def recall(self, low: float = 0.0, high: float = np.inf, score: float = -1.0) -> float:
        own = self.true_score[(self.true_size >= low) & (self.true_size < high)]
        return float((own >= score).mean()) if len(own) else float("nan")

    def precision(self, low: float = 0.0, high: float = np.inf, score: float = -1.0) -> float:
        own = self.found_right[(self.found_size >= low) & (self.found_size < high) & (self.found_score >= score)]
        return float(own.mean()) if len(own) else float("nan")

    def recall_at(self, precision: float) -> float:
        """The best recall that a threshold on the score reaches at this precision or a better one; 0 if none does."""
        reached = [self.recall(score=score) for score in np.unique(self.found_score) if self.precision(score=score) >= precision]
        return max(reached, default=0.0)


def count(answers: Sequence[Answers], side: str, kind: str, threshold: float, box_map: np.ndarray | None = None) -> Counted:
    found_size, found_score, found_right, true_size, true_score = [], [], [], [], []
    for each in answers:
        answer, truths = each.by(side), each.photo.of(kind)
        boxes, scores = answer[f"{kind}_box"], answer[f"{kind}_score"]
        if box_map is not None:
            boxes = apply_box_map(boxes, box_map)
        wanted, unsure = (np.array([t.box for t in truths if t.unsure == u]).reshape(-1, 4) for u in (False, True))
        pairs = match(boxes, scores, wanted, threshold)
        judged = (pairs >= 0) | (iou(boxes, unsure).max(1, initial=0) <= EXCUSED)
        found_size += list(boxes[judged, 2:].max(1, initial=0) / each.size)
        found_score += list(scores[judged])
        found_right += list(pairs[judged] >= 0)
        by = {true: score for true, score in zip(pairs, scores) if true >= 0}
        true_size += list(wanted[:, 2:].max(1, initial=0) / each.size)
        true_score += [by.get(index, -np.inf) for index in range(len(wanted))]
    return Counted(*map(np.array, (found_size, found_score, np.array(found_right, bool), true_size, true_score)))


def fit_box_map(answers: Sequence[Answers], side: str, kind: str) -> np.ndarray:
    """(dx, dy, log w, log h): how much the true boxes lie off this side's, in its boxes' size, and how much larger they are. Medians over
    training photos; people and a model may mean different boxes by a face's box."""
    offsets = []
    for each in answers:
        boxes = each.by(side)[f"{kind}_box"]
        wanted = np.array([truth.box for truth in each.photo.of(kind) if not truth.unsure]).reshape(-1, 4)
        for box, true in zip(boxes, match(boxes, each.by(side)[f"{kind}_score"], wanted, EXCUSED)):
            if true >= 0:
                shift = (wanted[true, :2] + wanted[true, 2:] / 2 - box[:2] - box[2:] / 2) / box[2:]
                offsets.append(np.concatenate([shift, np.log(wanted[true, 2:] / box[2:])]))
    return np.median(offsets, axis=0) if offsets else np.zeros(4)


def apply_box_map(boxes: np.ndarray, box_map: np.ndarray) -> np.ndarray:
    centre = boxes[:, :2] + boxes[:, 2:] * (0.5 + box_map[:2])
    size = boxes[:, 2:] * np.exp(box_map[2:])
    return np.hstack([centre - size / 2, size])


def rows(section: str, answers: Sequence[Answers], kind: str, box_map: np.ndarray | None = None) -> list[Row]:
    """box_map: from MediaPipe's boxes to the labelled ones (fit_box_map)."""
    table = []
    for threshold in IOU:
        ours, peer = count(answers, "ours", kind, threshold), count(answers, "peer", kind, threshold, box_map)
        table.append(Row(section, f"recall, IoU {threshold} ({len(ours.true_size)})", ours.recall(), peer.recall(), lower=False))
        table.append(Row(section, f"precision, IoU {threshold}", ours.precision(), peer.precision(), lower=False))
        table.append(Row(section, f"recall at MediaPipe's precision, IoU {threshold}", ours.recall_at(peer.precision()), peer.recall(), lower=False))
        table.append(Row(section, f"recall at a precision of 0.95, IoU {threshold}", ours.recall_at(0.95), peer.recall_at(0.95), lower=False))
        for name, (low, high) in SIZES.items():
            number = int(((ours.true_size >= low) & (ours.true_size < high)).sum())
            if number:
                table.append(Row(section, f"{name} ({number}): recall, IoU {threshold}", *(c.recall(low, high) for c in (ours, peer)), lower=False))
                table.append(Row(section, f"{name}: precision, IoU {threshold}", *(c.precision(low, high) for c in (ours, peer)), lower=False))
    return table


def false_detections(section: str, answers: Sequence[Answers]) -> list[Row]:
    """Per photo without any hand or face; of MediaPipe its hands and its full-range face detector."""
    empty = [each for each in answers if not each.photo.objects and each.photo.boxed >= {"hand", "face"}]
    if not empty:
        return []
    rate = {side: np.mean([sum(len(each.by(side)[f"{kind}_box"]) for kind in ("hand", "face")) for each in empty]) for side in SIDES}
    return [Row(section, f"false positives per empty photo ({len(empty)})", *(float(rate[side]) for side in SIDES))]
