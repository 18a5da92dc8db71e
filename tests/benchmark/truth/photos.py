"""What is measured on: photos with the truth about their hands and faces, from any folder in COCO form or from the training sets' validation rows."""

import json
import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from model.constants import KINDS
from model.data.detection_sets import Scenes
from model.data.samples import Samples
from model.evaluation import natural_photos
from model.photo.image_file import open_photo

KEYPOINTS = {21: "hand", 68: "face", 478: "face"}


@dataclass(frozen=True)
class Truth:
    """One hand or face that is there. points (21, 68, 478 or 30 x 2) pixels, NaN where unknown; box x, y, w, h; right: 1 right hand, 0 left,
    -1 unknown; xyz (21, 3) millimetres; yaw degrees; unsure: neither a miss nor a false positive if it is (not) detected."""

    kind: str
    points: np.ndarray | None = None
    box: np.ndarray | None = None
    right: int = -1
    xyz: np.ndarray | None = None
    yaw: float = math.nan
    unsure: bool = False


@dataclass(frozen=True)
class Photo:
    """open: gives the upright picture (H, W, 3) uint8 RGB. boxed: the kinds with a box for every object."""

    open: Callable[[], np.ndarray]
    objects: tuple[Truth, ...]
    boxed: frozenset[str] = field(default_factory=frozenset)

    def of(self, kind: str) -> list[Truth]:
        return [instance for instance in self.objects if instance.kind == kind]


def evenly(rows: Sequence, most: int) -> list:
    """At most `most` of the rows, spread over all of them."""
    return [rows[i] for i in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)] if len(rows) else []


def crops(s: Samples, rows: Sequence[int], points: np.ndarray | None = None) -> Iterator[Photo]:
    """Rows of a training set: the stored crop, black where it is padded. points: other truth than the set's own."""
    if points is None:
        points = s.points if s.kind == "hand" else s.ibug
    for i in rows:
        truth = Truth(
            s.kind,
            np.asarray(points[i], np.float64),
            right=int(s.right[i]) if s.right is not None else -1,
            xyz=s.notes["xyz"][i] * 1000 if "xyz" in s.notes else None,
            yaw=float(s.notes["yaw"][i]) if "yaw" in s.notes else math.nan,
        )
        yield Photo(partial(np.ascontiguousarray, s.images[i]), (truth,))


def natural(p: Scenes, rows: Sequence[int], way: str) -> Iterator[Photo]:
    """Whole photos in which hands and faces are labelled, as they are, turned or grey (`way` as in model/evaluation/natural_photos.py). Points are
    those of the sure hands."""
    quarters = natural_photos.TURNS.get(way, 0)
    for i in rows:
        width, height = (int(v) for v in p.sizes[i])
        boxes = natural_photos.turned_boxes(p.objects[i][:, 1:5].astype(float), quarters, width, height)
        points = natural_photos.turned_points(p.points[i].astype(float), quarters, width, height)
        truths = tuple(
            Truth(KINDS[int(row[0])], xy if sure else None, box, int(right), unsure=bool(row[7]))
            for row, box, xy, sure, right in zip(p.objects[i], boxes, points, p.sure[i], p.right[i])
        )

        def picture(i: int = i, width: int = width, height: int = height) -> np.ndarray:
            rgb = np.ascontiguousarray(np.rot90(p.images[i, :height, :width], quarters))
            return natural_photos.grey(rgb) if way == "grey" else rgb

        yield Photo(picture, truths, frozenset(KINDS))


def coco(folder: Path, split: str = "val") -> list[Photo]:
    """The photos of a folder in COCO form. Read are annotations.json (or the only .json there is), pictures
    beside it, below images/ or in images.zip; categories named hand and face; keypoints of 21 points for a hand, 68 or 478 for a face
    (visibility 0 = unknown); `iscrowd` or `ignore` for what counts neither way; `handedness`.

    Where images tell their split only `split` is taken. Where annotations tell who drew the boxes (`box_by`) only people's count, and photos that
    have none of these are left out, unless an image is marked `negative`. Raises ValueError if nothing fits.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    tables = [folder / "annotations.json"] if (folder / "annotations.json").exists() else sorted(folder.rglob("*.json"))
    if len(tables) != 1:
        raise ValueError(f"{folder} holds {len(tables)} .json files; one, or one called annotations.json, is needed")
    try:
        table = json.loads(tables[0].read_text())
        images, annotations, categories = (table[name] for name in ("images", "annotations", "categories"))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{tables[0]} is not in COCO form (images, annotations and categories): {error!r}") from error
    archive = zipfile.ZipFile(folder / "images.zip") if (folder / "images.zip").exists() else None
    names = {category["id"]: category["name"] for category in categories}
    by_image: dict[int, list[dict]] = {}
    for annotation in annotations:
        by_image.setdefault(annotation["image_id"], []).append(annotation)

    def read(name: str) -> np.ndarray:
        if archive:
            return open_photo(archive.read(name))
        return open_photo(beside(name))

    def beside(name: str) -> Path:
        return folder / name if (folder / name).exists() else folder / "images" / name

    images = [image for image in images if image.get("split", split) == split]
    absent = [image["file_name"] for image in images if not (archive or beside(image["file_name"]).is_file())]
    if absent:
        raise ValueError(f"{tables[0]} names {len(absent)} pictures that are neither beside it nor below images/, such as {absent[0]}")
    objects = {image: [_object(row, names) for row in rows] for image, rows in by_image.items()}
    kinds = frozenset(instance.kind for rows in objects.values() for instance in rows)
    if not kinds & {"hand", "face"}:
        raise ValueError(f"{tables[0]}: no category is called hand or face")
    photos = []
    for image in images:
        here = objects.get(image["id"], [])
        if image.get("negative") or not here or not all(instance.unsure for instance in here):
            boxed = frozenset({"hand", "face"}) if image.get("negative") else kinds
            photos.append(Photo(partial(read, image["file_name"]), tuple(here), boxed))
    return photos


def _object(row: dict, names: dict[int, str]) -> Truth:
    keypoints = np.array(row.get("keypoints") or (), np.float64).reshape(-1, 3)
    points = np.where(keypoints[:, 2:] > 0, keypoints[:, :2], np.nan) if len(keypoints) in KEYPOINTS else None
    unsure = bool(row.get("iscrowd") or row.get("ignore") or row.get("box_by", "human") != "human")
    right = {"left": 0, "right": 1}.get(row.get("handedness"), -1)
    return Truth(names[row["category_id"]], points, np.array(row["bbox"], np.float64), right, unsure=unsure)
