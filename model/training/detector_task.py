"""Training the detector: its data, its loss, and how it is measured."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..data import detection_sets
from ..data.detection_batches import Photos
from ..data.landmark_sets import KNOWN
from ..data.samples import DataError
from ..network.architecture import CLASSES, SIZE, Detector
from ..photo.image_file import open_photo
from ..runtime.boxes import iou, match
from . import losses

MOST_MEASURED = 300  # photos a set, each epoch
EXAMPLES = Path(__file__).parents[1] / "examples"
SHOWN = ("group.webp", "greeting.webp", "typing.webp")  # the fixed pictures of the trace; no training set has them
LEAST, MOST = 0.2, 12  # score of a box in the trace, and how many of each kind a picture has there


class DetectorTask:
    """The detector's training on whole photos. `only`: the sets to take, all if empty; DataError where none is there."""

    name = "detector"
    pck_threshold = None  # boxes, not points
    last_layers = ("out",)

    def __init__(self, data: Path, cache: Path, only: tuple[str, ...], seed: int):
        self.photos = detection_sets.read_all(data, cache, only)
        self.crops = [
            reader(data / n, cache) for n, reader in KNOWN.items() if n not in detection_sets.LABELLED and (data / n).exists() and (not only or n in only)
        ]
        if not self.photos:
            raise DataError(f"{data} has no photos with boxes: the detector needs one of {', '.join(detection_sets.LABELLED)}.")
        self.sets, self.seed = [*self.photos, *self.crops], seed

    def build(self) -> Detector:
        """A new network."""
        return Detector()

    def stream(self, size: int, epoch: int, count: int) -> Photos:
        """`count` batches' pictures of the epoch, with `size` pixels a side."""
        return Photos(self.photos, self.crops, size, self.seed, epoch, count)

    def loss(self, network: Detector, batch: dict) -> dict[str, Tensor]:
        """Losses of a batch by name."""
        return losses.detector_losses(network(batch["image"]), batch)

    @torch.no_grad()
    def find(self, network: Detector, image: np.ndarray, sizes: np.ndarray, kind: int, least: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
        """One letterboxed pass -> boxes (M, 4) in canvas pixels and scores (M,), after non-maximum suppression."""
        scale = SIZE / sizes.max()
        small = cv2.resize(image[: sizes[1], : sizes[0]], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        frame = np.zeros((SIZE, SIZE, 3), np.uint8)
        frame[: small.shape[0], : small.shape[1]] = small[:SIZE, :SIZE]
        rows = Detector.decode(network(torch.from_numpy(frame)[None]))[0, kind].numpy()
        rows = rows[rows[:, 0] >= least]
        boxes = np.concatenate([rows[:, 1:3] - rows[:, 3:5] / 2, rows[:, 3:5]], 1) / scale
        kept = np.array(cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 0].tolist(), least, 0.5) if len(boxes) else [], int).ravel()
        return boxes[kept], rows[kept, 0]

    def validate(self, network: Detector, size: int) -> dict:
        """Recall and precision at IoU 0.5 and score 0.5 on the validation photos, one letterboxed pass each, and false positives on negatives."""
        report: dict = {"sets": {}}
        for p in self.photos:
            rows = np.flatnonzero(p.split == "val")[:MOST_MEASURED]
            for kind in detection_sets.LABELLED[p.name]:
                right = wrong = truths = alarms = empty = 0
                for i in rows:
                    boxes, scores = self.find(network, p.images[i], p.sizes[i], kind, 0.5)
                    objects = p.objects[i][p.objects[i][:, 0] == kind]
                    wanted, unsure = objects[objects[:, 7] == 0, 1:5], objects[objects[:, 7] > 0, 1:5]
                    pairs = match(boxes, scores, wanted, 0.5)
                    excused = (iou(boxes, unsure).max(1, initial=0) > 0.3) & (pairs < 0)
                    right += int((pairs >= 0).sum())
                    wrong += int(((pairs < 0) & ~excused).sum())
                    truths += len(wanted)
                    if p.negative[i]:
                        empty, alarms = empty + 1, alarms + len(boxes)
                name = p.name if len(detection_sets.LABELLED[p.name]) == 1 else f"{p.name}, {CLASSES[kind]}s"
                report["sets"][name] = {"recall": right / max(truths, 1), "precision": right / max(right + wrong, 1)} | (
                    {"false_per_negative": alarms / empty} if empty else {}
                )
        return report

    def pictures(self) -> list[dict]:
        """The fixed pictures of the trace: shipped examples, letterboxed."""
        found = []
        for name in SHOWN:
            photo = open_photo(EXAMPLES / name)
            scale = SIZE / max(photo.shape[:2])
            small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:SIZE, :SIZE]
            frame = np.zeros((SIZE, SIZE, 3), np.uint8)
            frame[: small.shape[0], : small.shape[1]] = small
            found.append({"image": frame, "kind": "photo", "truth": []})
        return found

    def trace(self, network: Detector, pictures: list[dict], size: int) -> list[list[list[float]]]:
        """The boxes of each fixed picture, [class, score, x, y, w, h] in its pixels, the best ones of each kind first."""
        return [[row for kind in range(len(CLASSES)) for row in self._rows(network, p["image"], kind)] for p in pictures]

    def _rows(self, network: Detector, image: np.ndarray, kind: int) -> list[list[float]]:
        boxes, scores = self.find(network, image, np.array([SIZE, SIZE]), kind, LEAST)
        best = np.argsort(-scores)[:MOST]
        return [[kind, round(float(scores[i]), 3), *np.round(boxes[i].astype(float), 1).tolist()] for i in best]
