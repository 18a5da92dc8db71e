"""Batches for the detector: whole photos, mosaics of them, and rendered hands and heads pasted in front."""

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset

from . import augment, detection_sets
from .landmark_batches import UPRIGHT
from .samples import Samples

STRIDE = 8
ROWS = {128: 32, 256: 16}  # a batch, by the picture's size
SMALLEST = 5.0  # pixels of the frame; anything smaller is neither asked for nor punished
SHARES = {"wild": 3.0}  # how often photos of a set are drawn: natural ones show what people photograph


def box_of(kind: int, points: np.ndarray) -> np.ndarray:
    """(K, 2) points -> x, y, w, h as people draw it."""
    low, high = points.min(0), points.max(0)
    if kind == 0:
        pad = detection_sets.HAND_MARGIN * (high - low).max()
        return np.array([*(low - pad), *(high - low + 2 * pad)])
    up = detection_sets.HAIRLINE * (high[1] - low[1])
    return np.array([low[0], low[1] - up, high[0] - low[0], high[1] - low[1] + up])


def turned_box(box: np.ndarray, matrix: np.ndarray) -> list[float]:
    """x, y, w, h around what lies in `box` after the affine `matrix` (2, 3), taken as the ellipse that fills it: a turned head or fist
    does not reach into the corners of its box."""
    x, y, w, h = box
    centre, half = augment.moved(np.array([x + w / 2, y + h / 2]), matrix), np.hypot(*(matrix[:, :2] * (w / 2, h / 2)).T)
    return [*(centre - half), *(2 * half)]


def turn(rng: np.random.Generator) -> float:
    """Radians by which a photo is turned: most stand nearly upright, some lack their EXIF orientation, some are held anyhow."""
    chance = rng.random()
    if chance < 0.15:
        return rng.uniform(-np.pi, np.pi)
    return rng.normal(0, 0.25) + (rng.integers(1, 4) * np.pi / 2 if chance < 0.45 else 0.0)


class Canvas:
    """A square training picture in the making: what is in it and which class is labelled where."""

    def __init__(self, size: int):
        self.size = size
        self.image = np.zeros((size, size, 3), np.uint8)
        self.known = np.ones((2, size, size), bool)
        self.objects: list[np.ndarray] = []  # class, x, y, w, h, ux, uy, ignore

    def photo(self, picture: np.ndarray, matrix: np.ndarray, objects: list[np.ndarray], known: np.ndarray, window: tuple[int, int, int, int]) -> None:
        """Draws a photo through `matrix` into the window (x0, y0, x1, y1); `objects` are already in canvas pixels."""
        x0, y0, x1, y1 = window
        drawn = cv2.warpAffine(picture, matrix, (self.size, self.size), self.image.copy(), cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
        self.image[y0:y1, x0:x1] = drawn[y0:y1, x0:x1]
        self.known[:, y0:y1, x0:x1] = known[:, None, None]
        for o in objects:
            low, high = np.maximum(o[1:3], (x0, y0)), np.minimum(o[1:3] + o[3:5], (x1, y1))
            size = np.clip(high - low, 0, None)
            left = size.prod() / max(o[3] * o[4], 1e-6)
            if left < 0.1:
                continue
            self.objects.append(np.array([o[0], *low, *size, o[5], o[6], max(o[7], float(left < 0.45))]))

    def paste(self, s: Samples, i: int, matrix: np.ndarray) -> None:
        """Draws a rendered hand or head (through its mask) in front of what is there."""
        assert s.masks is not None, f"{s.name} is not rendered: it has no masks"
        alpha = augment.warp(s.masks[i], matrix, self.size)
        if not alpha.any():
            return
        kind = 0 if s.kind == "hand" else 1
        points = augment.moved(s.points[i] if kind == 0 else s.points[i][:468], matrix)
        box = box_of(kind, points)
        a = alpha[..., None].astype(np.float32) / 255
        self.image = (self.image * (1 - a) + augment.warp(s.images[i], matrix, self.size) * a).astype(np.uint8)
        for o in self.objects:  # what it hides is no longer asked for
            x0, y0 = (int(max(v, 0)) for v in o[1:3])
            x1, y1 = (int(v) + 1 for v in o[1:3] + o[3:5])
            hidden = (alpha[y0:y1, x0:x1] > 127).mean() if alpha[y0:y1, x0:x1].size else 0
            o[7] = max(o[7], float(hidden > 0.4))
        axis = points[UPRIGHT[s.kind][1]] - points[UPRIGHT[s.kind][0]]
        low, high = np.maximum(box[:2], 0), np.minimum(box[:2] + box[2:], self.size)
        size = np.clip(high - low, 0, None)
        left = size.prod() / box[2:].prod()
        if left > 0.1:
            self.objects.append(np.array([kind, *low, *size, *(axis / max(np.hypot(*axis), 1e-6)), float(left < 0.45)]))


def targets(canvas: Canvas) -> dict[str, np.ndarray]:
    """What each class's cells should say: a cell near the middle of a box takes the smallest box it lies in.

    At most nine cells speak for a box, so that large ones do not outvote small ones (centre sampling of FCOS); those around
    them, still near the middle, may say what they like."""
    cells = canvas.size // STRIDE
    centres = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), -1).reshape(-1, 2) + 0.5  # x, y in cells
    positive, sides, up = np.zeros((2, cells**2)), np.zeros((2, cells**2, 4)), np.zeros((2, cells**2, 2))
    known = np.stack([cv2.resize(k.astype(np.uint8), (cells, cells), interpolation=cv2.INTER_NEAREST).ravel() for k in canvas.known]).astype(float)
    for o in sorted(canvas.objects, key=lambda o: -o[3] * o[4]):
        kind, box = int(o[0]), (o[1:5] + (0.5, 0.5, 0, 0)) / STRIDE
        low, high = box[:2], box[:2] + box[2:]
        inside = ((centres > low) & (centres < high)).all(1)
        middle = (low + high) / 2
        if o[7] or max(o[3], o[4]) < SMALLEST:
            known[kind][inside | (np.abs(centres - middle).max(1) < 0.75)] = 0
            continue
        chosen = (np.abs(centres - middle) <= np.clip(0.18 * box[2:], 0.75, 1.5)).all(1)
        around = (np.abs(centres - middle) <= np.maximum(0.3 * box[2:], 1.25)).all(1) & ~chosen & (positive[kind] == 0)
        known[kind][around] = 0
        positive[kind][chosen], known[kind][chosen] = 1, 1
        sides[kind][chosen] = np.maximum(np.concatenate([centres[chosen] - low, high - centres[chosen]], 1), 0.02)
        up[kind][chosen] = o[5:7]
    return {"positive": positive, "known": known, "sides": sides, "up": up}


class Photos(IterableDataset):
    """An endless stream of training pictures for one epoch; (seed, epoch, worker) decide it completely."""

    def __init__(self, photos: list[detection_sets.Scenes], crops: list[Samples], size: int, seed: int, epoch: int, count: int):
        self.size = size
        photos = [p for p in photos if (p.split == "train").any()]
        self.photos, self.crops, self.seed, self.epoch, self.count = photos, crops, seed, epoch, count
        self.rows = [np.flatnonzero(p.split == "train") for p in photos]
        self.odds = [p.odds[rows] / p.odds[rows].sum() for p, rows in zip(photos, self.rows)]
        shares = np.array([SHARES.get(p.name, 1.0) for p in photos])
        self.shares = shares / shares.sum()
        self.empty = [p.images[i][: p.sizes[i, 1], : p.sizes[i, 0]] for p, rows in zip(photos, self.rows) for i in rows if p.negative[i]]
        self.pasted = [(s, np.flatnonzero(s.split == "train")) for s in crops if s.masks is not None]
        self.real = [(s, np.flatnonzero(s.split == "train")) for s in crops if s.masks is None]

    def place(self, canvas: Canvas, window: tuple[int, int, int, int], rng: np.random.Generator) -> None:
        """One random photo (or a real crop, seen as a photo) in the window: as a whole, roughly filling it, or one of its objects at any size."""
        x0, y0, x1, y1 = window
        room, middle = np.array([x1 - x0, y1 - y0]), np.array([x0 + x1, y0 + y1]) / 2 - 0.5
        mirror, zoom, angle = rng.random() < 0.5, np.exp(rng.uniform(np.log(0.75), np.log(1.7))), turn(rng)
        stretched = False
        if bool(self.real) and rng.random() < 0.25:
            s, index = self.real[rng.integers(len(self.real))]
            i, kind = int(rng.choice(index)), 0 if s.kind == "hand" else 1
            picture, size, known = s.images[i], np.array([256, 256]), np.arange(2) == kind
            points, zoom = s.points[i : i + 1] if kind == 0 else s.points[i : i + 1, :468], zoom * rng.choice([1.0, 0.6])
            boxes = np.array([[kind, *box_of(kind, points[0]), 0, 0, 0]])
        else:
            n = rng.choice(len(self.photos), p=self.shares)
            p, i = self.photos[n], int(rng.choice(self.rows[n], p=self.odds[n]))
            picture, size, known, stretched = p.images[i][: p.sizes[i, 1], : p.sizes[i, 0]], p.sizes[i], p.known[i], p.stretched[i]
            boxes, points = p.objects[i], p.points[i]
        scale = min(room / size) * zoom
        centre = (size - 1) / 2 + rng.uniform(-0.25, 0.25, 2) * size * max(zoom - 0.75, 0.1)
        if len(boxes) and rng.random() < 0.3:  # one object, from the smallest that are asked for to nearly the whole view
            x, y, w, h = boxes[rng.integers(len(boxes)), 1:5]
            wanted = np.exp(rng.uniform(np.log(12), np.log(0.8 * room.min())))
            scale = np.clip(wanted / max(w, h, 1.0), 0.5 * min(room / size), 4.0)
            centre = np.array([x + w / 2, y + h / 2]) + rng.uniform(-0.4, 0.4, 2) * np.maximum(room / scale - max(w, h), 0)
        matrix = augment.similarity(centre, self.size / scale, angle, mirror, self.size)
        if stretched:
            matrix = augment.unsqueezed(matrix, centre, rng)
        matrix[:, 2] += middle - (self.size - 1) / 2
        if scale < 0.7:  # shrink without aliasing
            picture = cv2.GaussianBlur(picture, (0, 0), 0.35 / scale)
        objects = []
        for row, q in zip(boxes, points):
            row = row.astype(float)
            kind = int(row[0])
            if np.isfinite(q).all():
                moved = augment.moved(q, matrix)
                row[1:5] = box_of(kind, moved)
                axis = np.subtract(*moved[list(UPRIGHT["face" if kind else "hand"][::-1])])
            else:
                row[1:5], axis = turned_box(row[1:5], matrix), matrix[:, :2] @ row[5:7]
            row[5:7] = axis / max(np.hypot(*axis), 1e-6)
            objects.append(row)
        canvas.photo(picture, matrix, objects, known, window)

    def picture(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One training picture, made of photos and crops, and its targets by name."""
        canvas = Canvas(self.size)
        if self.empty and rng.random() < 0.5:  # what photos do not cover need not be black
            canvas.image = augment.background(self.empty, self.size, rng)
        chance = rng.random()
        if chance < 0.08:
            canvas.image = augment.plain(self.size, rng)
        elif chance < 0.33:
            cut = (rng.uniform(0.3, 0.7, 2) * self.size).astype(int)
            for x0, x1 in ((0, cut[0]), (cut[0], self.size)):
                for y0, y1 in ((0, cut[1]), (cut[1], self.size)):
                    self.place(canvas, (x0, y0, x1, y1), rng)
        else:
            self.place(canvas, (0, 0, self.size, self.size), rng)
        if self.pasted and rng.random() < 0.45:
            crowd = rng.random() < 0.15  # many small ones, as in a group photo
            for _ in range(rng.integers(4, 10) if crowd else rng.integers(1, 4)):
                s, index = self.pasted[rng.integers(len(self.pasted))]
                i = int(rng.choice(index))
                points = s.points[i] if s.kind == "hand" else s.points[i][:468]
                extent = np.ptp(points, axis=0).max()
                wanted = np.exp(rng.uniform(np.log(9), np.log(28 if crowd else 0.7 * self.size)))
                low, high = points.min(0), points.max(0)
                angle = rng.uniform(-np.pi, np.pi) if s.kind == "hand" or rng.random() < 0.4 else rng.normal(0, 0.4)
                at = rng.uniform(-0.5, 0.5, 2) * self.size
                faces = [o for o in canvas.objects if o[0] == 1]
                if s.kind == "hand" and faces and not crowd and rng.random() < 0.5:  # a hand held in front of a face
                    _, x, y, w, h, *_ = faces[rng.integers(len(faces))]
                    at = np.array([x + w / 2, y + h / 2]) + rng.normal(0, 0.35, 2) * (w, h) - self.size / 2
                    wanted = max(w, h) * np.exp(rng.normal(-0.3, 0.3))
                matrix = augment.similarity((low + high) / 2, self.size * extent / max(wanted, 6.0), angle, rng.random() < 0.5, self.size)
                matrix[:, 2] += at
                canvas.paste(s, i, matrix)
        return {"image": augment.camera(canvas.image, rng)} | targets(canvas)

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        cv2.setNumThreads(0)
        rng = np.random.default_rng([self.seed, self.epoch, worker])
        for _ in range(worker, self.count, workers):
            rows = [self.picture(rng) for _ in range(ROWS[self.size])]
            yield {k: torch.from_numpy(np.stack([r[k] for r in rows]).astype(np.uint8 if k == "image" else np.float32)) for k in rows[0]}
