"""Results as files for tools that label photos and train from labels: YOLO-pose and Label Studio.

Both count in shares of the picture, from its edge: an integer pixel's centre x is at (x + 0.5) / width.
"""

import os.path
from collections.abc import Iterable
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from ..runtime.result import Face, Hand, Result
from ..runtime.topology import HAND_POINTS, IBUG_NAMES, POINT_NAMES
from .serialize import distinct

YOLO_FOLDERS = {"hand": "hands", "face": "faces"}  # a YOLO-pose set has one number of keypoints, so each kind is a set of its own
LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves the files of a folder that it was given
RECTANGLES = ("left hand", "right hand", "face")
_MOST_STEM = 200  # bytes; file systems take 255 with folder and ending
_KEYPOINT_WIDTH = 0.5  # of a keypoint's mark, percent of the picture's width


def yolo_names(names: Iterable[str]) -> list[str]:
    """The stem of each photo's label file; YOLO pairs "images/a.jpg" with "labels/a.txt", so a stem that is taken is numbered.

    What would leave the folder on any system, cannot be printed or is too long for a file name is replaced or cut."""
    return [os.path.splitext(name)[0] for name in distinct(f"{_plain(os.path.splitext(os.path.basename(name))[0])}.txt" for name in names)]


def _plain(stem: str) -> str:
    plain = "".join(c if c.isprintable() and c not in "/\\:" else "_" for c in stem)
    return plain.encode()[:_MOST_STEM].decode(errors="ignore").strip(". ") or "photo"


def yolo_data(kind: str) -> str:
    """data.yaml of the set of one kind, "hand" or "face"."""
    count = len(POINT_NAMES[kind])
    lines = [
        f"# {kind.capitalize()}s found by Pointillist. Put the photos into images/, each under the name of its file in labels/.",
        "path: .",
        "train: images",
        "val: images",
        f"kpt_shape: [{count}, 3]",
        "names:",
        f"  0: {kind}",
    ]
    if kind == "hand":  # mirrored, a hand's points keep their numbers; of a face's points nobody has written down the pairs: train with fliplr=0
        lines.insert(5, f"flip_idx: {list(range(count))}")
    return "\n".join(lines) + "\n"


def yolo_rows(kind: str, result: Result) -> str:
    """A row for each hand or face: class, box (centre and size), then x, y and visibility of each keypoint, all as shares of the picture.

    A keypoint in the picture has visibility 2; one outside it, for which YOLO has no numbers, is "0 0 0".
    """
    size = np.array([result.width, result.height])
    rows = []
    for instance in result.hands if kind == "hand" else result.faces:
        low, high = np.clip([(np.array(instance.box[:2]) + 0.5) / size, (np.array(instance.box[:2]) + instance.box[2:] + 0.5) / size], 0, 1)
        points = (instance.landmarks[:, :2].astype(np.float64) + 0.5) / size
        inside = ((points >= 0) & (points < 1)).all(axis=1)
        keypoints = np.where(inside[:, None], np.column_stack([points, np.full(len(points), 2)]), 0)
        numbers = [*(low + high) / 2, *(high - low)]
        rows.append(" ".join(["0", *(f"{number:.6f}" for number in numbers), *(f"{x:.6f} {y:.6f} {v:.0f}" for x, y, v in keypoints)]))
    return "".join(f"{row}\n" for row in rows)


def to_yolo(results: Iterable[tuple[str, Result]]) -> dict[str, str]:
    """The files of two YOLO-pose sets by their paths: hands/data.yaml, hands/labels/a.txt, ...; faces/ the same. A photo without a hand
    or face has an empty file: an example without objects."""
    named = list(results)
    files = {f"{folder}/data.yaml": yolo_data(kind) for kind, folder in YOLO_FOLDERS.items()}
    for stem, (_, result) in zip(yolo_names(name for name, _ in named), named):
        files |= {f"{folder}/labels/{stem}.txt": yolo_rows(kind, result) for kind, folder in YOLO_FOLDERS.items()}
    return files


def label_studio_task(name: str, result: Result, prefix: str = LOCAL_FILES) -> dict:
    """One task of Label Studio, its prediction a rectangle for each hand and face and their keypoints: a hand's 21 points, a face's
    68-point view (nobody labels 478). Lengths in percent of the picture. prefix: what Label Studio finds the photo under."""
    regions: list[dict] = []
    size = np.array([result.width, result.height])
    frame = {"to_name": "image", "original_width": result.width, "original_height": result.height, "image_rotation": 0}
    everything: tuple[Hand | Face, ...] = (*result.hands, *result.faces)
    for number, instance in enumerate(everything):
        what = f"{instance.handedness} hand" if isinstance(instance, Hand) else "face"
        low, high = np.clip([(np.array(instance.box[:2]) + 0.5) / size, (np.array(instance.box[:2]) + instance.box[2:] + 0.5) / size], 0, 1) * 100
        box = {"x": low[0], "y": low[1], "width": high[0] - low[0], "height": high[1] - low[1]}
        value = {key: round(float(share), 4) for key, share in box.items()} | {"rotation": 0, "rectanglelabels": [what]}
        rectangle = f"{what.replace(' ', '_')}_{number}"
        regions.append(frame | {"id": rectangle, "type": "rectanglelabels", "from_name": "box", "score": round(instance.score, 4), "value": value})
        points, labels = (instance.landmarks[:, :2], HAND_POINTS) if isinstance(instance, Hand) else (instance.ibug68, IBUG_NAMES)
        for label, (x, y) in zip(labels, (points.astype(np.float64) + 0.5) / size * 100):
            if 0 <= x < 100 and 0 <= y < 100:  # Label Studio has no place for what lies outside
                place = {"x": round(float(x), 4), "y": round(float(y), 4), "width": _KEYPOINT_WIDTH, "keypointlabels": [label]}
                region = {"id": f"{rectangle}_{label}", "parentID": rectangle, "type": "keypointlabels", "from_name": "keypoint", "value": place}
                regions.append(frame | region)
    scores = [instance.score for instance in everything]
    prediction = {"model_version": "pointillist", "score": round(min(scores), 4) if scores else 0.0, "result": regions}
    return {"data": {"image": prefix + quote(name, errors="replace")}, "predictions": [prediction]}


def label_studio_config() -> str:
    """The labelling interface that the tasks need: paste it into the project's settings."""
    rectangles = "".join(f"    <Label value={quoteattr(label)}/>\n" for label in RECTANGLES)
    keypoints = "".join(f"    <Label value={quoteattr(label)}/>\n" for label in (*HAND_POINTS, *IBUG_NAMES))
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        f'  <RectangleLabels name="box" toName="image">\n{rectangles}  </RectangleLabels>\n'
        f'  <KeyPointLabels name="keypoint" toName="image">\n{keypoints}  </KeyPointLabels>\n</View>\n'
    )


def to_label_studio(results: Iterable[tuple[str, Result]], prefix: str = LOCAL_FILES) -> list[dict]:
    """A task for each photo, ready for json.dumps and Label Studio's import. Names are numbered as in to_coco."""
    named = list(results)
    return [label_studio_task(name, result, prefix) for name, (_, result) in zip(distinct(name for name, _ in named), named)]
