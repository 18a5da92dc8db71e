"""Readers: from the training sets on disk to arrays of upright square crops with their labels.

Every reader gives a `Samples`; pictures are decoded once and kept as uint8 arrays in a cache folder, because decoding
them again each epoch would cost more than the network. Pixel coordinates: x right, y down, an integer is a pixel's centre.
"""

import json
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

CROP = 256
STORED_SCALE = 1.7  # a stored crop's side / the larger side of its points: room to turn and shift while training
IRIS = np.arange(468, 478)
COUNTED_FROM = 1.0  # pixels: the people who labelled 68 points counted from one (sideways model/mirror_test.py measures it, downwards it is assumed)


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
    notes: dict[str, np.ndarray] = field(default_factory=dict)  # columns for slices of the evaluation


def decode(data: bytes, flags: int = cv2.IMREAD_COLOR_RGB) -> np.ndarray:
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


def cached(path: Path, count: int, shape: tuple[int, ...], make: Callable[[int], np.ndarray], what: str) -> np.ndarray:
    """The array kept at `path` (count, *shape) uint8, made row by row the first time."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        rows = np.lib.format.open_memmap(part, "w+", np.uint8, (count, *shape))
        with ThreadPoolExecutor(2) as pool:
            for i, row in enumerate(tqdm(pool.map(make, range(count)), total=count, desc=f"decoding {what}", mininterval=5)):
                rows[i] = row
        rows.flush()
        part.rename(path)
    return np.load(path, mmap_mode="r")


def zipped(folder: Path, cache: Path, suffix: str = ".webp", size: int = CROP, flags: int = cv2.IMREAD_COLOR_RGB) -> np.ndarray:
    archive = zipfile.ZipFile(folder / "images.zip")
    blobs = [archive.read(n) for n in sorted(archive.namelist()) if n.endswith(suffix)]
    shape = (size, size, 3) if flags == cv2.IMREAD_COLOR_RGB else (size, size)
    name = f"{folder.name}{suffix.replace('.', '_')}.npy"
    return cached(cache / name, len(blobs), shape, lambda i: padded(decode(blobs[i], flags), size), folder.name)


def load_labels(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "labels.npz", allow_pickle=False) as labels:
        return {k: labels[k] for k in labels.files}


def synth_hands(folder: Path, cache: Path) -> Samples:
    """Rendered hands with exact points; z from the camera's depth, in pixels at the wrist's distance."""
    t = load_labels(folder)
    depth = t["xyz"][..., 2]
    z = (depth - depth[:, :1]) * (t["K"][:, :1] / depth[:, :1])
    return Samples("synth_hands", "hand", "CC0 (MakeHuman); backgrounds research / CC0", zipped(folder, cache), t["points"], z,
                   np.where(t["visible"], 1.0, 0.7).astype(np.float32), t["split"], zipped(folder, cache, ".mask.png", CROP, cv2.IMREAD_GRAYSCALE),
                   t["handedness"].astype(np.int8), share=0.5,
                   notes={"xyz": t["xyz"], "skin": t["skin"], "degrade": t["degrade"], "occluder": t["occluder"], "cropped": t["cropped"], "bg": t["bg"]})


def real_hands(folder: Path, cache: Path) -> Samples:
    """Photos; a point counts by how well the teacher's views agree on it, a photo of a large series or of a large source less often:
    one source of easy digits would else be seven tenths of all."""
    t = load_labels(folder)
    trust = 1 / (1 + (t["spread"] / 0.03) ** 2)
    z = np.where(t["stretched"][:, None] == 1, np.nan, t["z"]).astype(np.float32)
    _, group, sizes = np.unique(t["group"], return_inverse=True, return_counts=True)
    _, source = np.unique(t["source"], return_inverse=True)
    odds = (t["split"] == "train") * sizes[group] ** -0.5
    odds *= np.maximum(np.bincount(source, odds), 1.0)[source] ** -0.75
    return Samples("real_hands", "hand", "CC BY 4.0, MIT, Apache-2.0, public domain", zipped(folder, cache), t["points"], z,
                   trust.astype(np.float32), t["split"], right=t["handedness"].astype(np.int8), share=0.5, odds=odds,
                   notes={"group": t["group"], "spread": t["spread"], "source": t["source"], "valid": t["valid"]})


def synth_faces(folder: Path, cache: Path) -> Samples:
    """Rendered faces: exact 68 points; the mesh only about right, so it counts little; of the irises only the centres."""
    t = load_labels(folder)
    n = len(t["p468"])
    points, weights, z = np.zeros((n, 478, 2), np.float32), np.zeros((n, 478), np.float32), np.full((n, 478), np.nan, np.float32)
    points[:, :468], weights[:, :468], z[:, :468] = t["p468"], 0.1, t["z468"]
    points[:, 468:473], points[:, 473:] = t["iris"][:, :1], t["iris"][:, 1:]
    weights[:, [468, 473]] = 1
    return Samples("synth_faces", "face", "CC0 (MakeHuman); backgrounds research / CC0", zipped(folder, cache), points, z, weights, t["split"],
                   zipped(folder, cache, ".mask.png", CROP, cv2.IMREAD_GRAYSCALE), ibug=t["p68"],
                   ibug_weights=np.where(t["visible68"], 0.2, 0.1).astype(np.float32), share=0.2,
                   notes={"yaw": t["ypr"][:, 0], "skin": t["skin"], "bg": t["bg"], "degrade": t["degrade"]})


def eye_frame(mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 478, 2) -> the same points with the outer eye corners (33, 263) at (-1/2, 0) and (1/2, 0); and the way back:
    centre (N, 1, 2) and the rotation-with-scale (N, 2, 2)."""
    right, left = mesh[:, 33], mesh[:, 263]
    centre, axis = (right + left) / 2, left - right
    matrix = np.stack([axis, np.stack([-axis[:, 1], axis[:, 0]], 1)], 2)  # columns: along the eyes, down
    inside = np.einsum("nij,nkj->nki", np.linalg.inv(matrix), mesh - centre[:, None])
    return inside, centre[:, None], matrix


def fit_ibug(mesh: np.ndarray, ibug: np.ndarray, ridge: float = 0.01) -> np.ndarray:
    """Ridge regression of human 68 points on the mesh in the eye frame -> (957, 136). The human jaw convention follows the
    visible outline, which no fixed choice of mesh points does."""
    inside, centre, matrix = eye_frame(mesh)
    target = np.einsum("nij,nkj->nki", np.linalg.inv(matrix), ibug - centre).reshape(len(mesh), -1)
    a = np.concatenate([inside.reshape(len(mesh), -1), np.ones((len(mesh), 1))], 1)
    return np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ target)


def apply_ibug(mesh: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """(N, 478, 2) -> (N, 68, 2) in the same pixels."""
    inside, centre, matrix = eye_frame(mesh)
    a = np.concatenate([inside.reshape(len(mesh), -1), np.ones((len(mesh), 1))], 1)
    return np.einsum("nij,nkj->nki", matrix, (a @ fitted).reshape(-1, 68, 2)) + centre


def real_faces(folder: Path, cache: Path) -> Samples:
    """Photos: mesh by the teacher's consensus (bent onto human fiducials in profiles); 68 points by people where they exist,
    elsewhere from the mesh by a ridge map fitted to the human ones of the training split (steep profiles: the pose-independent
    barycentric map that comes with the set), counting less."""
    t = load_labels(folder)
    mesh, by_people, human = t["points"], t["p68"] - COUNTED_FROM, np.isfinite(t["p68"][:, 0, 0])
    fitted = fit_ibug(mesh[human & (t["split"] == "train")].astype(np.float64), by_people[human & (t["split"] == "train")])
    with np.load(folder / "map478to68_bary.npz") as maps:
        bary = np.einsum("ij,njk->nik", maps["W"], mesh)
    steep = np.abs(t["yaw"]) > 40
    ibug = np.where(steep[:, None, None], bary, apply_ibug(mesh.astype(np.float64), fitted))
    ibug = np.where(human[:, None, None], by_people, ibug).astype(np.float32)
    ibug_weights = np.where(human, 1.0, np.where(steep, 0.05, 0.1))[:, None] * np.ones((1, 68))
    # The set's spread of each point is 60 nearly everywhere, whatever its unit says; the mean of a face is sound.
    trust = np.repeat(1 / (1 + (np.nan_to_num(t["mean_spread"], nan=0.1)[:, None] / 0.05) ** 2), 478, axis=1)
    odds = np.select([t["source"] == "helen", t["source"] == "lfw", t["source"] == "utk", t["source"] == "maskon"], [8.0, 0.8, 0.8, 2.0], 1.0)
    return Samples("real_faces", "face", "research use (LFW, UTKFace, CFP, HELEN), CC BY-NC-SA 4.0, CC BY 4.0", zipped(folder, cache), mesh, t["z"],
                   trust.astype(np.float32), t["split"], ibug=ibug, ibug_weights=ibug_weights.astype(np.float32), share=0.8, odds=odds,
                   notes={"human68": human, "fid30": t["fid30"], "yaw": t["yaw"], "source": t["source"], "race": t["race"]})


def coco(folder: Path, cache: Path, val_every: int = 10) -> list[Samples]:
    """Any folder in COCO-keypoints form: annotations.json beside the pictures (or images.zip). 21 keypoints are a hand, 68 or
    478 a face; a keypoint's visibility 0 means unlabelled. An image's or annotation's own `split` is kept, else every tenth is 'val'.
    Raises ValueError when no annotation has 21, 68 or 478 keypoints."""
    table = json.loads((folder / "annotations.json").read_text())
    archive = zipfile.ZipFile(folder / "images.zip") if (folder / "images.zip").exists() else None
    images = {i["id"]: i for i in table["images"]}

    def read(name: str) -> np.ndarray:
        return decode(archive.read(name) if archive else (folder / name).read_bytes())

    found = []
    for kind, sizes in (("hand", (21,)), ("face", (68, 478))):
        rows = [a for a in table["annotations"] if len(a.get("keypoints") or ()) // 3 in sizes and not a.get("iscrowd")]
        if not rows:
            continue
        keypoints = [np.array(a["keypoints"], np.float32).reshape(-1, 3) for a in rows]
        frames = []
        for k in keypoints:  # where each crop lies in its picture: left, top, scale
            seen = k[k[:, 2] > 0, :2] if (k[:, 2] > 0).any() else k[:, :2]
            side = max(np.ptp(seen, axis=0).max(), 2.0) * STORED_SCALE
            frames.append((*((seen.min(0) + seen.max(0)) / 2 - side / 2), CROP / side))

        def cut(i: int, rows=rows, frames=frames) -> np.ndarray:
            left, top, scale = frames[i]
            matrix = np.array([[scale, 0, -left * scale + (scale - 1) / 2], [0, scale, -top * scale + (scale - 1) / 2]])
            return cv2.warpAffine(read(images[rows[i]["image_id"]]["file_name"]), matrix, (CROP, CROP), flags=cv2.INTER_AREA)

        xy = [(k[:, :2] - (f[0], f[1])) * f[2] + (f[2] - 1) / 2 for k, f in zip(keypoints, frames)]
        seen = [(k[:, 2] > 0).astype(np.float32) for k in keypoints]
        count, size = len(rows), 21 if kind == "hand" else 478
        points, weights = np.zeros((count, size, 2), np.float32), np.zeros((count, size), np.float32)
        ibug, ibug_weights = np.zeros((count, 68, 2), np.float32), np.zeros((count, 68), np.float32)
        for i, (p, w) in enumerate(zip(xy, seen)):
            if len(p) == size:
                points[i], weights[i] = p, w
            else:
                ibug[i], ibug_weights[i] = p, w
        split = np.array([a.get("split") or images[a["image_id"]].get("split") or ("val" if i % val_every == 0 else "train") for i, a in enumerate(rows)])
        right = np.array([{"left": 0, "right": 1}.get(a.get("handedness"), -1) for a in rows], np.int8)
        pictures = cached(cache / f"{folder.name}_{kind}.npy", count, (CROP, CROP, 3), cut, f"{folder.name} ({kind}s)")
        found.append(Samples(f"{folder.name}", kind, "; ".join(i["name"] for i in table.get("licenses", [])) or "not stated", pictures, points,
                             np.full((count, size), np.nan, np.float32), weights, split, right=right,
                             ibug=ibug if kind == "face" else None, ibug_weights=ibug_weights if kind == "face" else None))
    if not found:
        raise ValueError(f"{folder / 'annotations.json'}: no annotation has 21 (hand), 68 or 478 (face) keypoints")
    return found


KNOWN = {"synth_hands": synth_hands, "real_hands": real_hands, "synth_faces": synth_faces, "real_faces": real_faces}


def read_all(data: Path, cache: Path, only: Iterable[str] = ()) -> list[Samples]:
    """Every set below `data`: the four known ones by name, and any other folder with an annotations.json as COCO keypoints.
    `only` names the sets to take. Raises FileNotFoundError when there is none."""
    wanted = set(only)
    sets: list[Samples] = []
    for folder in sorted(p for p in data.iterdir() if p.is_dir() and (not wanted or p.name in wanted)):
        if folder.name in KNOWN:
            sets.append(KNOWN[folder.name](folder, cache))
        elif (folder / "annotations.json").exists() and not folder.name.endswith("_scenes"):
            sets.extend(coco(folder, cache))
    if not sets:
        raise FileNotFoundError(f"no training set found in {data}: expected folders with labels.npz or annotations.json")
    return sets
