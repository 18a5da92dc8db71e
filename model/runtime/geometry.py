"""ROI, crop and letterbox: the one transform between photo and crop.

Frames: photo pixels and crop pixels, x right, y down, an integer is a pixel's centre. Transforms are 3 x 3 float64
matrices for column vectors (x, y, 1); every one of them is invertible.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..constants import CONSTANTS, CROP

STEP: int = CONSTANTS["detector"]["step"]
_LEAST_SIDE = 2.0  # photo pixels; keeps the transform invertible whatever the network says


@dataclass(frozen=True)
class ROI:
    """A square region of interest in a photo, seen as an upright crop.

    cx, cy: its centre, photo pixels. side: photo pixels. angle: radians, clockwise as seen, from the photo's up to
    the object's up. mirrored: the crop shows the photo's left on its right (in a mirrored camera preview, and for averaging).
    """

    cx: float
    cy: float
    side: float
    angle: float = 0.0
    mirrored: bool = False

    def to_crop(self, size: int = CROP) -> np.ndarray:
        """(3, 3) photo pixel -> pixel of the size x size crop."""
        return np.linalg.inv(self.to_photo(size))

    def to_photo(self, size: int = CROP) -> np.ndarray:
        """(3, 3) crop pixel -> photo pixel."""
        scale = self.side / size
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        flip = -1.0 if self.mirrored else 1.0
        middle = (size - 1) / 2
        left, top = self.cx - (cos * flip - sin) * middle, self.cy - (sin * flip + cos) * middle
        return np.array([[cos * flip, -sin, left], [sin * flip, cos, top], [0.0, 0.0, 1.0]])

    def corners(self) -> np.ndarray:
        """(4, 2) outer corners in photo pixels: top left, top right, bottom right, bottom left of the crop."""
        low, high = -0.5, CROP - 0.5
        return transform(self.to_photo(), np.array([[low, low], [high, low], [high, high], [low, high]]))

    def reach(self) -> float:
        """From the centre to the left, top, right and bottom end of the turned square, photo pixels."""
        return self.side / 2 * (abs(math.cos(self.angle)) + abs(math.sin(self.angle)))

    def mirror(self, width: int) -> "ROI":
        """The same region in the photo flipped left to right; its crop is the same picture."""
        return replace(self, cx=width - 1 - self.cx, angle=-self.angle, mirrored=not self.mirrored)


def roi_from_box(kind: str, box: tuple[float, float, float, float], up: tuple[float, float]) -> ROI:
    """The first crop of a detected object: box (x, y, w, h) in photo pixels, `up` a direction in the photo."""
    x, y, w, h = box
    rule = CONSTANTS["roi"][kind]
    side, angle = rule["scale_box"] * max(w, h, _LEAST_SIDE), angle_of(up)
    down = rule["box_down"] * side
    return ROI(x + w / 2 - down * math.sin(angle), y + h / 2 + down * math.cos(angle), side, angle)


def roi_from_points(kind: str, points: np.ndarray) -> ROI:
    """The crop around known points (K, >= 2) in photo pixels, turned so that the object is upright."""
    rule = CONSTANTS["roi"][kind]
    xy = np.asarray(points, np.float64)[:, :2]
    angle = angle_of(xy[rule["up_to"]] - xy[rule["up_from"]])
    cos, sin = math.cos(angle), math.sin(angle)
    (left, top), (right, bottom) = extent(xy @ np.array([[cos, -sin], [sin, cos]]))  # in the object's own axes
    across, down = (left + right) / 2, (top + bottom) / 2
    side = rule["scale_points"] * max(right - left, bottom - top, _LEAST_SIDE)
    return ROI(across * cos - down * sin, across * sin + down * cos, side, angle)


def extent(points: np.ndarray) -> tuple[list[float], list[float]]:
    """The least and the largest x and y of points (K, >= 2)."""
    xy = points[:, :2]
    return xy.min(axis=0).tolist(), xy.max(axis=0).tolist()


def angle_of(up) -> float:
    """Clockwise angle in radians of the direction (ux, uy), y down, from the picture's up; 0 if it has no length."""
    ux, uy = float(up[0]), float(up[1])
    return math.atan2(ux, -uy) if (ux or uy) else 0.0


def transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a (3, 3) affine matrix to points (..., 2)."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def extract_crop(rgb: np.ndarray, roi: ROI, size: int = CROP) -> np.ndarray:
    """The crop (size, size, 3) uint8 that `roi` describes; black where it reaches beyond the photo."""
    (crop,) = extract_crops(rgb, [roi], size)
    return crop


def extract_crops(rgb: np.ndarray, rois: Sequence[ROI], size: int = CROP) -> np.ndarray:
    """(N, size, size, 3) uint8: the crop of each ROI; black where it reaches beyond the photo."""
    crops = np.empty((len(rois), size, size, 3), np.uint8)
    for crop, roi in zip(crops, rois):
        _extract(rgb, roi, crop)
    return crops


def _extract(rgb: np.ndarray, roi: ROI, crop: np.ndarray) -> None:
    """Fills `crop` (size, size, 3)."""
    height, width = rgb.shape[:2]
    reach = roi.reach() + 2
    left, top = max(math.floor(roi.cx - reach), 0), max(math.floor(roi.cy - reach), 0)
    right, bottom = min(math.ceil(roi.cx + reach) + 1, width), min(math.ceil(roi.cy + reach) + 1, height)
    if left >= right or top >= bottom:
        crop[:] = 0
        return
    size = len(crop)
    region, level = _shrunk(ImagePyramid(rgb[top:bottom, left:right]), size / roi.side)
    to_region, half = roi.to_photo(size)[:2], 0.5**level
    to_region *= half
    to_region[:, 2] += (half - 1) / 2 - left * half, (half - 1) / 2 - top * half
    # OpenCV warps four channels in half the time of three, to the same pixels.
    region = cv2.cvtColor(region, cv2.COLOR_RGB2RGBA)
    warped = cv2.warpAffine(region, to_region, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT)
    cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB, crop)


class ImagePyramid:
    """A picture (H, W, 3) and its halves, quarters ...: level n is 2**n times smaller. Each is made once, when it is first needed.
    An odd last row or column is left out.

    Exact halving is many times faster than OpenCV's general area filter, and a large photo is shrunk to several sizes.
    """

    def __init__(self, rgb: np.ndarray):
        self._pictures = [rgb]
        self.shape = rgb.shape

    def __getitem__(self, level: int) -> np.ndarray:
        while len(self._pictures) <= level:
            last = self._pictures[-1]
            height, width = (length // 2 for length in last.shape[:2])
            half = cv2.resize(last[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
            self._pictures.append(half)
        return self._pictures[level]


def fit(rgb: np.ndarray | ImagePyramid, longer: int) -> tuple[np.ndarray, np.ndarray]:
    """The whole photo with its longer side resized to `longer`, and (3, 3) its pixels -> photo pixels."""
    pyramid = rgb if isinstance(rgb, ImagePyramid) else ImagePyramid(rgb)
    scale = longer / max(rgb.shape[:2])
    new_width, new_height = (max(1, round(length * scale)) for length in rgb.shape[1::-1])
    small, level = _shrunk(pyramid, scale)
    height, width = small.shape[:2]
    if (new_width, new_height) != (width, height):
        small = cv2.resize(small, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    # Whole pixels make the two axes' scales differ a little.
    return small, _scaling(width * 2**level / new_width, height * 2**level / new_height)


def letterbox(rgb: np.ndarray | ImagePyramid, size: int = CROP) -> tuple[np.ndarray, np.ndarray]:
    """The whole photo, its longer side resized to `size`, centred in a picture with multiples of STEP as sides, black around; and
    (3, 3) its pixels -> photo pixels."""
    small, to_photo = fit(rgb, size)
    height, width = small.shape[:2]
    picture = np.zeros((-(-height // STEP) * STEP, -(-width // STEP) * STEP, 3), np.uint8)
    left, top = (picture.shape[1] - width) // 2, (picture.shape[0] - height) // 2
    picture[top : top + height, left : left + width] = small
    shift = np.eye(3)
    shift[:2, 2] = -left, -top
    return picture, to_photo @ shift


def _shrunk(pyramid: ImagePyramid, scale: float) -> tuple[np.ndarray, int]:
    """The picture halved so often that a bilinear step to `scale` shrinks by less than two, and how often: a bilinear step
    touches every pixel up to there, and would skip some and alias beyond."""
    level = 0
    while scale * 2**level <= 0.5 and min(pyramid[level].shape[:2]) >= 2:
        level += 1
    return pyramid[level], level


def _scaling(sx: float, sy: float) -> np.ndarray:
    """(3, 3) old -> new pixel of a resized picture: pixels are counted at their centres."""
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])


def box_around(landmarks: np.ndarray, margin: float) -> tuple[float, float, float, float]:
    """(x, y, w, h) around the points, larger by `margin` of its larger side on each side. Measured on training photos, it agrees
    better with the boxes that people draw than the detector's own box does, above all for small objects."""
    (left, top), (right, bottom) = extent(landmarks)
    w, h = right - left, bottom - top
    margin *= max(w, h)
    return left - margin, top - margin, w + 2 * margin, h + 2 * margin
