"""Small faces, of which the validation photos hold too few to tell: python -m tests.benchmark.crowds --data FOLDER --output FOLDER

Rendered validation heads, pasted several at a time into validation photos without hands and faces, with their exact boxes; written as a folder in
COCO form that `make.py benchmark --coco` reads. Nothing of it was trained on.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from model.data import augment, detection_sets, landmark_sets, samples
from model.data.detection_batches import box_of

SMALLEST, LARGEST = 0.02, 0.08  # a head's larger side / the photo's
PLACES = 3  # a head at most in each of 3 x 3 parts of the photo, so that none hides another


def crowd(photo: np.ndarray, heads: samples.Samples, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """photo (H, W, 3) with heads of these rows in it, and their boxes x, y, w, h."""
    seen, boxes = photo.astype(np.float32), []
    height, width = photo.shape[:2]
    places = rng.choice(PLACES * PLACES, len(rows), replace=False)
    for i, place in zip(rows, places):
        points = heads.points[i][:468]
        side = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))) * max(width, height)
        scale = side / np.ptp(points, axis=0).max()
        centre = (np.array([place % PLACES, place // PLACES]) + rng.uniform(0.3, 0.7, 2)) * (width, height) / PLACES
        matrix = np.concatenate([scale * np.eye(2), (centre - scale * points.mean(0))[:, None]], 1)
        blur = 0.45 / scale  # without aliasing
        picture, alpha = (cv2.GaussianBlur(a[i], (0, 0), blur) for a in (heads.images, heads.masks))
        size = max(width, height)
        alpha = augment.warp(alpha, matrix, size)[:height, :width, None].astype(np.float32) / 255
        seen = seen * (1 - alpha) + augment.warp(picture, matrix, size)[:height, :width] * alpha
        boxes.append(box_of(1, augment.moved(points, matrix)))
    return seen.astype(np.uint8), boxes


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.benchmark.crowds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--output", type=Path, required=True)
    options.add_argument("--cache", type=Path, default=Path("runs/cache"))
    o = options.parse_args()
    rng = np.random.default_rng(0)
    photos, heads = detection_sets.read(o.data / "face_scenes", o.cache), landmark_sets.synth_faces(o.data / "synth_faces", o.cache)
    faces = np.flatnonzero(heads.split == "val")
    (o.output / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for i in np.flatnonzero(photos.negative & (photos.split == "val")):
        width, height = photos.sizes[i]
        rgb, boxes = crowd(photos.images[i, :height, :width], heads, rng.choice(faces, rng.integers(2, 7), replace=False), rng)
        images.append({"id": int(i), "file_name": f"{i}.png", "width": int(width), "height": int(height)})
        annotations += [{"id": len(annotations) + k, "image_id": int(i), "category_id": 1, "bbox": box.round(1).tolist()} for k, box in enumerate(boxes)]
        cv2.imwrite(str(o.output / "images" / f"{i}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    table = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "face"}]}
    (o.output / "annotations.json").write_text(json.dumps(table))
    print(f"{len(images)} photos with {len(annotations)} faces in {o.output}")


if __name__ == "__main__":
    main()
