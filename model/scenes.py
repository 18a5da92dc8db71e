"""Whole photos with boxes, for the detector; and the photos without hands and faces, which are everybody's background."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from model.data import cached, decode, padded

CANVAS = 448
TUNE = 5   # of the training photos without hands and faces every fifth (by its name) is kept back to set thresholds on
ASIDE = 3  # of those that show some, every third (by its series) is left out of mining (model/mine.py): confidence is fitted there


@dataclass
class Scenes:
    """N whole photos, each shrunk into the top left of a square canvas.

    images (N, 448, 448, 3) uint8; sizes (N, 2) width and height inside it. objects: per photo an array (M, 8) of
    class (0 hand, 1 face), x, y, w, h in canvas pixels, unit vector up (0, 0 where unknown), 1 if it is to be ignored.
    known (N, 2): whether the photo's hands and its faces are all labelled. negative (N,): has neither.
    split (N,): train, val, or tune: what thresholds are set on. aside (N,): labelled training photos whose finds presence does not learn from.
    points: per photo (M, 21, 2) or NaN, for boxes that follow a rotation. odds (N,): how often training draws a photo, up to a
    factor: one of a long series less often.
    """

    name: str
    images: np.ndarray
    sizes: np.ndarray
    objects: list[np.ndarray]
    known: np.ndarray
    negative: np.ndarray
    split: np.ndarray
    aside: np.ndarray
    points: list[np.ndarray]
    odds: np.ndarray


def read(folder: Path, cache: Path, kind: int) -> Scenes:
    """hand_scenes (kind 0) or face_scenes (kind 1): annotations.json with COCO boxes beside images.zip."""
    table = json.loads((folder / "annotations.json").read_text())
    archive = zipfile.ZipFile(folder / "images.zip")
    images = [i for i in table["images"] if i.get("split") != "skip"]
    blobs = [archive.read(i["file_name"]) for i in images]
    scales = [min(1.0, CANVAS / max(i["width"], i["height"])) for i in images]

    def shrink(n: int) -> np.ndarray:
        picture = decode(blobs[n])
        if scales[n] < 1:
            picture = cv2.resize(picture, None, fx=scales[n], fy=scales[n], interpolation=cv2.INTER_AREA)
        return padded(picture, CANVAS)

    pixels = cached(cache / f"{folder.name}.npy", len(images), (CANVAS, CANVAS, 3), shrink, folder.name)
    by_image: dict[int, list] = {}
    for a in table["annotations"]:
        by_image.setdefault(a["image_id"], []).append(a)
    objects, points, negative, split, aside = [], [], [], [], []
    for image, scale in zip(images, scales):
        rows, keypoints = np.zeros((len(by_image.get(image["id"], ())), 8), np.float32), []
        for row, a in zip(rows, by_image.get(image["id"], ())):
            row[0], row[1:5] = kind, np.array(a["bbox"]) * scale
            xy = np.full((21, 2), np.nan, np.float32)
            if a.get("num_keypoints"):
                xy = (np.array(a["keypoints"], np.float32).reshape(-1, 3)[:, :2] + 0.5) * scale - 0.5
                axis = xy[9] - xy[0]
                row[5:7] = axis / max(np.hypot(*axis), 1e-6)
            keypoints.append(xy)
            row[7] = a.get("iscrowd", 0) or a.get("ignore", 0)
        objects.append(rows)
        points.append(np.stack(keypoints) if keypoints else np.zeros((0, 21, 2), np.float32))
        negative.append(bool(image.get("negative")))
        kept_back = negative[-1] and image["split"] == "train" and zlib.crc32(image["file_name"].encode()) % TUNE == 0
        split.append("tune" if kept_back else image["split"])
        series = str(image.get("group", image["file_name"]))
        aside.append(not negative[-1] and image["split"] == "train" and zlib.crc32(series.encode()) % ASIDE == 0)
    negative = np.array(negative)
    known = np.zeros((len(images), 2), bool)
    known[:, kind] = True
    known[negative] = True
    _, group, members = np.unique([str(i.get("group", i["id"])) for i in images], return_inverse=True, return_counts=True)
    sizes = np.array([[min(CANVAS, round(i["width"] * s)), min(CANVAS, round(i["height"] * s))] for i, s in zip(images, scales)])
    return Scenes(folder.name, pixels, sizes, objects, known, negative, np.array(split), np.array(aside), points, members[group] ** -0.5)


def backgrounds(data: Path, cache: Path) -> list[np.ndarray]:
    """Training photos that show no hand and no face, as views without padding; empty where there is no such set."""
    if not (data / "face_scenes" / "annotations.json").exists():
        return []
    scenes = read(data / "face_scenes", cache, 1)
    rows = np.flatnonzero(scenes.negative & (scenes.split == "train"))
    return [scenes.images[i, : scenes.sizes[i, 1], : scenes.sizes[i, 0]] for i in rows]
