"""Batches for a landmark network: rows of its kind, then others that only presence learns from, all freshly augmented."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset

from . import augment, hard_examples
from .samples import Samples

UPRIGHT = {"hand": (0, 9), "face": (152, 10)}  # from the wrist to the middle knuckle, from the chin to the forehead
IBUG_CHIN, IBUG_BROW = 8, 27
COARSEST = 0.06  # a face in a group photo may have a dozen pixels
COARSEST_FOUND = 0.3  # of what is cut from photos as it is, small objects among it


@dataclass(frozen=True)
class Plan:
    """How many rows of each sort a batch has, and how large its crops are."""

    size: int = 256
    own: int = 20  # with points
    found: int = 3  # true positives of the detector in photos (model/data/hard_examples.py); presence learns from these alone what real crops are like
    others: int = 2  # of the other kind; from these and the empty ones presence learns to say no
    empty: int = 4  # what the detector takes for an object, and random pieces of photos


def sample(
    s: Samples, i: int, size: int, rng: np.random.Generator, pool: list[np.ndarray], flips: dict[str, np.ndarray], amount: float = 1.0
) -> dict[str, np.ndarray]:
    """One row: crop (size, size, 3) and its labels, x and y as fractions of the crop, z in the same unit.

    amount 0 gives the upright, centred, unaltered crop: what is measured on.
    """
    points, z, weights, right = s.points[i], s.z[i], s.weights[i], -1 if s.right is None else int(s.right[i])
    ibug, ibug_weights = (s.ibug[i], s.ibug_weights[i]) if s.ibug is not None and s.ibug_weights is not None else (None, None)
    around, upright = points, UPRIGHT[s.kind]
    if s.kind == "face" and not weights.any():  # labelled with 68 points only
        around, upright = ibug, (IBUG_CHIN, IBUG_BROW)
    elif s.kind == "face":
        around = points[:468]
    centre, side, angle = augment.jittered_roi(s.kind, around, rng, upright, amount)
    mirror = bool(amount) and rng.random() < 0.5
    matrix = augment.similarity(centre, side, angle, mirror, size)
    if amount and s.stretched is not None and s.stretched[i]:
        matrix = augment.unsqueezed(matrix, centre, rng)
    image = augment.warp(s.images[i], matrix, size, cv2.BORDER_REPLICATE if amount and rng.random() < 0.15 else cv2.BORDER_CONSTANT)
    if amount:
        if s.masks is not None and rng.random() < 0.6:
            alpha = cv2.GaussianBlur(augment.warp(s.masks[i], matrix, size), (3, 3), 0).astype(np.float32)[..., None] / 255
            image = (image * alpha + augment.background(pool, size, rng) * (1 - alpha)).astype(np.uint8)
        if rng.random() < 0.12:
            augment.occlude(image, pool, rng)
        image = augment.camera(image, rng, COARSEST)
    row = {"image": image, "points": (augment.moved(points, matrix) + 0.5) / size, "z": z / side, "weights": weights, "side": side}
    if ibug is not None:
        row |= {"ibug": (augment.moved(ibug, matrix) + 0.5) / size, "ibug_weights": ibug_weights}
    if mirror:
        order = flips[s.kind]
        row |= {k: row[k][order] for k in ("points", "z", "weights")}
        if ibug is not None:
            row |= {k: row[k][augment.FLIP_IBUG] for k in ("ibug", "ibug_weights")}
        right = 1 - right if right >= 0 else right
    return row | {"right": right}


def found(size: int, rng: np.random.Generator, crops: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """One of the mined crops (N, 256, 256, 3), by their odds (N,), as (size, size, 3)."""
    picture = crops[rng.choice(len(crops), p=odds)]
    side = len(picture) / hard_examples.ROOM * np.exp(rng.normal(0, 0.12))
    centre = (len(picture) - 1) / 2 + rng.normal(0, 0.05, 2) * side
    matrix = augment.similarity(centre, side, rng.normal(0, 0.2), rng.random() < 0.5, size)
    return augment.camera(augment.warp(picture, matrix, size), rng, COARSEST_FOUND)


def stack(rows: list[dict]) -> dict[str, torch.Tensor]:
    """Rows of equal keys as one batch: pictures uint8, everything else float32."""
    keys = rows[0].keys() if rows else ()
    return {k: torch.from_numpy(np.stack([np.asarray(r[k], np.uint8 if k == "image" else np.float32) for r in rows])) for k in keys}


def flips_of(sets: list[Samples]) -> dict[str, np.ndarray]:
    """Mirror permutations. The mesh's comes from the mean of faces and of their mirror images' eye frames, where there are any."""
    from .ibug68 import eye_frame

    meshes = [s.points[(s.weights[:, :468] > 0).all(1)] for s in sets if s.kind == "face"]
    meshes = [m for m in meshes if len(m)]
    mesh = augment.flip_mesh(eye_frame(np.concatenate(meshes).astype(np.float64))[0].mean(0)) if meshes else np.arange(478)
    return {"hand": np.arange(21), "face": mesh}


class Batches(IterableDataset):
    """An endless stream for one epoch's worth of batches; (seed, epoch, worker) decide it completely."""

    def __init__(
        self,
        kind: str,
        sets: list[Samples],
        pool: list[np.ndarray],
        plan: Plan,
        seed: int,
        epoch: int,
        count: int,
        mined: hard_examples.HardExamples | None = None,
    ):
        self.kind, self.sets, self.pool, self.plan, self.seed, self.epoch, self.count = kind, sets, pool, plan, seed, epoch, count
        (self.other,) = {"hand", "face"} - {kind}
        self.crops = mined.crops if mined else None
        self.right, self.wrong = (mined.odds(kind, shows) if mined else np.zeros(0) for shows in (1, 0))
        self.flips = flips_of(sets)
        self.rows: dict[str, list[tuple[Samples, np.ndarray, np.ndarray | None]]] = {"hand": [], "face": []}
        for s in sets:
            index = np.flatnonzero(s.split == "train")
            odds = None if s.odds is None else s.odds[index] / s.odds[index].sum()
            if len(index):
                self.rows[s.kind].append((s, index, odds))

    def draw(self, kind: str, n: int, rng: np.random.Generator) -> list[dict]:
        """`n` samples of this kind, drawn from its sets by their shares and from each set by its rows' odds."""
        sets = self.rows[kind]
        shares = np.array([s.share for s, _, _ in sets])
        rows = []
        for k in rng.choice(len(sets), n, p=shares / shares.sum()):
            s, index, odds = sets[k]
            rows.append(sample(s, int(rng.choice(index, p=odds)), self.plan.size, rng, self.pool, self.flips))
        return rows

    def empty(self, rng: np.random.Generator) -> np.ndarray:
        """A crop (size, size, 3) that does not show the kind: most are false positives of the detector, where there are any."""
        if self.crops is not None and self.wrong.any() and rng.random() < 0.7:
            return found(self.plan.size, rng, self.crops, self.wrong)
        return augment.camera(augment.background(self.pool, self.plan.size, rng), rng, COARSEST)

    def of_other_kind(self, rng: np.random.Generator) -> np.ndarray:
        """A crop (size, size, 3) of the other kind in any orientation: what the detector takes a fist for stands upright as a face would."""
        return np.rot90(self.draw(self.other, 1, rng)[0]["image"], int(rng.integers(4)))

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        cv2.setNumThreads(0)
        rng = np.random.default_rng([self.seed, self.epoch, worker])
        for _ in range(worker, self.count, workers):
            own = stack(self.draw(self.kind, self.plan.own, rng))
            yes = [found(self.plan.size, rng, self.crops, self.right) for _ in range(self.plan.found if self.right.any() else 0)]
            no = [self.of_other_kind(rng) if self.rows[self.other] else self.empty(rng) for _ in range(self.plan.others)]
            no += [self.empty(rng) for _ in range(self.plan.empty)]
            present = torch.tensor([1.0] * (self.plan.own + len(yes)) + [0.0] * len(no))[:, None]
            yield {"image": torch.cat([own.pop("image"), torch.from_numpy(np.stack(yes + no))]), "target": own, "present": present}
