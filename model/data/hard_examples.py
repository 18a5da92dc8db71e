"""Hard examples from the detector's own proposals: python -m model.data.hard_examples --data FOLDER [--weights FILE]

Whatever the released detector takes for a hand or a face in training photos, rightly or not, cut out as the landmark networks are
given it, and kept in the cache. Presence then learns from these to tell the one from the other (hard example mining, Shrivastava
et al. 2016): crops with points show faces without masks, and random pieces of photos hardly resemble anything.

Of natural photos it also keeps hints for the detector's training: which way is up for the labelled faces, and where hands may be
that nobody labelled, so that these are not taught as background.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..commands import data_options
from ..constants import CROP, KINDS
from ..runtime.boxes import iou
from ..runtime.detector import DetectorInput, tiles
from ..runtime.geometry import ROI, extract_crop, letterbox, roi_from_box
from ..runtime.landmarker import Landmarker
from . import detection_sets

FILE, CROPS = "finds.npz", "finds.crops"  # labels; the crops one after the other
ROOM = 1.25  # a kept crop's side / that of the crop the landmark network would be given: space to turn and shift
LEAST_SCORE = 0.1
MOST = 12  # a photo and kind
EASY = 0.1  # how often a crop that is judged rightly is drawn, beside one that is judged wrongly
UNLABELLED = 0.7  # presence from which a proposal away from all labels of a natural photo may be an unlabelled hand or face
CONFIDENT_FACE = 0.5  # confidence from which a face's landmarks say which way is up
POSSIBLE_HAND = 0.2  # confidence from which a detection without a label is not taught as background: of 80 of these, seen by eye, about 60 % show one
RIGHT, WRONG = 0.5, 0.05  # IoU with a labelled box, at least and at most; what lies between is neither


@dataclass(frozen=True)
class HardExamples:
    """crops (N, 256, 256, 3) uint8 RGB; shows (N, 2): whether it is a hand, and whether a face: 1, 0, or NaN where nobody knows;
    presence (N, 2): what the released networks think of it."""

    crops: np.ndarray
    shows: np.ndarray
    presence: np.ndarray

    def odds(self, kind: str, shows: int) -> np.ndarray:
        """(N,) sum 1 (or 0, if there are none): of the crops that show the kind, or of those that do not, the misjudged ones are worth most."""
        column = KINDS.index(kind)
        odds = (self.shows[:, column] == shows) * (EASY + np.abs(shows - self.presence[:, column]))
        return odds / (odds.sum() or 1.0)


def suspects(landmarker: Landmarker, rgb: np.ndarray) -> Iterator[tuple[int, np.ndarray, ROI]]:
    """Index of the kind, box (x, y, w, h) and ROI of every proposal in a photo, weak ones too."""
    propose = landmarker.detector.propose
    seen = propose([DetectorInput(*letterbox(rgb))]) + propose(tiles(rgb, max(rgb.shape[:2]), 1))
    for kind, name in enumerate(KINDS):
        rows = np.flatnonzero((seen.kind == kind) & (seen.score >= LEAST_SCORE))
        boxes = seen.box[rows]
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), seen.score[rows].tolist(), LEAST_SCORE, 0.4, top_k=MOST) if len(rows) else ()
        for k in np.ravel(kept).astype(int):
            yield kind, boxes[k], roi_from_box(name, tuple(boxes[k]), tuple(seen.up[rows[k]]))


def judged(kind: int, box: np.ndarray, presence: float, photo: detection_sets.Scenes, i: int) -> np.ndarray | None:
    """What a proposal in the i-th photo shows (2,), as in HardExamples; None where the labels do not say. presence: of its own kind."""
    if photo.negative[i]:
        return np.zeros(2)
    if not photo.known[i, kind]:
        return None
    objects, shows = photo.objects[i], np.full(2, np.nan)
    overlap = iou(box[None], objects[:, 1:5])[0]
    own = objects[:, 0] == kind
    if overlap[own & (objects[:, 7] == 0)].max(initial=0) >= RIGHT:
        shows[kind] = 1
        return shows
    if overlap[own].max(initial=0) > WRONG:
        return None
    natural = photo.known[i].all()
    if natural and presence < UNLABELLED:  # of the hands in natural photos one in five has no label
        shows[kind] = 0
        shows[1 - kind] = 1 if overlap[~own & (objects[:, 7] == 0)].max(initial=0) >= RIGHT else np.nan
        return shows
    if not natural and KINDS[kind] == "hand":  # photos with hands are labelled well; faces far off in a crowd are often not
        shows[kind] = 0
        return shows
    return None


def hints(landmarker: Landmarker, photos: detection_sets.Scenes) -> detection_sets.Hints:
    """For the photos of a set in which both kinds are labelled."""
    kept = detection_sets.Hints()
    for i in tqdm(np.flatnonzero(photos.split == "train"), desc=f"{photos.name} (hints)", mininterval=5):
        rgb = np.ascontiguousarray(photos.images[i, : photos.sizes[i, 1], : photos.sizes[i, 0]])
        objects, faces, hands = photos.objects[i], [], []
        for instance in landmarker.scored_instances(rgb)[1]:
            if instance.kind == "face" and instance.score >= CONFIDENT_FACE:
                axis = instance.landmarks[10, :2] - instance.landmarks[152, :2]
                faces.append([*instance.box, *(axis / max(np.hypot(*axis), 1e-6))])
            if instance.kind == "hand" and instance.score >= POSSIBLE_HAND:
                if iou(np.array([instance.box]), objects[objects[:, 0] == 0, 1:5]).max(initial=0) < 0.2:
                    hands.append(list(instance.box))
        kept.faces[photos.names[i]], kept.hands[photos.names[i]] = np.array(faces), np.array(hands)
    return kept


def read(cache: Path) -> HardExamples | None:
    """None before the first mining."""
    if not (cache / FILE).exists():
        return None
    with np.load(cache / FILE) as kept:
        shows, presence = kept["shows"], kept["presence"]
    crops = np.memmap(cache / CROPS, np.uint8, "r", shape=(len(shows), CROP, CROP, 3))  # gigabytes: read as they are drawn
    return HardExamples(crops, shows, presence)


def main() -> None:
    """Runs the command: mines crops and hints, and writes them into the cache."""
    options = data_options.parser("model.data.hard_examples", __doc__)
    o = options.parse_args()
    landmarker, shows, presence = Landmarker(o.weights, o.threads), [], []
    o.cache.mkdir(parents=True, exist_ok=True)
    part = (o.cache / CROPS).with_suffix(".part")
    with part.open("wb") as crops:
        for photos in detection_sets.read_all(o.data, o.cache):
            if len(detection_sets.LABELLED[photos.name]) == 2:
                detection_sets.write_hints(o.cache, photos.name, hints(landmarker, photos))
            for i in tqdm(np.flatnonzero(photos.split == "train"), desc=photos.name, mininterval=5):
                rgb = np.ascontiguousarray(photos.images[i, : photos.sizes[i, 1], : photos.sizes[i, 0]])
                for kind, box, roi in suspects(landmarker, rgb):
                    thoughts = [instance.score for instance in landmarker.predict(rgb, [(name, roi) for name in KINDS])]
                    if (what := judged(kind, box, thoughts[kind], photos, i)) is not None:
                        crops.write(extract_crop(rgb, ROI(roi.cx, roi.cy, roi.side * ROOM, roi.angle)).tobytes())
                        shows.append(what)
                        presence.append(thoughts)
    if not shows:
        part.unlink()
        options.error(f"{o.data} has no photos with boxes in which anything was found: it needs one of {', '.join(detection_sets.LABELLED)}")
    part.replace(o.cache / CROPS)
    np.savez(o.cache / FILE, shows=np.stack(shows), presence=np.stack(presence))
    for name, column in zip(KINDS, np.transpose(shows)):
        print(f"{name}s: {(column == 1).sum()} right, {(column == 0).sum()} wrong")


if __name__ == "__main__":
    main()
