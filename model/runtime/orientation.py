"""The photo's orientation by its faces: a photo without its EXIF tag may lie on its side or stand on its head.

The detector finds upright faces and hands more surely than turned ones, and faces even when they are turned; so the faces tell how to turn the
photo for a second run. Quarter turns count counterclockwise, as in np.rot90.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..constants import CONSTANTS
from .result import Detection

_RULE = CONSTANTS["detector"]["orientation"]


def quarter_turns(detections: Sequence[Detection]) -> int:
    """How many quarter turns (0 to 3) of the photo make its faces upright; 0 if there is no face, or if they do not agree."""
    votes = np.zeros(4)
    for detection in detections:
        if detection.kind == "face" and detection.score >= _RULE["score"]:
            clockwise = math.atan2(detection.up[0], -detection.up[1])
            turns = round(clockwise / (math.pi / 2))
            if abs(clockwise - turns * math.pi / 2) <= math.radians(_RULE["degrees"]):
                votes[turns % 4] += detection.score
    turns = int(votes.argmax())
    return turns if votes[turns] > _RULE["majority"] * votes.sum() else 0


def turned_back(detection: Detection, turns: int, width: int, height: int) -> Detection:
    """A detection in the photo turned by `turns` quarters, which has width x height pixels then -> the same one in the photo itself."""
    (x, y, w, h), (up_x, up_y) = detection.box, detection.up
    for _ in range(turns):
        x, y, w, h = height - 1 - (y + h), x, h, w
        up_x, up_y = -up_y, up_x
        width, height = height, width
    return replace(detection, box=(x, y, w, h), up=(up_x, up_y))
