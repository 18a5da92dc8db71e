"""Draws a Result into its photo: `draw(rgb, result, layers)`, a new picture.

Everything is drawn as a coverage mask first (0 = nothing, 255 = full ink) and then blended in one colour. That gives
smooth edges at any size, lets a single point fade, and keeps the cost at the size of the object and not of the photo.
Line widths follow the object: a hand is drawn alike small in a group photo and filling the picture.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ..constants import CONSTANTS
from ..runtime.result import Face, Hand, Result
from ..runtime.topology import FACE_CONTOURS, FACE_MESH_EDGES, FINGERS, HAND_EDGES, PALM, PALM_COLOUR

_STYLE = CONSTANTS["drawing"]  # shared with the browser's drawing
FACE_COLOURS: dict[str, str] = _STYLE["face_colours"]
MESH_COLOUR: str = _STYLE["mesh_colour"]
HALO: str = _STYLE["halo"]
FACE_POINT_COLOUR = "#FFFFFF"
PLAIN_GROUND = "#16181D"

# A point is drawn in full while its expected error is below SURE and faintest above LOST (fractions of the object's
# larger side). It never vanishes: a guess is shown as a guess.
SURE, LOST, FAINTEST = (_STYLE["opacity"][name] for name in ("sure", "lost", "faintest"))

# Widths, radii and opacities, as model/constants.py explains them.
BONE, CONTOUR, MESH, HAND_POINT, FACE_POINT = (_STYLE[name] for name in ("bone", "contour", "mesh", "hand_point", "face_point"))
_UNCERTAIN, _BOX = _STYLE["uncertain"], _STYLE["box"]
UNCERTAIN_COLOUR: str = _UNCERTAIN["colour"]
MOST_DASHES = 200  # a path


@dataclass(frozen=True)
class Layers:
    """Which parts of the drawing are wanted."""

    photo: bool = True  # False: a plain dark ground instead of the photo
    skeleton: bool = True  # bones of the hands, in five finger colours
    contours: bool = True  # oval, brows, eyes, irises, nose and lips of the faces
    mesh: bool = False  # the faces' triangles
    points: bool = True  # every landmark as a dot
    labels: bool = True  # left, right or face, with the score
    boxes: bool = False  # the boxes
    numbers: bool = False  # the index beside every point of a hand
    uncertain: bool = False  # dashed, what the minimum confidence rejected, if the result holds it


def draw(rgb: np.ndarray, result: Result, layers: Layers = Layers()) -> np.ndarray:
    """The photo with its landmarks.

    rgb: uint8 (H, W, 3); may be a smaller or larger copy of the photo that `result` (in pixels of the photo) speaks of.
    Returns a new uint8 array of rgb's shape.
    """
    picture = rgb.copy() if layers.photo else np.full_like(rgb, ImageColor.getrgb(PLAIN_GROUND))
    scale = rgb.shape[1] / result.width
    uncertain = result.uncertain if layers.uncertain else ()
    for instance in uncertain:
        _draw_uncertain(picture, instance, scale)
    for face in result.faces:
        _draw_face(picture, face, scale, layers)
    for hand in result.hands:
        _draw_hand(picture, hand, scale, layers)
    if layers.boxes:
        everything: tuple[Hand | Face, ...] = (*result.faces, *result.hands)
        for instance in everything:
            _draw_box(picture, instance.box, scale)
    if layers.labels:
        instances: tuple[Hand | Face, ...] = (*result.hands, *result.faces)
        _draw_labels(
            picture, [(instance, label(instance)) for instance in instances] + [(instance, uncertain_label(instance)) for instance in uncertain], scale
        )
    return picture


def opacity(sigma: np.ndarray, size: float) -> np.ndarray:
    """How strongly each point is drawn, (K,) FAINTEST..1, from its expected error and the object's size (same unit)."""
    doubt = (np.asarray(sigma, np.float64) / max(size, 1e-6) - SURE) / (LOST - SURE)
    return 1 - (1 - FAINTEST) * np.clip(doubt, 0, 1)


def _draw_hand(picture: np.ndarray, hand: Hand, scale: float, layers: Layers) -> None:
    points, size, strength = _prepared(hand, scale, picture)
    width = max(BONE["width"] * size, BONE["least"])
    if layers.skeleton:
        _lines(picture, points, HAND_EDGES, strength, HALO, width * BONE["halo"], BONE["halo_ink"])
        for colour, edges in _bones_by_colour().items():
            _lines(picture, points, edges, strength, colour, width)
    if layers.points:
        radius = max(width * HAND_POINT["radius"], HAND_POINT["least"])
        _dots(picture, points, strength, HALO, radius * HAND_POINT["halo"], HAND_POINT["halo_ink"])
        _dots(picture, points[:1], strength[:1], PALM_COLOUR, radius)
        for finger in FINGERS:
            own = list(finger.points)
            _dots(picture, points[own], strength[own], finger.colour, radius)
    if layers.numbers:
        height = int(max(size * 0.045, 9))
        for number, (x, y) in enumerate(points):
            _text(picture, str(number), x + width * 1.6, y - height / 2, height, padding=1)


@functools.cache
def _bones_by_colour() -> dict[str, list[tuple[int, int]]]:
    """The hand's edges by colour: those between palm points, then each finger's own."""
    bones: dict[str, list[tuple[int, int]]] = {PALM_COLOUR: []}
    for a, b in HAND_EDGES:
        in_palm = a in PALM.points and b in PALM.points
        colour = PALM_COLOUR if in_palm else next(finger.colour for finger in FINGERS if b in finger.points)
        bones.setdefault(colour, []).append((a, b))
    return bones


def _draw_face(picture: np.ndarray, face: Face, scale: float, layers: Layers) -> None:
    points, size, strength = _prepared(face, scale, picture)
    width = max(CONTOUR["width"] * size, CONTOUR["least"])
    if layers.mesh:
        _lines(picture, points, FACE_MESH_EDGES, strength, MESH_COLOUR, width * MESH["width"], MESH["ink"])
    if layers.contours:
        contours = _contours_by_colour()
        _lines(picture, points, sum(contours.values(), []), strength, HALO, width * CONTOUR["halo"], CONTOUR["halo_ink"])
        for colour, edges in contours.items():
            _lines(picture, points, edges, strength, colour, width)
    if layers.points:
        _dots(picture, points, strength, FACE_POINT_COLOUR, max(width * FACE_POINT["radius"], FACE_POINT["least"]), FACE_POINT["ink"])


def _prepared(instance: Hand | Face, scale: float, picture: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """In pixels of the picture to draw in: points (K, 2) and the object's larger side; the points' opacity (K,)."""
    points = (instance.landmarks[:, :2].astype(np.float64) + 0.5) * scale - 0.5  # an integer is a pixel's centre
    # A point far astray must not blow the lines up.
    size = min(float(np.ptp(points, axis=0).max()), 2.0 * max(picture.shape[:2]))
    return points, size, opacity(instance.sigma * scale, size)


@functools.cache
def _contours_by_colour() -> dict[str, list[tuple[int, int]]]:
    """The edges of the face's contours by the colour of the part they outline."""
    return {colour: [edge for contour in FACE_CONTOURS if part in contour.name for edge in contour.edges] for part, colour in FACE_COLOURS.items()}


def _lines(picture, points, edges, strength, colour, width, ink=1.0, round_ends=True) -> None:
    """Straight lines between pairs of points; each as strong as the weaker of its ends."""
    edges = np.asarray(edges)
    level = np.minimum(strength[edges[:, 0]], strength[edges[:, 1]])
    order = np.argsort(level)  # strong ones last: a faint line must not cut through a strong one

    def paint(mask: np.ndarray, place: Callable, zoom: float) -> None:
        ends, half = place(points), max(width * zoom - SPREAD, 0) / 2
        along = ends[edges[:, 1]] - ends[edges[:, 0]]
        aside = half * np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
        corners = np.stack([ends[edges[:, 0]] + aside, ends[edges[:, 1]] + aside, ends[edges[:, 1]] - aside, ends[edges[:, 0]] - aside], 1)
        for i in order:
            # Not cv2.line, which knows whole pixels only and makes of a width of 4 pixels 5.4, of 5 pixels 7.5.
            cv2.fillConvexPoly(mask, _fixed(corners[i]), round(255 * level[i]), cv2.LINE_AA, SUBPIXEL_BITS)
            for end in _fixed(ends[edges[i]]).tolist() if round_ends else ():
                cv2.circle(mask, end, round(half * (1 << SUBPIXEL_BITS)), round(255 * level[i]), -1, cv2.LINE_AA, SUBPIXEL_BITS)

    _blend(picture, points[np.unique(edges)], width, colour, ink, paint)


def _dots(picture, points, strength, colour, radius, ink=1.0) -> None:
    def paint(mask: np.ndarray, place: Callable, zoom: float) -> None:
        centres = _fixed(place(points)).tolist()
        size = round(max(radius * zoom - DOT_SPREAD / 2, 0) * (1 << SUBPIXEL_BITS))
        for i in np.argsort(strength):
            cv2.circle(mask, centres[i], size, round(255 * strength[i]), -1, cv2.LINE_AA, SUBPIXEL_BITS)

    _blend(picture, points, 2 * radius, colour, ink, paint)


SUBPIXEL_BITS = 4  # OpenCV takes coordinates as integers with this many bits behind the point
FAR = 1 << 14  # coordinates beyond this are clipped before they overflow OpenCV's fixed point
SPREAD, DOT_SPREAD = 1.3, 1.1  # pixels by which its smooth edges widen a filled polygon and a circle, measured


def _fixed(places: np.ndarray) -> np.ndarray:
    """Places (..., 2) in pixels as OpenCV's fixed point."""
    return np.round(places * (1 << SUBPIXEL_BITS)).astype(np.int32)


def _blend(picture, points, width, colour, ink, paint) -> None:
    """Calls paint(mask, place, zoom) on a coverage mask around `points` and blends `colour` through it into picture."""
    height, breadth = picture.shape[:2]
    margin = width / 2 + 2
    left, top = np.clip(np.floor(points.min(0) - margin), 0, (breadth, height)).astype(int)
    right, bottom = np.clip(np.ceil(points.max(0) + margin) + 1, 0, (breadth, height)).astype(int)
    if right <= left or bottom <= top:
        return  # all of it lies outside the picture
    # Its smooth edges alone are wider than a thin line, which is drawn larger and shrunk.
    zoom = int(np.clip(np.ceil(4 / width), 1, 4))
    mask = np.zeros(((bottom - top) * zoom, (right - left) * zoom), np.uint8)

    def place(where: np.ndarray) -> np.ndarray:
        return np.clip((where - (left, top) + 0.5) * zoom - 0.5, -FAR, FAR)

    paint(mask, place, zoom)
    if zoom > 1:
        mask = cv2.resize(mask, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    area = picture[top:bottom, left:right]
    share = mask[..., None].astype(np.float32) * (ink / 255)
    area[:] = np.rint(area + share * (np.array(ImageColor.getrgb(colour), np.float32) - area)).astype(np.uint8)


def _draw_uncertain(picture: np.ndarray, instance: Hand | Face, scale: float) -> None:
    """A dashed skeleton, or a face's dashed contours, in one colour: at a glance something else than what is confident."""
    points, size, _ = _prepared(instance, scale, picture)
    is_hand = isinstance(instance, Hand)
    width = max((BONE if is_hand else CONTOUR)["width"] * size, _UNCERTAIN["least"])
    paths = HAND_EDGES if is_hand else [[*contour.points, *contour.points[: contour.closed]] for contour in FACE_CONTOURS]
    ends = np.concatenate([dashes(points[list(path)], max(_UNCERTAIN["dash"] * size, _UNCERTAIN["least_dash"])) for path in paths])
    edges, strength = np.arange(len(ends)).reshape(-1, 2), np.ones(len(ends))
    _lines(picture, ends, edges, strength, HALO, width * _UNCERTAIN["halo"], _UNCERTAIN["halo_ink"], round_ends=False)
    _lines(picture, ends, edges, strength, UNCERTAIN_COLOUR, width, round_ends=False)


def dashes(path: np.ndarray, length: float) -> np.ndarray:
    """(2 N, 2): the starts and ends of N straight dashes along the path (K, 2), as long as the gaps between them."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    count = min(max(round((along[-1] / length + 1) / 2), 1), MOST_DASHES)
    at = np.linspace(0, along[-1], 2 * count)
    return np.column_stack([np.interp(at, along, path[:, axis]) for axis in (0, 1)])


def _draw_box(picture: np.ndarray, box, scale: float) -> None:
    x, y, w, h = (float(v) * scale for v in box)
    corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    edges, strength = [(0, 1), (1, 2), (2, 3), (3, 0)], np.ones(4)
    width = max(_BOX["width"] * max(w, h), _BOX["least"])
    _lines(picture, corners, edges, strength, HALO, width * _BOX["halo"], _BOX["halo_ink"])
    _lines(picture, corners, edges, strength, "#FFFFFF", width)


def label(instance: Hand | Face) -> str:
    """What is written beside a hand or face: 'Hand 86 % · left 98 %' (its confidence and that of its side), or 'Face 99 %'."""
    if isinstance(instance, Face):
        return f"Face {percent(instance.score)}"
    side = f"{instance.handedness} {percent(instance.handedness_score)}" if instance.handedness_is_clear else "left or right?"
    return f"Hand {percent(instance.score)} · {side}"


def uncertain_label(instance: Hand | Face) -> str:
    """The same for what was rejected: its side would say nothing, as it may be no hand."""
    return f"Uncertain {'hand' if isinstance(instance, Hand) else 'face'} {percent(instance.score)}"


def percent(share: float) -> str:
    """A share of 0..1 in whole percent: '86 %'."""
    return f"{100 * share:.0f} %"


def _draw_labels(picture: np.ndarray, labelled: list[tuple[Hand | Face, str]], scale: float) -> None:
    """Labels above the objects, moved down where they would cover each other or leave the picture."""
    height, width = picture.shape[:2]
    text_height = int(max(0.027 * max(height, width), 11))
    taken: list[tuple[float, float, float, float]] = []
    for instance, text in labelled:
        w, h = _text_size(text, text_height, padding=text_height // 4)
        points = instance.landmarks[:, :2] * scale
        x = float(np.clip(points[:, 0].mean() - w / 2, 0, max(width - w, 0)))
        y = float(np.clip(points[:, 1].min() - h * 1.4, 0, max(height - h, 0)))
        while y + 2 * h < height and any(abs(x - a) < (w + c) / 2 and abs(y - b) < h for a, b, c, _ in taken):
            y += h / 2
        taken.append((x, y, w, h))
        _text(picture, text, x, y, text_height, padding=text_height // 4)


@functools.lru_cache(maxsize=16)
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(height)  # the outline font inside Pillow: no font file needed


def _text_size(text: str, height: int, padding: int) -> tuple[int, int]:
    return round(_font(height).getlength(text)) + 2 * padding, round(height * 1.25) + 2 * padding


def _text(picture: np.ndarray, text: str, x: float, y: float, height: int, padding: int) -> None:
    """White text on a dark, see-through plate with its top left corner at (x, y); clipped at the picture's edge."""
    w, h = _text_size(text, height, padding)
    plate = Image.new("RGBA", (w, h), (0, 0, 0, 0))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((0, 0, w - 1, h - 1), radius=h // 4, fill=(12, 14, 18, 190))
    pen.text((w / 2, h / 2), text, font=_font(height), fill="white", anchor="mm")
    left, top = round(x), round(y)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + w, picture.shape[1]), min(top + h, picture.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    rgba = np.asarray(plate)[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
    area = picture[y0:y1, x0:x1]
    area[:] = np.rint(area + rgba[..., 3:] / 255 * (rgba[..., :3] - area)).astype(np.uint8)
