"""What the detector finds: python -m model.mine --data FOLDER [--weights FILE]

Whatever the released detector takes for a hand or a face in training photos, rightly or not, cut out as the landmark networks are
given it, and kept in the cache. Presence then learns from these to tell the one from the other (hard example mining, Shrivastava
et al. 2016): crops with points show faces without masks, and random pieces of photos hardly look like anything.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from model import metrics, scenes
from model.constants import KINDS
from model.detector import View, tiles
from model.geometry import ROI, cut, letterbox, roi_from_box
from model.landmarker import Landmarker

FILE = "finds.npz"
ROOM = 1.25           # a kept crop's side / that of the crop the landmark network would be given: space to turn and shift
LEAST_SCORE = 0.1
MOST = 12             # a photo and kind
EASY = 0.1            # how often a crop that is judged rightly is drawn, beside one that is judged wrongly
RIGHT, WRONG = 0.5, 0.05  # IoU with a labelled box, at least and at most; what lies between is neither


@dataclass(frozen=True)
class Finds:
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
    """Index of the kind, box (x, y, w, h) and place of everything in a photo that looks at all like a hand or a face."""
    look = landmarker.detector.look
    seen = look([View(*letterbox(rgb))]) + look(tiles(rgb, max(rgb.shape[:2]), 1))
    for kind, name in enumerate(KINDS):
        rows = np.flatnonzero((seen.kind == kind) & (seen.score >= LEAST_SCORE))
        boxes = np.hstack([seen.box[rows, :2], seen.box[rows, 2:] - seen.box[rows, :2]])
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), seen.score[rows].tolist(), LEAST_SCORE, 0.4, top_k=MOST) if len(rows) else ()
        for k in np.ravel(kept).astype(int):
            yield kind, boxes[k], roi_from_box(name, tuple(boxes[k]), tuple(seen.up[rows[k]]))


def judged(kind: int, box: np.ndarray, photo: scenes.Scenes, i: int) -> np.ndarray | None:
    """What a find in the i-th photo shows (2,), as in Finds; None where the labels do not tell."""
    if photo.negative[i]:
        return np.zeros(2)
    if not photo.known[i, kind]:
        return None
    objects, shows = photo.objects[i], np.full(2, np.nan)
    overlap = metrics.iou(box[None], objects[:, 1:5])[0]
    if overlap[objects[:, 7] == 0].max(initial=0) >= RIGHT:
        shows[kind] = 1
    elif KINDS[kind] == "hand" and overlap.max(initial=0) <= WRONG:  # photos with hands are labelled well; faces far off in a crowd are often not
        shows[kind] = 0
    else:
        return None
    return shows


def read(cache: Path) -> Finds | None:
    """None before the first mining."""
    if not (cache / FILE).exists():
        return None
    with np.load(cache / FILE) as kept:
        return Finds(kept["crops"], kept["shows"], kept["presence"])


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m model.mine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--cache", type=Path, default=Path("runs/cache"), help="the same as in training, which takes what it finds there")
    options.add_argument("--weights", type=Path, help="default: the file that comes with the project")
    o = options.parse_args()
    landmarker, crops, shows, presence = Landmarker(o.weights), [], [], []
    for known, name in enumerate(("hand_scenes", "face_scenes")):
        if not (o.data / name / "annotations.json").exists():
            continue
        photos = scenes.read(o.data / name, o.cache, known)
        for i in tqdm(np.flatnonzero((photos.split == "train") & ~photos.aside), desc=name):
            rgb = np.ascontiguousarray(photos.images[i, : photos.sizes[i, 1], : photos.sizes[i, 0]])
            for kind, box, roi in suspects(landmarker, rgb):
                if (what := judged(kind, box, photos, i)) is not None:
                    crops.append(cut(rgb, ROI(roi.cx, roi.cy, roi.side * ROOM, roi.angle)))
                    shows.append(what)
                    presence.append([thing.score for thing in landmarker.look(rgb, [(name, roi) for name in KINDS])])
    if not crops:
        options.error(f"{o.data} has no photos with boxes in which anything was found: it needs a folder hand_scenes or face_scenes")
    np.savez(o.cache / FILE, crops=np.stack(crops), shows=np.stack(shows), presence=np.stack(presence))
    for kind, column in zip(KINDS, np.transpose(shows)):
        print(f"{kind}s: {(column == 1).sum()} right, {(column == 0).sum()} wrong")


if __name__ == "__main__":
    main()
