"""The drawing of model/output/draw.py for 30 pictures per second: the same colours and proportions, fewer passes.

All ink goes into one layer of colours and one of coverage, which are blended with the picture once.
"""

import cv2
import numpy as np
from PIL import ImageColor

from ..runtime.result import Face, Hand, Result
from ..runtime.topology import FACE_CONTOURS, FACE_MESH_EDGES, FINGERS, HAND_EDGES, PALM, PALM_COLOUR
from .draw import BONE, CONTOUR, DOT_SPREAD, FACE_COLOURS, FAR, HALO, HAND_POINT, MESH, MESH_COLOUR, SPREAD, SUBPIXEL_BITS, Layers, label, opacity

WIDEST = 50  # pixels; OpenCV refuses lines far wider than this
USUAL = Layers()

_FINGER_COLOURS = [finger.colour for finger in FINGERS]
_RGB = {name: ImageColor.getrgb(name) for name in (HALO, PALM_COLOUR, MESH_COLOUR, *FACE_COLOURS.values(), *_FINGER_COLOURS)}
_POINT_COLOURS = [next((f.colour for f in FINGERS if point in f.points), PALM_COLOUR) for point in range(21)]
_BONES = [(a, b, PALM_COLOUR if a in PALM.points and b in PALM.points else _POINT_COLOURS[b]) for a, b in HAND_EDGES]
_CONTOURS = [(c.edges, next(colour for part, colour in FACE_COLOURS.items() if part in c.name)) for c in FACE_CONTOURS]


def draw_live(rgb: np.ndarray, result: Result, layers: Layers = USUAL) -> np.ndarray:
    """A new picture: rgb (H, W, 3) uint8 with the landmarks of `result`, which is in its pixels.

    Of `layers`: skeleton, points (of hands; a face's 478 would take longer than all the rest), contours, mesh and labels.
    """
    ink = _Ink(rgb)
    for face in result.faces:
        _draw_face(ink, face, layers)
    for hand in result.hands:
        _draw_hand(ink, hand, layers)
    picture = ink.blended(rgb)
    instances: list[Hand | Face] = [*result.hands, *result.faces]
    for instance in instances if layers.labels else ():
        _draw_label(picture, instance)
    return picture


class _Ink:
    """A layer of colours and one of coverage, 0..255, of a picture's size."""

    def __init__(self, rgb: np.ndarray):
        self.colours = np.zeros(rgb.shape, np.uint8)
        self.coverage = np.zeros(rgb.shape[:2], np.uint8)

    def lines(self, points: np.ndarray, edges, strength: np.ndarray, colour: str, width: float, halo: float = 0.0, halo_ink: float = 0.0) -> None:
        """Lines between pairs of points (K, 2), each as strong as its weaker end; the halo is a factor of the width."""
        places = _fixed(points)
        for a, b in edges:
            level = 255 * float(min(strength[a], strength[b]))
            if halo:
                self._line(places[a], places[b], _RGB[HALO], level * halo_ink, width * halo)
        for a, b in edges:
            self._line(places[a], places[b], _RGB[colour], 255 * float(min(strength[a], strength[b])), width)

    def _line(self, a, b, colour, level: float, width: float) -> None:
        # What cv2.line draws with smooth edges is 2 k + SPREAD pixels wide at a thickness of 2 k.
        thickness = max(2 * round((min(width, WIDEST) - SPREAD) / 2), 1)
        # Colours hard-edged; how far they reach comes from the smooth coverage.
        cv2.line(self.colours, a, b, colour, max(thickness, 2), cv2.LINE_8, SUBPIXEL_BITS)
        cv2.line(self.coverage, a, b, level * min(width / SPREAD, 1.0), thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def dots(self, points: np.ndarray, strength: np.ndarray, colours: list[str], radius: float) -> None:
        size = round(max(min(radius, WIDEST) - DOT_SPREAD / 2, 0) * (1 << SUBPIXEL_BITS))
        for place, level, colour in zip(_fixed(points), strength, colours):
            cv2.circle(self.colours, place, size + (1 << SUBPIXEL_BITS - 1), _RGB[colour], -1, cv2.LINE_8, SUBPIXEL_BITS)
            cv2.circle(self.coverage, place, size, 255 * float(level), -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def blended(self, rgb: np.ndarray) -> np.ndarray:
        covered = cv2.boundingRect(self.coverage)
        picture = np.ascontiguousarray(rgb).copy()
        x, y, w, h = covered
        if not w:
            return picture
        part = slice(y, y + h), slice(x, x + w)
        share = self.coverage[part].astype(np.float32) / 255
        picture[part] = cv2.blendLinear(self.colours[part], picture[part], share, 1 - share)
        return picture


def _fixed(points: np.ndarray) -> list[tuple[int, int]]:
    return [tuple(p) for p in np.round(np.clip(points, -FAR, FAR) * (1 << SUBPIXEL_BITS)).astype(int).tolist()]


def _prepared(instance: Hand | Face) -> tuple[np.ndarray, float, np.ndarray]:
    """Points (K, 2), the object's larger side, how strongly each point is drawn (K,)."""
    points = instance.landmarks[:, :2].astype(np.float64)
    size = float(np.ptp(points, axis=0).max())
    return points, size, opacity(instance.sigma, size)


def _draw_hand(ink: _Ink, hand: Hand, layers: Layers) -> None:
    points, size, strength = _prepared(hand)
    width = max(BONE["width"] * size, BONE["least"])
    for colour in dict.fromkeys(colour for _, _, colour in _BONES if layers.skeleton):
        ink.lines(points, [(a, b) for a, b, own in _BONES if own == colour], strength, colour, width, BONE["halo"], BONE["halo_ink"])
    if layers.points:
        radius = max(width * HAND_POINT["radius"], HAND_POINT["least"])
        ink.dots(points, strength * HAND_POINT["halo_ink"], [HALO] * len(points), radius * HAND_POINT["halo"])
        ink.dots(points, strength, _POINT_COLOURS, radius)


def _draw_face(ink: _Ink, face: Face, layers: Layers) -> None:
    points, size, strength = _prepared(face)
    width = max(CONTOUR["width"] * size, CONTOUR["least"])
    if layers.mesh:
        ink.lines(points, FACE_MESH_EDGES, strength * MESH["ink"], MESH_COLOUR, width * MESH["width"])
    for edges, colour in _CONTOURS if layers.contours else ():
        ink.lines(points, edges, strength, colour, width, CONTOUR["halo"], CONTOUR["halo_ink"])


def _draw_label(picture: np.ndarray, instance: Hand | Face) -> None:
    height, width = picture.shape[:2]
    scale = max(height, width) / 1100
    text = label(instance).replace(" · ", ", ")  # OpenCV's font knows ASCII only
    (w, h), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    pad = h // 2
    x = int(np.clip(instance.landmarks[:, 0].mean() - w / 2, pad, max(width - w - pad, pad)))
    y = int(np.clip(instance.landmarks[:, 1].min() - 2 * pad, h + pad, height - pad))
    plate = picture[max(y - h - pad, 0) : y + base + pad // 2, max(x - pad, 0) : x + w + pad]
    plate[:] = plate // 4
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
