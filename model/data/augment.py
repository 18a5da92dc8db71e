"""Augmentation: from a stored crop to what the network sees while it trains.

Geometry first (one warp: turn, scale, shift, mirror), then what lies behind and in front of the object, then the camera
(light, colour, blur, resolution, noise, JPEG). Everything draws from one numpy Generator, so that a run repeats exactly.
"""

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from ..runtime.geometry import ROI, angle_of

FLIP_IBUG = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        45,
        44,
        43,
        42,
        47,
        46,
        39,
        38,
        37,
        36,
        41,
        40,
        *range(54, 47, -1),
        *range(59, 54, -1),
        *range(64, 59, -1),
        *range(67, 64, -1),
    ]
)


def flip_mesh(mean: np.ndarray) -> np.ndarray:
    """The permutation that mirrors the 478 points, found from a frontal mean face (478, 2): points and mirror images are paired so that
    they lie nearest to each other. Irises are paired by their definition (each runs right, top, left, bottom of the picture)."""
    axis = (mean[33, 0] + mean[263, 0]) / 2
    mirrored = mean[:468] * (-1, 1) + (2 * axis, 0)
    _, partner = linear_sum_assignment(np.linalg.norm(mirrored[:, None] - mean[None, :468], axis=-1) ** 2)
    return np.concatenate([partner, [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]])


def similarity(centre: np.ndarray, side: float, angle: float, mirror: bool, size: int) -> np.ndarray:
    """(2, 3) from picture pixels to a size x size crop: square of `side` around `centre`, its up turned `angle` radians
    clockwise from the picture's up, mirrored left to right if asked."""
    return ROI(float(centre[0]), float(centre[1]), side, angle, mirror).to_crop(size)[:2]


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) picture pixels -> crop pixels."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def unsqueezed(matrix: np.ndarray, centre: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`matrix` (2, 3) after a random stretch of the picture along one of its sides: for photos that had been squeezed to a square."""
    stretch = np.exp(np.abs(rng.normal(0, 0.2))) ** rng.choice([-1, 1])
    linear = matrix[:, :2] * (np.sqrt(stretch), 1 / np.sqrt(stretch))
    return np.concatenate([linear, (moved(centre, matrix) - linear @ centre)[:, None]], 1)


def warp(picture: np.ndarray, matrix: np.ndarray, size: int, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """The picture under a transform (2, 3) of its pixels, uint8 (size, size) or (size, size, 3); `border`: OpenCV's mode."""
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)


def jittered_roi(kind: str, points: np.ndarray, rng: np.random.Generator, upright: tuple[int, int], amount: float = 1.0) -> tuple[np.ndarray, float, float]:
    """Centre, side and angle of a crop around points, as wrong as a detector or the last frame may have it."""
    angle = angle_of(points[upright[1]] - points[upright[0]])
    angle += rng.uniform(-np.pi, np.pi) if amount and rng.random() < 0.08 else rng.normal(0, np.radians(17)) * amount
    across, down = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    turned = points @ np.stack([across, down], 1)
    low, high = turned.min(0), turned.max(0)
    extent = max((high - low).max(), 4.0)
    centre = (low + high) / 2 + rng.normal(0, 0.08, 2) * extent * amount
    side = 1.4 * extent * np.exp(rng.normal(0.02, 0.15) * amount)
    return centre[0] * across + centre[1] * down, side, angle


FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX)
LETTERS = "0123456789" * 3 + "ABCDEFGHJKLMNPQRSTUVXYZabcdefghknopqrsuvxyz&@?!%"


def write(picture: np.ndarray, rng: np.random.Generator) -> None:
    """In place: digits and letters of any size and slant, alone or in rows. They are neither hands nor faces, though an 8 has a head."""
    size = picture.shape[0]
    for _ in range(int(np.exp(rng.uniform(0, np.log(12))))):
        text = "".join(rng.choice(list(LETTERS), rng.integers(1, 4 if rng.random() < 0.7 else 12)))
        height = size * np.exp(rng.uniform(np.log(0.05), np.log(0.7)))
        ink = np.zeros((size, size), np.uint8)
        cv2.putText(
            ink, text, (size // 8, size * 3 // 4), FONTS[rng.integers(len(FONTS))], height / 22, 255, max(1, int(height * rng.uniform(0.02, 0.25))), cv2.LINE_AA
        )
        at = rng.uniform(-0.4, 0.4, 2) * size
        ink = warp(ink, similarity(np.array([size / 2, size / 2]) - at, size, rng.normal(0, 0.3), False, size), size)
        share = ink[..., None].astype(np.float32) / 255
        picture[:] = (picture * (1 - share) + rng.integers(0, 256, 3) * share).astype(np.uint8)


def digit(picture: np.ndarray, rng: np.random.Generator) -> None:
    """In place: one thick digit, slanted and bent, of so few pixels that it is a blur: with a light ground and dark holes it resembles a head."""
    size, canvas = picture.shape[0], 96
    ink: np.ndarray = np.zeros((canvas, canvas), np.uint8)
    text, font, scale, thick = str(rng.integers(0, 10)), FONTS[rng.integers(len(FONTS))], rng.uniform(2.2, 3.4), int(rng.integers(4, 16))
    (w, h), _ = cv2.getTextSize(text, font, scale, thick)
    cv2.putText(ink, text, ((canvas - w) // 2, (canvas + h) // 2), font, scale, 255, thick, cv2.LINE_AA)
    corners = np.array([[0, 0], [canvas, 0], [0, canvas]], np.float32)
    ink = cv2.warpAffine(ink, cv2.getAffineTransform(corners, (corners + rng.normal(0, 9, (3, 2))).astype(np.float32)), (canvas, canvas))
    few = int(rng.choice([8, 12, 16, 20, 28]))
    side = int(size * np.exp(rng.uniform(np.log(0.1), 0)))
    share = (
        cv2.resize(cv2.resize(ink, (few, few), interpolation=cv2.INTER_AREA), (side, side), interpolation=cv2.INTER_CUBIC)[..., None].astype(np.float32) / 255
    )
    left, top = rng.integers(0, size - side + 1, 2)
    part = picture[top : top + side, left : left + side]
    light, dark = rng.integers(150, 256, 1), rng.integers(0, 110, 1)
    ground, pen = (light, dark) if rng.random() < 0.5 else (dark, light)
    if rng.random() < 0.7:
        picture[:] = ground
    part[:] = part * (1 - share) + pen * share


def plain(size: int, rng: np.random.Generator) -> np.ndarray:
    """(size, size, 3): a gradient, some with writing or with the discs of lights out of focus, which a detector would else take for faces."""
    picture = cv2.resize(rng.integers(0, 256, (2, 2, 3), dtype=np.uint8), (size, size), interpolation=cv2.INTER_LINEAR)
    chance = rng.random()
    if chance < 0.2:
        write(picture, rng)
    elif chance < 0.5:
        digit(picture, rng)
    for _ in range(rng.integers(1, 30) if rng.random() < 0.4 else 0):
        disc, at = picture.copy(), tuple(int(v) for v in rng.uniform(0, size, 2))
        cv2.circle(disc, at, int(size * np.exp(rng.uniform(np.log(0.01), np.log(0.09)))), tuple(int(v) for v in rng.integers(30, 256, 3)), -1, cv2.LINE_AA)
        seen = rng.uniform(0.15, 0.9)
        picture = cv2.addWeighted(disc, seen, picture, 1 - seen, 0)
    return picture


def background(pool: list[np.ndarray], size: int, rng: np.random.Generator) -> np.ndarray:
    """A random piece of a random photo without hands and faces; now and then something plain."""
    if len(pool) == 0 or rng.random() < 0.1:
        return plain(size, rng)
    picture = pool[rng.integers(len(pool))]
    side = rng.uniform(0.3, 1.0) * min(picture.shape[:2])
    centre = rng.uniform(side / 2, np.maximum(np.array(picture.shape[1::-1]) - side / 2, side / 2 + 1e-3))
    return warp(picture, similarity(centre, side, rng.normal(0, 0.3), rng.random() < 0.5, size), size, cv2.BORDER_REFLECT_101)


def occlude(picture: np.ndarray, pool: list[np.ndarray], rng: np.random.Generator) -> None:
    """In place: one or two ellipses or bars of another photo's texture, or a flat colour, over a part of the object."""
    size = picture.shape[0]
    for _ in range(rng.integers(1, 3)):
        shape = np.zeros((size, size), np.uint8)
        at = tuple(int(v) for v in rng.uniform(0.1, 0.9, 2) * size)
        axes = tuple(int(v) for v in rng.uniform(0.04, 0.22, 2) * size)
        if rng.random() < 0.6:
            cv2.ellipse(shape, at, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
        else:
            cv2.fillPoly(shape, [cv2.boxPoints((at, (axes[0] * 2, axes[1] * 2), float(rng.uniform(0, 180)))).astype(np.int32)], 255)
        inside = shape > 0
        picture[inside] = background(pool, size, rng)[inside] if rng.random() < 0.6 else rng.integers(0, 256, 3)


def camera(picture: np.ndarray, rng: np.random.Generator, coarsest: float = 0.2) -> np.ndarray:
    """Light, colour, focus, resolution (down to `coarsest` of the picture's), noise and compression of an ordinary camera.
    (S, S, 3) uint8 -> the same."""
    size = picture.shape[0]
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gain = rng.normal(1, 0.06, 3) * rng.normal(1, 0.18)
    curve = (np.clip(ramp, 0, 1) ** np.exp(rng.normal(0, 0.25)) - 0.5) * np.exp(rng.normal(0, 0.2)) * gain + 0.5 + rng.normal(0, 0.07)
    dark = rng.random() < 0.08
    if dark:
        curve *= rng.uniform(0.15, 0.5)
    picture = cv2.LUT(picture, (np.clip(curve, 0, 1) * 255).astype(np.uint8)[None])
    if rng.random() < 0.35:  # saturation; at 0 it is a black and white photo
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
        amount = 0.0 if rng.random() < 0.45 else rng.uniform(0.3, 1.6)
        picture = cv2.addWeighted(picture, amount, np.repeat(grey, 3, 2), 1 - amount, 0)
    if rng.random() < 0.05:
        picture = np.ascontiguousarray(picture[..., rng.permutation(3)])
    blur = rng.random()
    if blur < 0.12:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 2.0) * size / 256)
    elif blur < 0.2:  # motion
        length = max(2, int(rng.uniform(3, 13) * size / 256))
        kernel = np.zeros((length, length), np.float32)
        middle, angle = (length - 1) / 2, rng.uniform(0, np.pi)
        end = np.array([np.cos(angle), np.sin(angle)]) * middle
        cv2.line(kernel, tuple(int(round(v)) for v in middle - end), tuple(int(round(v)) for v in middle + end), 1.0)
        picture = cv2.filter2D(picture, -1, kernel / max(kernel.sum(), 1))
    if rng.random() < 0.2:
        small = int(np.exp(rng.uniform(np.log(coarsest), np.log(0.7))) * size)
        picture = cv2.resize(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), (size, size), interpolation=cv2.INTER_LINEAR)
    if dark or rng.random() < 0.2:
        noise = (
            cv2.resize(rng.normal(0, rng.uniform(2, 14), (size // 2, size // 2, 3)).astype(np.float32), (size, size))
            if rng.random() < 0.3
            else rng.standard_normal((size, size, 1 if rng.random() < 0.5 else 3), dtype=np.float32) * rng.uniform(2, 12)
        )
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))])
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return picture
