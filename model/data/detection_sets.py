"""Whole photos with boxes, for the detector; and the photos without hands and faces, which are everybody's background."""

import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ..runtime.boxes import iou
from ..runtime.geometry import box_around
from .samples import cached, contents, decode, held_out, padded

CANVAS = 448
LABELLED = {"hand_scenes": (0,), "face_scenes": (1,), "wild": (0, 1)}  # classes (0 hand, 1 face) that each set labels
HAIRLINE = 0.12  # a face's box starts above the mesh's topmost point by this share of the mesh's height
ROUGH = 0.06  # mean disagreement of the views, as a share of the hand, up to which rough points tell where a hand's box and up are
HAND_MARGIN = 0.07  # people draw a hand's box this much of its extent beyond its points
SAME = 0.3  # IoU with a labelled or doubtful hand, from which a pseudo-label is that hand
TUNE = 5  # of the training photos without hands and faces every fifth (by its name) is kept back to set thresholds on


@dataclass
class Scenes:
    """N whole photos, each shrunk into the top left of a square canvas.

    images (N, 448, 448, 3) uint8; sizes (N, 2) width and height inside it. objects: per photo an array (M, 8) of
    class (0 hand, 1 face), x, y, w, h in canvas pixels, unit vector up (0, 0 where unknown), 1 if it is to be ignored.
    known (N, 2): whether the photo's hands and its faces are all labelled. negative (N,): has neither.
    split (N,): train, val, or tune: what thresholds are set on and no network is trained on.
    points: per photo (M, 21, 2) or NaN, for boxes that follow a rotation. odds (N,): how often training draws a photo, up to a
    factor: one of a long series less often. stretched (N,): had been squeezed to a square. names: of the files.
    sure: per photo (M,) bool, hands with points that are measured on; right: per photo (M,) 1 right hand, 0 left, -1 unknown.
    """

    name: str
    images: np.ndarray
    sizes: np.ndarray
    objects: list[np.ndarray]
    known: np.ndarray
    negative: np.ndarray
    split: np.ndarray
    points: list[np.ndarray]
    odds: np.ndarray
    stretched: np.ndarray
    names: list[str]
    sure: list[np.ndarray]
    right: list[np.ndarray]


def read(folder: Path, cache: Path) -> Scenes:
    """One of the sets that `LABELLED` knows: annotations.json with COCO boxes beside images.zip.

    In natural photos (`wild`) the category says the class and a face's box is that of its mesh; elsewhere all boxes are of one kind."""
    kinds = LABELLED[folder.name]
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

    made_from = [*contents(archive), *(i["file_name"] for i in images)]
    pixels = cached(cache, folder.name, made_from, (CANVAS, CANVAS, 3), shrink, len(images), folder.name)
    by_image: dict[int, list] = {}
    for a in table["annotations"]:
        by_image.setdefault(a["image_id"], []).append(a)
    hints, unlabelled = read_hints(cache, folder.name), read_unlabelled(cache, folder.name)
    natural = len(kinds) == 2
    objects, points, empty, split, sure, right = [], [], [], [], [], []
    for image, scale in zip(images, scales):
        marks = by_image.get(image["id"], ())
        rows, keypoints = np.zeros((len(marks), 8), np.float32), np.full((len(marks), 21, 2), np.nan, np.float32)
        for row, xy, a in zip(rows, keypoints, marks):
            row[0] = a["category_id"] - 1 if natural else kinds[0]
            x, y, w, h = a["bbox"]
            if natural and row[0] == 1:
                y, h = y - HAIRLINE * h, h * (1 + HAIRLINE)
            row[1:5] = np.array([x, y, w, h]) * scale
            if a.get("num_keypoints"):
                xy[:] = np.array(a["keypoints"], np.float32).reshape(-1, 3)[:, :2]
            elif a.get("rough_keypoints") and np.mean(a["spread"]) < ROUGH:
                xy[:] = np.reshape(a["rough_keypoints"], (21, 2))
            if np.isfinite(xy).all():
                xy[:] = (xy + 0.5) * scale - 0.5
                axis = xy[9] - xy[0]
                row[5:7] = axis / max(np.hypot(*axis), 1e-6)
            row[7] = a.get("iscrowd", 0) or a.get("ignore", 0)
        rows, keypoints = hints.apply(image["file_name"], rows, keypoints)
        if natural:
            rows, keypoints = with_unlabelled(unlabelled.get(image["file_name"], ()), rows, keypoints)
        hidden = [(False, None)] * (len(rows) - len(marks))
        hands = [(bool(a.get("num_keypoints")), a.get("handedness")) for a in marks] + hidden
        sure.append(np.array([with_points for with_points, _ in hands], bool))
        right.append(np.array([{"left": 0, "right": 1}.get(side, -1) for _, side in hands], np.int8))
        objects.append(rows)
        points.append(keypoints)
        empty.append(bool(image.get("negative")))
        series = str(image.get("group", image["file_name"]))
        train = image["split"] == "train"
        kept_back = train and (held_out(series) if natural else empty[-1] and zlib.crc32(image["file_name"].encode()) % TUNE == 0)
        split.append("tune" if kept_back else image["split"])
    negative = np.array(empty)
    known = np.zeros((len(images), 2), bool)
    known[:, kinds] = True
    known[negative] = True
    _, group, members = np.unique([str(i.get("group", i["id"])) for i in images], return_inverse=True, return_counts=True)
    sizes = np.array([[min(CANVAS, round(i["width"] * s)), min(CANVAS, round(i["height"] * s))] for i, s in zip(images, scales)])
    stretched = np.array([bool(i.get("stretched")) for i in images])
    names = [i["file_name"] for i in images]
    return Scenes(folder.name, pixels, sizes, objects, known, negative, np.array(split), points, members[group] ** -0.5, stretched, names, sure, right)


@dataclass
class Hints:
    """Predictions of the released networks on training photos (model/data/hard_examples.py), by file name: `faces` (M, 6) box and up of faces with labels
    have no up, `hands` (M, 4) boxes of confident hands that no label covers, as x, y, w, h in canvas pixels."""

    faces: dict[str, np.ndarray] = field(default_factory=dict)
    hands: dict[str, np.ndarray] = field(default_factory=dict)

    def apply(self, name: str, rows: np.ndarray, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A photo's objects (M, 8) and points, with the ups of faces and, to be ignored, the hands that nobody labelled."""
        for *box, ux, uy in self.faces.get(name, ()):
            overlap = iou(np.array([box]), rows[:, 1:5])[0] * (rows[:, 0] == 1)
            if overlap.max(initial=0) > 0.4 and not rows[overlap.argmax(), 5:7].any():
                rows[overlap.argmax(), 5:7] = ux, uy
        more = [(0, *box, 0, 0, 1) for box in self.hands.get(name, ())]
        if not more:
            return rows, keypoints
        return np.concatenate([rows, np.array(more, np.float32)]), np.concatenate([keypoints, np.full((len(more), 21, 2), np.nan, np.float32)])


def read_hints(cache: Path, name: str) -> Hints:
    """Those kept in the cache; empty before the first mining."""
    path = cache / f"{name}-hints.json"
    if not path.exists():
        return Hints()
    kept = json.loads(path.read_text())
    return Hints(*({n: np.array(rows, np.float32).reshape(len(rows), -1) for n, rows in kept[k].items()} for k in ("faces", "hands")))


def write_hints(cache: Path, name: str, hints: Hints) -> None:
    """Writes the hints of set `name` into the cache, where read_hints takes them from."""
    kept = {k: {n: np.round(rows, 3).tolist() for n, rows in getattr(hints, k).items() if len(rows)} for k in ("faces", "hands")}
    (cache / f"{name}-hints.json").write_text(json.dumps(kept))


def with_unlabelled(hands: Iterable[np.ndarray], rows: np.ndarray, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A photo's objects (M, 8) and points with the hands (21, 2) that only pseudo-labels know: where a row was to be ignored, or in a new one."""
    for xy in hands:
        axis = xy[9] - xy[0]
        row = np.array([0, *box_around(xy, HAND_MARGIN), *(axis / max(np.hypot(*axis), 1e-6)), 0], np.float32)
        same = np.flatnonzero((iou(row[None, 1:5], rows[:, 1:5])[0] > SAME) & (rows[:, 0] == 0))
        if not len(same):
            rows, keypoints = np.concatenate([rows, row[None]]), np.concatenate([keypoints, xy[None].astype(np.float32)])
        elif (rows[same, 7] > 0).all():
            rows[same[0]], keypoints[same[0]] = row, xy
    return rows, keypoints


def read_unlabelled(cache: Path, name: str) -> dict[str, np.ndarray]:
    """By file name the hands (M, 21, 2) of the pseudo-labels (model/data/pseudo_labels.py), canvas pixels; empty before these were made."""
    path = cache / f"{name}-unlabelled.json"
    return {file: np.array(hands, np.float32) for file, hands in json.loads(path.read_text()).items()} if path.exists() else {}


def write_unlabelled(cache: Path, name: str, hands: dict[str, list[np.ndarray]]) -> None:
    """Writes them, of set `name`, into the cache, where read_unlabelled takes them from."""
    (cache / f"{name}-unlabelled.json").write_text(json.dumps({file: [np.round(each, 2).tolist() for each in own] for file, own in hands.items()}))


def read_all(data: Path, cache: Path, only: tuple[str, ...] = ()) -> list[Scenes]:
    """Every known set of whole photos below `data`; `only` names the sets to take."""
    return [read(data / n, cache) for n in LABELLED if (data / n / "annotations.json").exists() and (not only or n in only)]


def backgrounds(data: Path, cache: Path) -> list[np.ndarray]:
    """Training photos that show no hand and no face, as views without padding; empty where there is no such set."""
    if not (data / "face_scenes" / "annotations.json").exists():
        return []
    scenes = read(data / "face_scenes", cache)
    rows = np.flatnonzero(scenes.negative & (scenes.split == "train"))
    return [scenes.images[i, : scenes.sizes[i, 1], : scenes.sizes[i, 0]] for i in rows]
