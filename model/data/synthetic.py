"""A small generator of labelled pictures, so that training can be tried on a machine without any data set.

Hands are 21 points in space with tapered limbs drawn far to near; faces are 68 points on a simple turning head. Simple on
purpose: they show how learning goes, not how real hands appear, and no released weights were trained on them.
"""

import cv2
import numpy as np

from .samples import CROP, Samples

ROWS, VALIDATION = 1200, 120
SIZE_OF_HAND = (90, 140)  # pixels from wrist to middle knuckle times two
# A flat right hand seen from its back, wrist at the origin, y up to the finger tips; unit: wrist to middle knuckle.
KNUCKLES = np.array([[-0.33, 0.22], [-0.36, 0.93], [-0.06, 1.0], [0.2, 0.95], [0.42, 0.82]])
FORWARD = np.radians([48, 8, 1, -6, -14])  # where each finger points, from straight up
LENGTHS = np.array([[0.36, 0.32, 0.26], [0.42, 0.27, 0.2], [0.47, 0.3, 0.21], [0.43, 0.28, 0.2], [0.34, 0.2, 0.17]])


def turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) rotation about y, then x, then z, in radians."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def hand_points(rng: np.random.Generator) -> np.ndarray:
    """(21, 3) points of a right hand in its own frame: x to the little finger, y to the tips, z towards the palm."""
    points = [np.zeros(3)]
    for finger in range(5):
        at = np.array([*KNUCKLES[finger], 0.0])
        points.append(at)
        aside = -(FORWARD[finger] + rng.normal(0, 0.08))
        bend, bends = 0.0, np.abs(rng.normal(0, 0.25, 3)) if rng.random() < 0.65 else rng.uniform(0.6, 1.5, 3)
        for length, b in zip(LENGTHS[finger], bends * (0.5 if finger == 0 else 1)):
            bend += b
            at = at + length * np.array([np.sin(aside) * np.cos(bend), np.cos(aside) * np.cos(bend), np.sin(bend)])
            points.append(at)
    return np.array(points)


def backdrop(rng: np.random.Generator) -> np.ndarray:
    """A picture (256, 256, 3) uint8 of smooth colours and random lines."""
    picture = cv2.resize(rng.integers(0, 256, (rng.integers(2, 6), rng.integers(2, 6), 3), dtype=np.uint8), (CROP, CROP), interpolation=cv2.INTER_CUBIC)
    for _ in range(rng.integers(0, 6)):
        a, b = (tuple(int(v) for v in rng.integers(0, CROP, 2)) for _ in range(2))
        cv2.line(picture, a, b, [int(v) for v in rng.integers(0, 256, 3)], int(rng.integers(1, 14)), cv2.LINE_AA)
    return picture


def skin(rng: np.random.Generator) -> np.ndarray:
    """A random skin colour, (3,) RGB 0..255."""
    return np.array([244, 204, 172]) * rng.uniform(0.3, 1.0) * rng.normal(1, 0.04, 3)


def draw_hand(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """-> picture (256, 256, 3), points (21, 2), z (21,), 1 for a right hand."""
    right = int(rng.random() < 0.5)
    shape = hand_points(rng) * (1 if right else -1, 1, 1)
    seen = shape @ turn(rng.uniform(-0.7, 0.7) + (np.pi if rng.random() < 0.5 else 0), rng.uniform(-0.5, 0.5), rng.normal(0, 0.5)).T
    unit = rng.uniform(*SIZE_OF_HAND) / 2
    flat = seen[:, :2] * (1, -1) * unit  # y down
    flat += CROP / 2 - (flat.min(0) + flat.max(0)) / 2 + rng.normal(0, 6, 2)
    z = seen[:, 2] * unit  # away from the camera: the back of an upright right hand faces it
    colour, picture = skin(rng), backdrop(rng)
    paint = lambda depth: tuple(int(v) for v in np.clip(colour * (1 - 0.25 * np.clip(depth / unit, -1, 1)), 0, 255))  # noqa: E731
    at = lambda p: (int(round(p[0] * 16)), int(round(p[1] * 16)))  # noqa: E731
    limbs = [(a, a + 1, 0.15 - 0.015 * (a % 4)) for f in range(5) for a in range(1 + 4 * f, 4 + 4 * f)]
    parts = [(max(z[a], z[b]), a, b, w) for a, b, w in limbs] + [(z[[0, 5, 9, 13, 17]].mean(), -1, -1, 0.0)]
    for depth, a, b, width in sorted(parts, key=lambda p: -p[0]):
        if a < 0:
            palm = flat[[0, 1, 5, 9, 13, 17]]
            cv2.polylines(picture, [(palm * 16).astype(np.int32)], True, paint(depth), int(unit * 0.26), cv2.LINE_AA, 4)
            cv2.fillPoly(picture, [(palm * 16).astype(np.int32)], paint(depth), cv2.LINE_AA, 4)
            continue
        for k in np.linspace(0, 1, 8):
            p, depth = flat[a] * (1 - k) + flat[b] * k, z[a] * (1 - k) + z[b] * k
            cv2.circle(picture, at(p), int(unit * (width - 0.02 * k) * 16), paint(depth - 0.1 * unit), -1, cv2.LINE_AA, 4)
        across, along = seen[5] - seen[17], seen[9] - seen[0]
        back = np.cross(across, along)[2] * (1 if right else -1) < 0
        if b % 4 == 0 and back:  # a nail: it distinguishes the back of a right hand from the palm of a left one
            cv2.circle(picture, at(flat[b]), int(unit * 0.07 * 16), tuple(int(v) for v in np.clip(colour * (1.15, 1.0, 1.0), 0, 255)), -1, cv2.LINE_AA, 4)
    return picture, flat, z - z[0], right


def circle(n: int, start: float, end: float) -> np.ndarray:
    """(n, 2) points of the unit circle from angle to angle."""
    angles = np.linspace(start, end, n)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def face_points(rng: np.random.Generator) -> np.ndarray:
    """(68, 3) iBUG points of a face in its own frame, x to the picture's right, y down, z away; unit: half its width."""
    jaw = circle(17, np.pi, 0) * (1, 1.25)
    smile, open_, blink, frown = rng.normal(0, 0.05), abs(rng.normal(0, 0.09)), rng.uniform(0.3, 1), rng.normal(0, 0.04)
    brow = np.stack([np.linspace(-0.72, -0.2, 5), -0.42 - 0.1 * np.sin(np.linspace(0.3, 2.6, 5)) + frown], 1)
    nose = np.concatenate(
        [np.stack([np.zeros(4), np.linspace(-0.2, 0.3, 4)], 1), np.stack([np.linspace(-0.2, 0.2, 5), 0.38 + 0.06 * np.sin(np.linspace(0, np.pi, 5))], 1)]
    )
    eye = circle(6, np.pi, np.pi + 2 * np.pi * 5 / 6) * (0.19, 0.085 * blink) + (-0.44, -0.2)
    outer = circle(12, np.pi, np.pi + 2 * np.pi * 11 / 12) * (0.36, 0.13 + open_ / 2) + (0, 0.72 + open_ / 2)
    inner = circle(8, np.pi, np.pi + 2 * np.pi * 7 / 8) * (0.28, 0.02 + open_ / 2) + (0, 0.72 + open_ / 2)
    for mouth in (outer, inner):
        mouth[:, 1] -= smile * (np.abs(mouth[:, 0]) / 0.36) ** 2
    flat = np.concatenate([jaw, brow, brow[::-1] * (-1, 1), nose, eye, (eye * (-1, 1))[[3, 2, 1, 0, 5, 4]], outer, inner])
    z = 0.55 * (flat[:, 0] ** 2) - 0.2
    z[27:36] -= np.array([0.05, 0.15, 0.25, 0.35, 0.1, 0.15, 0.2, 0.15, 0.1])
    return np.concatenate([flat, z[:, None]], 1)


def draw_face(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """-> picture (256, 256, 3), points (68, 2)."""
    points = face_points(rng) @ turn(rng.uniform(-0.5, 0.5), rng.uniform(-0.3, 0.3), rng.normal(0, 0.2)).T
    flat = points[:, :2] * rng.uniform(48, 75) + CROP / 2 + rng.normal(0, 6, 2)
    colour, picture = skin(rng), backdrop(rng)
    shade = lambda f: tuple(int(v) for v in np.clip(colour * f, 0, 255))  # noqa: E731
    fill = lambda p, c: cv2.fillPoly(picture, [np.round(p * 16).astype(np.int32)], c, cv2.LINE_AA, 4)  # noqa: E731
    temples = flat[[0, 16]].mean(0)
    forehead = temples + circle(9, 0, np.pi) @ np.stack([(flat[16] - flat[0]) / 2, (temples - flat[8]) * 0.65])
    fill(cv2.convexHull(np.concatenate([flat[:17], forehead]).astype(np.float32))[:, 0], shade(1.0))
    for brow in (flat[17:22], flat[22:27]):
        cv2.polylines(picture, [(brow * 16).astype(np.int32)], False, shade(0.35), 4, cv2.LINE_AA, 4)
    fill(flat[[27, 31, 33, 35]], shade(0.88))
    for eye in (flat[36:42], flat[42:48]):
        fill(eye, (240, 240, 240))
        cv2.circle(picture, tuple(int(v) for v in eye.mean(0) * 16), int(np.ptp(eye[:, 1]) * 8), (60, 40, 30), -1, cv2.LINE_AA, 4)
    fill(flat[48:60], shade((0.85, 0.55, 0.55)))
    fill(flat[60:68], (50, 15, 20))
    return picture, flat


def drawn_sets(seed: int, rows: int = ROWS, validation: int = VALIDATION) -> tuple[list[Samples], list[np.ndarray]]:
    """Freshly drawn hands and faces, `rows` for training and `validation` more of each, and backgrounds (256, 256, 3)."""
    rng = np.random.default_rng([seed, 21])
    split = np.where(np.arange(rows + validation) < rows, "train", "val")
    hands = [draw_hand(rng) for _ in split]
    faces = [draw_face(rng) for _ in split]
    n, free = len(split), np.ones(len(split), np.uint8)
    sets = [
        Samples(
            "drawn_hands",
            "hand",
            "CC0",
            np.stack([h[0] for h in hands]),
            np.array([h[1] for h in hands], np.float32),
            np.array([h[2] for h in hands], np.float32),
            np.ones((n, 21), np.float32),
            split,
            right=np.array([h[3] for h in hands], np.int8),
            notes={"bg": free},
        ),
        Samples(
            "drawn_faces",
            "face",
            "CC0",
            np.stack([f[0] for f in faces]),
            np.zeros((n, 478, 2), np.float32),
            np.full((n, 478), np.nan, np.float32),
            np.zeros((n, 478), np.float32),
            split,
            ibug=np.array([f[1] for f in faces], np.float32),
            ibug_weights=np.ones((n, 68), np.float32),
            notes={"bg": free},
        ),
    ]
    return sets, [backdrop(rng) for _ in range(40)]
