"""Results as files: JSON, CSV and COCO keypoints. Units and frame as in result.py (pixels of the upright photo)."""

import csv
import io
from collections.abc import Iterable

import numpy as np

from model.points import FACE_NAMES, FACE_MESH_EDGES, HAND_EDGES, HAND_POINTS, POINT_NAMES
from model.result import Face, Hand, Result

CSV_COLUMNS = ("photo", "kind", "number", "score", "handedness", "handedness_score", "point", "name", "x", "y", "z", "sigma")


def to_json_document(name: str, result: Result) -> dict:
    """What `pointillist detect --json` prints for one photo, ready for json.dumps."""
    return {
        "photo": name,
        "width": result.width,
        "height": result.height,
        "hands": [
            {
                "handedness": hand.handedness,
                "handedness_score": _round(hand.handedness_score, 4),
                "score": _round(hand.score, 4),
                "box": _round(hand.box),
                "landmarks": _round(hand.landmarks),
                "sigma": _round(hand.sigma),
            }
            for hand in result.hands
        ],
        "faces": [
            {
                "score": _round(face.score, 4),
                "box": _round(face.box),
                "landmarks": _round(face.landmarks),
                "ibug68": _round(face.ibug68),
                "sigma": _round(face.sigma),
            }
            for face in result.faces
        ],
    }


def to_json_error(name: str, message: str) -> dict:
    """The document of a photo that could not be read."""
    return {"photo": name, "error": message}


def to_csv(results: Iterable[tuple[str, Result]]) -> str:
    """One row per point of every hand and face; `number` counts the hands and the faces of a photo from 0.

    A photo in which nothing was found has no row. A name that a spreadsheet would take for a formula is preceded by
    an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for name, result in results:
        shown = f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
        for kind, found in _kinds(result):
            for number, thing in enumerate(found):
                sides = (thing.handedness, _round(thing.handedness_score, 4)) if kind == "hand" else ("", "")
                head = (shown, kind, number, _round(thing.score, 4), *sides)
                points = zip(POINT_NAMES[kind], _round(thing.landmarks), _round(thing.sigma))
                writer.writerows((*head, place, label, *xyz, sigma) for place, (label, xyz, sigma) in enumerate(points))
    return text.getvalue()


def to_coco(results: Iterable[tuple[str, Result]]) -> dict:
    """A COCO keypoints data set: categories 1 = hand (21 points) and 2 = face (478 points).

    Every keypoint has visibility 2 ("labelled and visible"): whether a point is hidden is not predicted. `score` and,
    for hands, `handedness` are kept as additional fields; z, sigma and the 68-point view have no place in COCO.
    """
    images, annotations = [], []
    for image_id, (name, result) in enumerate(results, 1):
        images.append({"id": image_id, "file_name": name, "width": result.width, "height": result.height})
        for category_id, (kind, found) in enumerate(_kinds(result), 1):
            for thing in found:
                points = np.column_stack([thing.landmarks[:, :2], np.full(len(thing.landmarks), 2)])
                annotation = {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": category_id,
                    "bbox": _round(thing.box),
                    "area": _round(thing.box[2] * thing.box[3]),
                    "iscrowd": 0,
                    "keypoints": _round(points.ravel()),
                    "num_keypoints": len(points),
                    "score": _round(thing.score, 4),
                }
                if kind == "hand":
                    annotation["handedness"] = thing.handedness
                annotations.append(annotation)
    return {"images": images, "annotations": annotations, "categories": _categories()}


def _categories() -> list[dict]:
    def category(number: int, name: str, points: tuple[str, ...], edges) -> dict:
        skeleton = [[a + 1, b + 1] for a, b in edges]  # COCO counts keypoints from 1
        return {"id": number, "name": name, "supercategory": "person", "keypoints": list(points), "skeleton": skeleton}

    return [category(1, "hand", HAND_POINTS, HAND_EDGES), category(2, "face", FACE_NAMES, FACE_MESH_EDGES)]


def _kinds(result: Result) -> tuple[tuple[str, tuple[Hand, ...] | tuple[Face, ...]], ...]:
    return ("hand", result.hands), ("face", result.faces)


def _round(value, digits: int = 2):
    """Plain Python numbers: a hundredth of a pixel says all there is to say, and keeps the files small."""
    return np.round(np.asarray(value, np.float64), digits).tolist()
