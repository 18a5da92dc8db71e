"""Hands in photos of `wild` that nobody labelled, recognised by eye among what this project's networks and MediaPipe detect there.

Without them a right detection counts as a false one. Their boxes are those of detections, good enough for an IoU of 0.3; hands that neither side
detects are missing, so recall with them is an upper bound. They are on validation photos, to measure with (nothing is chosen by them), and on those kept
back from training (`tune`, detections of this project only), to judge networks and the minimum confidence by. No network is trained on these photos.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.detection_sets import Scenes

FILE = Path(__file__).with_name("unlabelled_hands.json")  # file name of a photo -> boxes x, y, width, height as fractions of the photo's sides


def read() -> dict[str, np.ndarray]:
    """By file name of the photo the boxes (M, 4), fractions of its sides."""
    return {name: np.array(boxes, np.float32) for name, boxes in json.loads(FILE.read_text()).items()}


def with_unlabelled(photos: Scenes) -> Scenes:
    """The same photos, of `wild`, with these hands among their objects: boxes without landmarks, side or direction."""
    known = read()
    objects, points, sure, right = ([*rows] for rows in (photos.objects, photos.points, photos.sure, photos.right))
    for i, name in enumerate(photos.names):
        boxes = known.get(name)
        if photos.split[i] == "train" or boxes is None:
            continue
        rows = np.zeros((len(boxes), 8), np.float32)
        rows[:, 1:5] = boxes * np.tile(photos.sizes[i], 2)
        objects[i] = np.concatenate([objects[i], rows])
        points[i] = np.concatenate([points[i], np.full((len(boxes), 21, 2), np.nan, np.float32)])
        sure[i] = np.concatenate([sure[i], np.zeros(len(boxes), bool)])
        right[i] = np.concatenate([right[i], np.full(len(boxes), -1, np.int8)])
    return replace(photos, objects=objects, points=points, sure=sure, right=right)
