"""Hard negatives: python -m model.mine --data FOLDER [--weights FILE]

What the released detector takes for a hand or a face in training photos that show neither, cut out and kept in the cache. The
landmark network then learns to say no to exactly these (hard example mining, Shrivastava et al. 2016), which random
pieces of photos hardly teach it.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from model import scenes
from model.detector import View, tiles
from model.geometry import cut, letterbox, roi_from_box
from model.landmarker import Landmarker

FILE = "hard_negatives.npy"
ROOM = 1.25           # a kept crop's side / that of the crop the landmark network would be given: space to turn and shift
LEAST_SCORE = 0.1
MOST = 12             # a photo and kind


def suspects(landmarker: Landmarker, rgb: np.ndarray) -> list[np.ndarray]:
    """Crops (256, 256, 3) around everything in a photo that looks at all like a hand or a face."""
    look = landmarker.detector.look
    seen = look([View(*letterbox(rgb))]) + look(tiles(rgb, max(rgb.shape[:2]), 1))
    crops = []
    for kind, name in enumerate(("hand", "face")):
        rows = np.flatnonzero((seen.kind == kind) & (seen.score >= LEAST_SCORE))
        boxes = np.hstack([seen.box[rows, :2], seen.box[rows, 2:] - seen.box[rows, :2]])
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), seen.score[rows].tolist(), LEAST_SCORE, 0.4, top_k=MOST) if len(rows) else ()
        for k in np.ravel(kept).astype(int):
            roi = roi_from_box(name, tuple(boxes[k]), tuple(seen.up[rows[k]]))
            crops.append(cut(rgb, type(roi)(roi.cx, roi.cy, roi.side * ROOM, roi.angle)))
    return crops


def read(cache: Path) -> np.ndarray | None:
    """(N, 256, 256, 3) uint8, or None before the first mining."""
    return np.load(cache / FILE, mmap_mode="r") if (cache / FILE).exists() else None


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m model.mine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--cache", type=Path, default=Path("runs/cache"), help="the same as in training, which takes what it finds there")
    options.add_argument("--weights", type=Path, help="default: the file that comes with the project")
    o = options.parse_args()
    landmarker, crops = Landmarker(o.weights), []
    for picture in tqdm(scenes.backgrounds(o.data, o.cache), desc="photos without hands and faces"):
        crops += suspects(landmarker, np.ascontiguousarray(picture))
    np.save(o.cache / FILE, np.stack(crops))
    print(f"{len(crops)} crops in {o.cache / FILE}")


if __name__ == "__main__":
    main()
