"""Any folder in COCO-keypoints form as `Samples`: one's own photos, or COCO-WholeBody."""

import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..photo.image_file import PhotoError, open_photo
from ..runtime.geometry import ROI, extract_crop, transform
from .samples import CROP, STORED_SCALE, DataError, Samples, cached, contents

TABLE = "annotations.json"
SIZES = {"hand": (21,), "face": (68, 478)}  # numbers of keypoints
MESH = 478
VAL_EVERY = 10  # of the pictures of a folder that knows no splits
WHOLE_BODY = {"lefthand": "left", "righthand": "right", "face": None}  # COCO-WholeBody's fields X_kpts and X_valid


@dataclass(frozen=True)
class Instance:
    """One labelled hand or face. where: the file and annotation, for messages. keypoints (K, 3): x, y, visibility 0 where unlabelled."""

    where: str
    image: str
    keypoints: np.ndarray
    handedness: int
    split: str | None


def coco(folder: Path, cache: Path) -> list[Samples]:
    """The hands and the faces of a folder: annotations.json beside the pictures, or pictures in images/ or images.zip.

    21 keypoints are a hand, 68 (iBUG order) or 478 (canonical mesh) a face; COCO-WholeBody's hands and faces are read too. A keypoint with
    visibility 0, or without a finite x and y, is unlabelled. `handedness` is the person's real hand. An image's or annotation's own `split` is
    kept, else every tenth picture is 'val'. Crops are cut as for inference. Raises DataError.
    """
    path = folder / TABLE
    try:
        table = json.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
        images = {str(image["id"]): image for image in table["images"]}
        annotations = list(table["annotations"])
        names = {key: str(image["file_name"]) for key, image in images.items()}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not in COCO form: it needs lists `images` (with id and file_name) and `annotations` ({error!r}).") from error
    instances = [i for n, a in enumerate(annotations) for i in _instances(a, f"{path}, annotation {_identity(a, n)}", images)]
    pictures = Pictures(folder, path)
    position = {key: n for n, key in enumerate(images)}
    licence = "; ".join(str(each.get("name")) for each in table.get("licenses") or () if isinstance(each, dict)) or "not stated"

    found = []
    for kind, sizes in SIZES.items():
        rows = [i for i in instances if len(i.keypoints) in sizes]
        if not rows:
            continue
        pictures.check([(names[i.image], i.where) for i in rows])
        frames = [_frame(i.keypoints) for i in rows]

        def crop(n: int, rows: list[Instance] = rows, frames: list[ROI] = frames) -> np.ndarray:
            return extract_crop(pictures.read(names[rows[n].image], rows[n].where), frames[n])

        made_from = [*((pictures.stamp(names[i.image]), frame) for i, frame in zip(rows, frames))]
        images_of = cached(cache, f"{folder.name}_{kind}", made_from, (CROP, CROP, 3), crop, len(rows), f"{folder.name} ({kind}s)")
        size = MESH if kind == "face" else sizes[0]
        points, weights = np.zeros((len(rows), size, 2), np.float32), np.zeros((len(rows), size), np.float32)
        ibug, ibug_weights = np.zeros((len(rows), 68, 2), np.float32), np.zeros((len(rows), 68), np.float32)
        for n, (i, frame) in enumerate(zip(rows, frames)):
            target, trust = (points, weights) if len(i.keypoints) == size else (ibug, ibug_weights)
            labelled = i.keypoints[:, 2] > 0
            xy = np.where(labelled[:, None], i.keypoints[:, :2], i.keypoints[labelled, :2].mean(0))  # finite where nobody labelled
            target[n], trust[n] = transform(frame.to_crop(), xy), labelled
        split = np.array([i.split or ("val" if position[i.image] % VAL_EVERY == VAL_EVERY - 1 else "train") for i in rows])
        right = np.array([i.handedness for i in rows], np.int8)
        samples = Samples(folder.name, kind, licence, images_of, points, np.full((len(rows), size), np.nan, np.float32), weights, split, right=right)
        found.append(replace(samples, ibug=ibug, ibug_weights=ibug_weights) if kind == "face" else samples)
    if not found:
        raise DataError(f"{path} has no annotation with 21 keypoints (a hand) or 68 or 478 (a face).")
    return found


def _identity(annotation: object, n: int) -> str:
    return str(annotation["id"]) if isinstance(annotation, dict) and "id" in annotation else f"number {n + 1}"


def _instances(annotation: dict, where: str, images: dict[str, dict]) -> Iterator[Instance]:
    """The labelled hands and faces of one annotation; none where it has other keypoints, or no labelled one."""
    if not isinstance(annotation, dict):
        raise DataError(f"{where} is no object with fields.")
    if annotation.get("iscrowd"):
        return
    named = [(annotation.get("keypoints"), annotation.get("handedness"))]
    named += [(annotation.get(f"{part}_kpts"), side) for part, side in WHOLE_BODY.items() if annotation.get(f"{part}_valid")]
    for numbers, side in named:
        if not numbers or not isinstance(numbers, list) or len(numbers) % 3 or len(numbers) // 3 not in {n for sizes in SIZES.values() for n in sizes}:
            continue
        try:
            keypoints = np.array([math.nan if v is None else v for v in numbers], np.float64).reshape(-1, 3)
        except (TypeError, ValueError) as error:
            raise DataError(f"{where} has a keypoint that is not a number.") from error
        keypoints[~np.isfinite(keypoints).all(1)] = 0
        if not (keypoints[:, 2] > 0).any():
            continue
        image = str(annotation.get("image_id"))
        if image not in images:
            raise DataError(f"{where} belongs to image {image}, which the list `images` does not have.")
        handedness = {"left": 0, "right": 1}.get(str(side).strip().lower(), -1)
        yield Instance(where, image, keypoints, handedness, annotation.get("split") or images[image].get("split"))


def _frame(keypoints: np.ndarray) -> ROI:
    """The square around the labelled points that is stored."""
    xy = keypoints[keypoints[:, 2] > 0, :2]
    low, high = xy.min(0), xy.max(0)
    x, y = ((low + high) / 2).tolist()
    return ROI(x, y, float(max((high - low).max(), 2.0) * STORED_SCALE))


class Pictures:
    """The pictures of a folder: beside its table, in images/ or in images.zip."""

    def __init__(self, folder: Path, table: Path):
        self._folder, self._table = folder, table
        self._archive = zipfile.ZipFile(folder / "images.zip") if (folder / "images.zip").exists() else None
        self._sums = dict(contents(self._archive)) if self._archive else {}

    def _path(self, name: str) -> Path:
        return next((path for path in (self._folder / name, self._folder / "images" / name) if path.is_file()), self._folder / name)

    def check(self, named: list[tuple[str, str]]) -> None:
        """Raises DataError for the first picture that is missing."""
        for name, where in named:
            if not (name in self._sums or self._path(name).is_file()):
                raise DataError(f"The picture {name} of {where} is neither in {self._folder} nor in its images/ or images.zip.")

    def stamp(self, name: str) -> tuple:
        """What changes when the picture's content does."""
        if name in self._sums:
            return name, self._sums[name]
        state = self._path(name).stat()
        return str(self._path(name).resolve()), state.st_size, state.st_mtime_ns

    def read(self, name: str, where: str) -> np.ndarray:
        """Upright RGB, as the pages and the command line read a photo."""
        try:
            return open_photo(self._archive.read(name) if self._archive and name in self._sums else self._path(name))
        except PhotoError as error:
            raise DataError(f"The picture {name} of {where} cannot be used: {error}") from error


__all__ = ["TABLE", "coco"]
