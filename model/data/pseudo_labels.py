"""Pseudo-labels: python -m model.data.pseudo_labels --data FOLDER [--weights FILE]

Hands in training photos without landmarks of their own, labelled by the released network: the mean of its predictions in turned, scaled and
mirrored crops, which is more exact than any one of them (data distillation, Radosavovic et al. 2018). The network then learns from them beside
the other sets. Kept in the cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..commands import data_options
from ..constants import CROP
from ..runtime.boxes import iou
from ..runtime.geometry import ROI, extent, extract_crop, roi_from_points, transform
from ..runtime.landmarker import Landmarker
from ..runtime.result import Hand
from . import detection_sets
from .samples import STORED_SCALE, Samples

FILE = "pseudo_hands.npz"
CONFIDENT = 0.75  # confidence from which a detection becomes a pseudo-label: of 48 from 0.5 on, seen by eye, three showed an ear, a sleeve and a profile
PRESENT = 0.9  # presence that every view must have
LABELLED = 0.3  # IoU with a hand that has landmarks, from which a detection needs none
MOST_SPREAD = 0.06  # mean disagreement of the views, as a fraction of the hand's size, above which nobody knows where the landmarks are
VIEWS = [(mirrored, degrees, scale) for mirrored in (False, True) for degrees in (-20, 0, 20) for scale in (0.9, 1.1)]
SURE_SIDE = 0.85  # mean probability from which a side is a label
SHARE = 0.5  # how often the set is drawn; that of natural hands with labels is 1.2


def views_of(roi: ROI) -> list[ROI]:
    """The ROI turned, scaled and mirrored as VIEWS says."""
    return [replace(roi, mirrored=mirrored, angle=roi.angle + np.radians(degrees), side=roi.side * scale) for mirrored, degrees, scale in VIEWS]


@dataclass(frozen=True)
class PseudoLabel:
    """A hand of a photo. landmarks (21, 3) photo pixels; spread (21,): mean distance of the views from them, as a fraction of the hand's size; right:
    probability that it is a right hand."""

    landmarks: np.ndarray
    spread: np.ndarray
    right: float

    def crop(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As the sets keep it: picture (256, 256, 3) with room around the hand, and the landmarks (21, 3) in its pixels."""
        (left, top), (right, bottom) = extent(self.landmarks)
        roi = ROI((left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top, 2.0) * STORED_SCALE)
        points = transform(roi.to_crop(), self.landmarks[:, :2].astype(float))
        return extract_crop(rgb, roi), np.concatenate([points, self.landmarks[:, 2:] * CROP / roi.side], 1).astype(np.float32)


def consensus(landmarker: Landmarker, rgb: np.ndarray, landmarks: np.ndarray) -> PseudoLabel | None:
    """What the views of the hand at `landmarks` (21, 3) agree on; None where one of them shows no hand or they agree on too little."""
    hands = [view for view in landmarker.predict(rgb, [("hand", roi) for roi in views_of(roi_from_points("hand", landmarks))]) if isinstance(view, Hand)]
    each = np.stack([hand.landmarks for hand in hands]).astype(float)  # (V, 21, 3)
    weight = 1 / np.maximum(np.stack([hand.sigma for hand in hands]), 1e-6)[..., None] ** 2
    mean = (each * weight).sum(0) / weight.sum(0)
    (left, top), (right, bottom) = extent(mean)
    spread = np.linalg.norm((each - mean)[..., :2], axis=-1).mean(0) / max(right - left, bottom - top, 1.0)
    if min(hand.score for hand in hands) < PRESENT or spread.mean() > MOST_SPREAD:
        return None
    return PseudoLabel(mean, spread, float(np.mean([hand.right_probability for hand in hands])))


def pseudo_labels(landmarker: Landmarker, rgb: np.ndarray, labelled: np.ndarray) -> Iterator[PseudoLabel]:
    """Of the confident hands in a photo, without those at the boxes `labelled` (M, 4), which have landmarks."""
    for hand in landmarker.detect(rgb, min_confidence={"hand": CONFIDENT}).hands:
        if iou(np.array([hand.box]), labelled).max(initial=0) < LABELLED and (found := consensus(landmarker, rgb, hand.landmarks)):
            yield found


def read(cache: Path) -> list[Samples]:
    """The set of the cache as a list of one; empty before the command has run."""
    if not (cache / FILE).exists():
        return []
    with np.load(cache / FILE) as kept:
        points, spread, right = kept["points"], kept["spread"], kept["right"]
        images = kept["images"]
    sides = np.select([right > SURE_SIDE, right < 1 - SURE_SIDE], [1, 0], -1).astype(np.int8)
    weights = 1 / (1 + (spread / 0.03) ** 2)
    split = np.full(len(points), "train")
    return [Samples("pseudo_hands", "hand", "as the photos'", images, points[..., :2], points[..., 2], weights, split, right=sides, share=SHARE)]


def write(cache: Path, labels: list[PseudoLabel], crops: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Keeps them in the cache, where `read` takes them from; nothing if there are none."""
    if labels:
        images, points = zip(*crops)
        np.savez(cache / FILE, images=images, points=points, spread=[label.spread for label in labels], right=[label.right for label in labels])


def main() -> None:
    """Runs the command: writes the pseudo-labels and their crops into the cache."""
    o = data_options.parser("model.data.pseudo_labels", __doc__).parse_args()
    landmarker = Landmarker(o.weights, o.threads)
    o.cache.mkdir(parents=True, exist_ok=True)
    labels, crops = [], []
    for photos in detection_sets.read_all(o.data, o.cache):
        of_photo: dict[str, list[np.ndarray]] = {}
        for i in tqdm(np.flatnonzero(photos.split == "train"), desc=photos.name, mininterval=5):
            rgb = np.ascontiguousarray(photos.images[i, : photos.sizes[i, 1], : photos.sizes[i, 0]])
            for label in pseudo_labels(landmarker, rgb, photos.objects[i][photos.sure[i], 1:5]):
                labels.append(label)
                crops.append(label.crop(rgb))
                of_photo.setdefault(photos.names[i], []).append(label.landmarks[:, :2])
        detection_sets.write_unlabelled(o.cache, photos.name, of_photo)
        print(f"{photos.name}: {sum(map(len, of_photo.values()))} hands")
    write(o.cache, labels, crops)


if __name__ == "__main__":
    main()
