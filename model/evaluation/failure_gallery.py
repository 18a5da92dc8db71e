"""The worst failures on one sheet, from rendered pictures that may be shown to anybody."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..data.samples import Samples
from ..runtime.topology import HAND_EDGES

FREE_BACKGROUNDS = (1, 2)  # `bg` of the rendered sets: CC0 panoramas, and patterns made by a program
TRUE, FOUND, MISSED = (40, 220, 120), (255, 80, 80), (255, 200, 0)
SIDE = 256


def shippable(s: Samples, row: int) -> bool:
    """Whether the picture holds only CC0 material."""
    return "bg" in s.notes and int(s.notes["bg"][row]) in FREE_BACKGROUNDS


def tile(picture: np.ndarray, truth: np.ndarray, found: np.ndarray | None, text: str) -> np.ndarray:
    """(256, 256, 3): the truth in green, what was found in red, and what is wrong with it."""
    canvas = picture.copy()
    for points, colour in ((truth, TRUE), (found, FOUND)):
        if points is None:
            continue
        fixed = (points * 16).round().astype(int)  # sub-pixel drawing
        if len(points) == 21:
            for a, b in HAND_EDGES:
                cv2.line(canvas, fixed[a].tolist(), fixed[b].tolist(), colour, 1, cv2.LINE_AA, 4)
        for point in fixed:
            cv2.circle(canvas, point.tolist(), 24, colour, -1, cv2.LINE_AA, 4)
    cv2.putText(canvas, text, (6, 248), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(canvas, text, (6, 248), cv2.FONT_HERSHEY_SIMPLEX, 0.45, FOUND if found is not None else MISSED, 1, cv2.LINE_AA)
    return canvas


def sheet(tiles: Sequence[np.ndarray], path: Path, columns: int = 4) -> None:
    """Write the tiles as one WebP picture."""
    rows = -(-len(tiles) // columns)
    canvas = np.zeros((rows * SIDE, columns * SIDE, 3), np.uint8)
    for number, picture in enumerate(tiles):
        top, left = number // columns * SIDE, number % columns * SIDE
        canvas[top : top + SIDE, left : left + SIDE] = picture
    Image.fromarray(canvas).save(path, quality=80)
