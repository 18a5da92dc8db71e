"""Samples: crops of hands or faces with their labels, as arrays; and the cache that keeps decoded pictures.

Pictures are decoded once and kept as uint8 arrays in a cache folder, because decoding them again each epoch would cost more than the
network. Pixel coordinates: x right, y down, an integer is a pixel's centre.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

CROP = 256
HELD_OUT = 8  # of the groups of natural photos every eighth is trained on by no network: confidence is fitted there
STORED_SCALE = 1.7  # a stored crop's side / the larger side of its points: room to turn and shift while training


class DataError(ValueError):
    """Training data that cannot be used; its text is one plain sentence that names the file and the annotation."""


@dataclass
class Samples:
    """N crops of one kind of object.

    images (N, 256, 256, 3) uint8 RGB. masks (N, 256, 256) uint8 or None: how much of a pixel is the object (synthetic
    sets only). points (N, K, 2) pixels of the crop, K = 21 or 478; z (N, K) pixels, smaller = nearer, NaN where unknown;
    weights (N, K) 0..1, how far a point's label is trusted. right (N,) 1 right hand, 0 left, -1 unknown.
    Faces only: ibug (N, 68, 2) and ibug_weights (N, 68). split (N,) 'train' | 'val'. share: how often the set is drawn.
    """

    name: str
    kind: str
    licence: str
    images: np.ndarray
    points: np.ndarray
    z: np.ndarray
    weights: np.ndarray
    split: np.ndarray
    masks: np.ndarray | None = None
    right: np.ndarray | None = None
    ibug: np.ndarray | None = None
    ibug_weights: np.ndarray | None = None
    share: float = 1.0
    odds: np.ndarray | None = None  # (N,) relative odds of a row within its set
    stretched: np.ndarray | None = None  # (N,) bool: the photo had been squeezed to a square, nobody knows from which sides
    notes: dict[str, np.ndarray] = field(default_factory=dict)  # columns for slices of the evaluation

    @property
    def measured(self) -> np.ndarray:
        """The points that errors are measured at: a hand's 21 (N, 21, 2), a face's 68 (N, 68, 2)."""
        if self.kind == "hand":
            return self.points
        assert self.ibug is not None, f"{self.name} has no 68 points"
        return self.ibug


def decode(data: bytes, flags: int = cv2.IMREAD_COLOR_RGB) -> np.ndarray:
    """A picture file's pixels, uint8 (H, W, 3) RGB unless `flags` say otherwise. ValueError for a damaged one."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if picture is None:
        raise ValueError("a training picture cannot be decoded")
    return picture


def padded(picture: np.ndarray, size: int) -> np.ndarray:
    """Black to the right and below, up to size x size; a larger picture is cut."""
    canvas = np.zeros((size, size, *picture.shape[2:]), np.uint8)
    part = picture[:size, :size]
    canvas[: part.shape[0], : part.shape[1]] = part
    return canvas


def cached(cache: Path, name: str, made_from: Iterable, shape: tuple[int, ...], make: Callable[[int], np.ndarray], count: int, what: str) -> np.ndarray:
    """The array (count, *shape) uint8 of `cache`, made row by row the first time.

    Its file is named `name` and a digest of `made_from`: whatever decides its pixels. So a folder that was edited, or another one of
    the same name, gets an array of its own; the old one of that name is removed."""
    digest = hashlib.sha256(repr((count, shape, *made_from)).encode()).hexdigest()[:16]
    path = cache / f"{name}-{digest}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        rows = np.lib.format.open_memmap(part, "w+", np.uint8, (count, *shape))
        with ThreadPoolExecutor(2) as pool:
            for i, row in enumerate(tqdm(pool.map(make, range(count)), total=count, desc=f"decoding {what}", mininterval=5)):
                rows[i] = row
        rows.flush()
        for old in cache.glob(f"{name}-{'?' * len(digest)}.npy"):
            old.unlink()
        part.rename(path)
    return np.load(path, mmap_mode="r")


def contents(archive: zipfile.ZipFile) -> list[tuple[str, int]]:
    """Name and checksum of every file in an archive."""
    return [(i.filename, i.CRC) for i in archive.infolist()]


def held_out(group: str) -> bool:
    """Whether the natural photos of this group (one photo or a clip) are kept back from all training."""
    return zlib.crc32(group.encode()) % HELD_OUT == 0
