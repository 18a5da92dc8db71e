"""Training the detector: whole photos, mosaics of them, and rendered hands and heads pasted in front."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from model import augment, losses, metrics, scenes
from model.batches import UPRIGHT
from model.data import KNOWN, Samples
from model.network import SIZE, Detector

STRIDE = 8
HAND_MARGIN = 0.07        # people draw a hand's box this much of its extent beyond its points
HAIRLINE = 0.12           # a face's box starts above the mesh's topmost point by this share of the mesh's height
ROWS = {128: 32, 256: 16}  # a batch, by the picture's size
SMALLEST = 5.0            # pixels of the frame; anything smaller is neither asked for nor punished
MOST_MEASURED = 400


def box_of(kind: int, points: np.ndarray) -> np.ndarray:
    """(K, 2) points -> x, y, w, h as people draw it."""
    low, high = points.min(0), points.max(0)
    if kind == 0:
        pad = HAND_MARGIN * (high - low).max()
        return np.array([*(low - pad), *(high - low + 2 * pad)])
    up = HAIRLINE * (high[1] - low[1])
    return np.array([low[0], low[1] - up, high[0] - low[0], high[1] - low[1] + up])


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

    def __init__(self, photos: list[scenes.Scenes], crops: list[Samples], size: int, seed: int, epoch: int, count: int):
        self.size = size
        photos = [p for p in photos if (p.split == "train").any()]
        self.photos, self.crops, self.seed, self.epoch, self.count = photos, crops, seed, epoch, count
        self.rows = [np.flatnonzero(p.split == "train") for p in photos]
        self.odds = [p.odds[rows] / p.odds[rows].sum() for p, rows in zip(photos, self.rows)]
        self.empty = [p.images[i][: p.sizes[i, 1], : p.sizes[i, 0]] for p, rows in zip(photos, self.rows) for i in rows if p.negative[i]]
        self.pasted = [(s, np.flatnonzero(s.split == "train")) for s in crops if s.masks is not None]
        self.real = [(s, np.flatnonzero(s.split == "train")) for s in crops if s.masks is None]

    def place(self, canvas: Canvas, window: tuple[int, int, int, int], rng: np.random.Generator) -> None:
        """One random photo (or a real crop, seen as a photo) in the window, roughly filling it."""
        x0, y0, x1, y1 = window
        room, middle = np.array([x1 - x0, y1 - y0]), np.array([x0 + x1, y0 + y1]) / 2 - 0.5
        mirror, zoom = rng.random() < 0.5, np.exp(rng.uniform(np.log(0.75), np.log(1.7)))
        crop = bool(self.real) and rng.random() < 0.3
        if crop:
            s, index = self.real[rng.integers(len(self.real))]
            i, kind = int(rng.choice(index)), 0 if s.kind == "hand" else 1
            picture, size, known = s.images[i], np.array([256, 256]), np.arange(2) == kind
            angle = rng.normal(0, 0.35) if rng.random() < 0.8 else rng.uniform(-np.pi, np.pi)
            boxes, points, zoom = None, [s.points[i] if kind == 0 else s.points[i][:468]], zoom * rng.choice([1.0, 0.6])
        else:
            n = rng.integers(len(self.photos))
            p, i = self.photos[n], int(rng.choice(self.rows[n], p=self.odds[n]))
            picture, size, known = p.images[i][: p.sizes[i, 1], : p.sizes[i, 0]], p.sizes[i], p.known[i]
            boxes, points = p.objects[i], list(p.points[i])
            free = p.negative[i] or (len(points) > 0 and all(np.isfinite(q).all() for q in points))  # boxes can follow any turn
            angle = rng.normal(0, 0.35 if free else 0.07)
            if free and rng.random() < 0.15:
                angle = rng.uniform(-np.pi, np.pi)
        scale = min(room / size) * zoom
        centre = (size - 1) / 2 + rng.uniform(-0.25, 0.25, 2) * size * max(zoom - 0.75, 0.1)
        matrix = augment.similarity(centre, self.size / scale, angle, mirror, self.size)
        matrix[:, 2] += middle - (self.size - 1) / 2
        if scale < 0.7:  # shrink without aliasing
            picture = cv2.GaussianBlur(picture, (0, 0), 0.35 / scale)
        objects = []
        for k, q in enumerate(points):
            row = np.zeros(8) if boxes is None else boxes[k].astype(float).copy()
            if boxes is None or np.isfinite(q).all() and abs(angle) > 0.1:
                row[0] = kind if boxes is None else row[0]
                turned = augment.moved(q, matrix)
                row[1:5] = box_of(int(row[0]), turned)
                axis = np.subtract(*turned[list(UPRIGHT["face" if row[0] else "hand"][::-1])])
                row[5:7] = axis / max(np.hypot(*axis), 1e-6)
            else:
                x, y, w, h = row[1:5]
                corners = augment.moved(np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]), matrix)
                row[1:5] = [*corners.min(0), *np.ptp(corners, axis=0)]
                row[5:7] = matrix[:, :2] @ row[5:7] / scale
            objects.append(row)
        canvas.photo(picture, matrix, objects, known, window)

    def picture(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        canvas = Canvas(self.size)
        if self.empty and rng.random() < 0.5:  # what photos do not cover need not be black
            canvas.image = augment.background(self.empty, self.size, rng)
        chance = rng.random()
        if chance < 0.05:
            canvas.image = augment.plain(self.size, rng)
        elif chance < 0.33:
            cut = (rng.uniform(0.3, 0.7, 2) * self.size).astype(int)
            for x0, x1 in ((0, cut[0]), (cut[0], self.size)):
                for y0, y1 in ((0, cut[1]), (cut[1], self.size)):
                    self.place(canvas, (x0, y0, x1, y1), rng)
        else:
            self.place(canvas, (0, 0, self.size, self.size), rng)
        if self.pasted and rng.random() < 0.45:
            for _ in range(rng.integers(1, 4)):
                s, index = self.pasted[rng.integers(len(self.pasted))]
                i = int(rng.choice(index))
                points = s.points[i] if s.kind == "hand" else s.points[i][:468]
                extent = np.ptp(points, axis=0).max()
                wanted = np.exp(rng.uniform(np.log(9), np.log(0.7 * self.size)))
                low, high = points.min(0), points.max(0)
                angle = rng.uniform(-np.pi, np.pi) if s.kind == "hand" else rng.normal(0, 0.4)
                matrix = augment.similarity((low + high) / 2, self.size * extent / wanted, angle, rng.random() < 0.5, self.size)
                matrix[:, 2] += rng.uniform(-0.5, 0.5, 2) * self.size
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


class DetectorTask:
    name = "detector"
    pck_threshold = None  # boxes, not points
    last_layers = ("out",)

    def __init__(self, data: Path, cache: Path, only: tuple[str, ...], seed: int):
        wanted = set(only)
        self.photos = [scenes.read(data / n, cache, k) for k, n in enumerate(("hand_scenes", "face_scenes"))
                       if (data / n).exists() and (not wanted or n in wanted)]
        self.crops = [reader(data / n, cache) for n, reader in KNOWN.items() if (data / n).exists() and (not wanted or n in wanted)]
        if not self.photos:
            raise FileNotFoundError(f"no photos with boxes in {data}: the detector needs hand_scenes or face_scenes")
        self.sets, self.seed = [*self.photos, *self.crops], seed

    def build(self) -> Detector:
        return Detector()

    def stream(self, size: int, epoch: int, count: int) -> Photos:
        return Photos(self.photos, self.crops, size, self.seed, epoch, count)

    def loss(self, network: Detector, batch: dict) -> dict[str, Tensor]:
        return losses.detector_losses(network(batch["image"]), batch)

    @torch.no_grad()
    def find(self, network: Detector, image: np.ndarray, sizes: np.ndarray, kind: int, least: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
        """One letterboxed pass -> boxes (M, 4) in canvas pixels and scores (M,), after non-maximum suppression."""
        scale = SIZE / sizes.max()
        small = cv2.resize(image[: sizes[1], : sizes[0]], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        frame = np.zeros((SIZE, SIZE, 3), np.uint8)
        frame[: small.shape[0], : small.shape[1]] = small[:SIZE, :SIZE]
        rows = Detector.decode(network(torch.from_numpy(frame)[None]))[0, kind].numpy()
        rows = rows[rows[:, 0] >= least]
        boxes = np.concatenate([rows[:, 1:3] - rows[:, 3:5] / 2, rows[:, 3:5]], 1) / scale
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 0].tolist(), least, 0.5) if len(boxes) else []
        kept = np.array(kept, int).ravel()
        return boxes[kept], rows[kept, 0]

    def validate(self, network: Detector, size: int) -> dict:
        """Recall and precision at IoU 0.5 and score 0.5 on the validation photos, one letterboxed pass each, and false finds on negatives."""
        report: dict = {"sets": {}}
        for p in self.photos:
            kind = 0 if p.name == "hand_scenes" else 1
            rows = np.flatnonzero(p.split == "val")[:MOST_MEASURED]
            right = wrong = truths = alarms = empty = 0
            for i in rows:
                boxes, scores = self.find(network, p.images[i], p.sizes[i], kind, 0.5)
                objects = p.objects[i]
                wanted, unsure = objects[objects[:, 7] == 0, 1:5], objects[objects[:, 7] > 0, 1:5]
                pairs = metrics.match(boxes, scores, wanted, 0.5)
                excused = (metrics.iou(boxes, unsure).max(1, initial=0) > 0.3) & (pairs < 0)
                right += int((pairs >= 0).sum())
                wrong += int(((pairs < 0) & ~excused).sum())
                truths += len(wanted)
                if p.negative[i]:
                    empty, alarms = empty + 1, alarms + len(boxes)
            report["sets"][p.name] = {"recall": right / max(truths, 1), "precision": right / max(right + wrong, 1)} | ({"false_per_negative": alarms / empty} if empty else {})
        return report

    def pictures(self) -> list[dict]:
        return []

    def trace(self, network: Detector, pictures: list[dict], size: int) -> list:
        return []
