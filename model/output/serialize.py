"""Results as files: JSON, CSV and COCO keypoints. Units and frame as in result.py (pixels of the upright photo)."""

import csv
import io
import os.path
from collections.abc import Iterable, Iterator

import numpy as np

from ..runtime.geometry import roi_from_points
from ..runtime.result import Face, Hand, Result
from ..runtime.topology import FACE_MESH_EDGES, FACE_NAMES, HAND_EDGES, HAND_POINTS, POINT_NAMES

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


def from_json_document(document: dict) -> Result:
    """The result that `to_json_document` wrote, rounded as it was; its regions of interest are those around the landmarks."""

    def common(kind: str, found: dict) -> dict:
        landmarks = np.array(found["landmarks"], np.float32)
        arrays = {"landmarks": landmarks, "sigma": np.array(found["sigma"], np.float32), "roi": roi_from_points(kind, landmarks)}
        return {"score": found["score"], "box": tuple(found["box"]), **arrays}

    hands = [Hand(**common("hand", h), handedness=h["handedness"], handedness_score=h["handedness_score"]) for h in document["hands"]]
    faces = [Face(**common("face", f), ibug68=np.array(f["ibug68"], np.float32)) for f in document["faces"]]
    return Result(document["width"], document["height"], tuple(hands), tuple(faces), {})


def to_json_error(name: str, message: str) -> dict:
    """The document of a photo that could not be read."""
    return {"photo": name, "error": message}


def unexpected(error: Exception) -> str:
    """The sentence for a photo with a fault that nobody foresaw: with its kind and words, for the report."""
    words = " ".join(str(error).split())[:200].rstrip(".")
    return f"Something went wrong while analysing this photo ({type(error).__name__}{words and ': '}{words})."


def distinct(names: Iterable[str]) -> Iterator[str]:
    """The names, each once: what came before gets a number, "a.jpg" becomes "a (2).jpg"."""
    taken: set[str] = set()
    last: dict[str, int] = {}  # the number that a name was given last
    for name in names:
        stem, suffix = os.path.splitext(name)
        unique = name
        while unique in taken:
            last[name] = last.get(name, 1) + 1
            unique = f"{stem} ({last[name]}){suffix}"
        taken.add(unique)
        yield unique


def to_csv(results: Iterable[tuple[str, Result]], header: bool = True) -> str:
    """One row per point of every hand and face; `number` counts the hands and the faces of a photo from 0.

    A photo in which nothing was found has no row. A name that a spreadsheet would take for a formula is preceded by
    an apostrophe; one that another photo has already is numbered.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(CSV_COLUMNS)
    named = list(results)
    shown = distinct(f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name for name, _ in named)
    for name, (_, result) in zip(shown, named):
        for kind, found in _kinds(result):
            for number, instance in enumerate(found):
                sides = (instance.handedness, _round(instance.handedness_score, 4)) if isinstance(instance, Hand) else ("", "")
                head = (name, kind, number, _round(instance.score, 4), *sides)
                points = zip(POINT_NAMES[kind], _round(instance.landmarks), _round(instance.sigma))
                writer.writerows((*head, place, label, *xyz, sigma) for place, (label, xyz, sigma) in enumerate(points))
    return text.getvalue()


def to_coco(results: Iterable[tuple[str, Result]]) -> dict:
    """A COCO keypoints data set: categories 1 = hand (21 points) and 2 = face (478 points). Names are numbered as in to_csv.

    Every keypoint has visibility 2 ("labelled and visible") in the picture, where it is not predicted whether a point is hidden, and 1
    ("labelled but not visible") outside it. Boxes end at the picture's edge. `score` and, for hands, `handedness` are kept as
    additional fields; z, sigma and the 68-point view have no place in COCO.
    """
    images: list[dict] = []
    annotations: list[dict] = []
    named = list(results)
    for image_id, (name, (_, result)) in enumerate(zip(distinct(name for name, _ in named), named), 1):
        images.append(coco_image(image_id, name, result.width, result.height))
        annotations += coco_annotations(image_id, result, len(annotations) + 1)
    return coco_frame() | {"images": images, "annotations": annotations}


def coco_frame() -> dict:
    """What a COCO file holds besides its images and annotations."""
    # pycocotools 2.0.9 and 2.0.10 load no results for a data set without `info`.
    info = {"description": "Hands (21 points) and faces (478 points) found by Pointillist"}
    return {"info": info, "licenses": [], "categories": _categories()}


def coco_image(image_id: int, name: str, width: int, height: int) -> dict:
    """A COCO image entry."""
    return {"id": image_id, "file_name": name, "width": width, "height": height}


def coco_annotations(image_id: int, result: Result, first_id: int) -> list[dict]:
    """The hands and faces of one image, numbered from first_id on."""
    annotations: list[dict] = []
    for category_id, (_, found) in enumerate(_kinds(result), 1):
        for instance in found:
            annotation = coco_annotation(first_id + len(annotations), image_id, category_id, instance.landmarks, instance.box, (result.width, result.height))
            annotation["score"] = _round(instance.score, 4)
            if isinstance(instance, Hand):
                annotation["handedness"] = instance.handedness
            annotations.append(annotation)
    return annotations


def coco_annotation(number: int, image_id: int, category_id: int, landmarks: np.ndarray, box: tuple[float, float, float, float], size: tuple[int, int]) -> dict:
    """One hand (category 1) or face (2) of an image of this size (width, height): landmarks (K, >= 2) and box in its pixels."""
    keypoints, bbox = _keypoints(landmarks, size), _inside(box, size)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": bbox,
        "area": _round(bbox[2] * bbox[3]),
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": len(keypoints) // 3,
    }


def _keypoints(landmarks: np.ndarray, size: tuple[int, int]) -> list[float]:
    """x, y and visibility of each point. COCO's readers let a picture reach from 0 to its size."""
    points = np.round(np.asarray(landmarks, np.float64)[:, :2], 2)
    inside = ((points >= 0) & (points < size)).all(axis=1)
    return np.column_stack([points, np.where(inside, 2, 1)]).ravel().tolist()


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> list[float]:
    """The part of a box (x, y, w, h) that lies in the picture."""
    start = np.asarray(box[:2], np.float64)
    corners = np.round(np.clip([start, start + box[2:]], 0, size), 2)
    return [*corners[0].tolist(), *_round(corners[1] - corners[0])]


def _categories() -> list[dict]:
    def category(number: int, name: str, points: tuple[str, ...], edges) -> dict:
        skeleton = [[a + 1, b + 1] for a, b in edges]  # COCO counts keypoints from 1
        return {"id": number, "name": name, "supercategory": "person", "keypoints": list(points), "skeleton": skeleton}

    return [category(1, "hand", HAND_POINTS, HAND_EDGES), category(2, "face", FACE_NAMES, FACE_MESH_EDGES)]


def _kinds(result: Result) -> tuple[tuple[str, tuple[Hand | Face, ...]], ...]:
    return ("hand", result.hands), ("face", result.faces)


def _round(value, digits: int = 2):
    """Plain Python numbers: a hundredth of a pixel says all there is to say, and keeps the files small."""
    return np.round(np.asarray(value, np.float64), digits).tolist()
