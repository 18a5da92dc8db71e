"""The named training sets: from their folders to `Samples`. Any other folder is read as COCO keypoints (model/data/coco.py)."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from ..runtime.geometry import ROI, extract_crop, transform
from .coco import coco
from .ibug68 import apply_ibug, fit_ibug
from .samples import CROP, STORED_SCALE, DataError, Samples, cached, contents, decode, held_out, padded

IRIS = np.arange(468, 478)
COUNTED_FROM = 1.0  # pixels: the people who labelled 68 points counted from one (sideways model/evaluation/label_shift.py measures it, downwards it is assumed)


def zipped(folder: Path, cache: Path, suffix: str = ".webp", size: int = CROP, flags: int = cv2.IMREAD_COLOR_RGB) -> np.ndarray:
    """The pictures in a set's images.zip, (N, size, size, 3) uint8 RGB, or without the last axis for grey `flags`; kept in the cache."""
    archive = zipfile.ZipFile(folder / "images.zip")
    names = sorted(n for n in archive.namelist() if n.endswith(suffix))
    blobs = [archive.read(n) for n in names]
    shape = (size, size, 3) if flags == cv2.IMREAD_COLOR_RGB else (size, size)
    name = f"{folder.name}{suffix.replace('.', '_')}"
    return cached(cache, name, contents(archive), shape, lambda i: padded(decode(blobs[i], flags), size), len(blobs), folder.name)


def load_labels(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a set's labels.npz by name."""
    with np.load(folder / "labels.npz", allow_pickle=False) as labels:
        return {k: labels[k] for k in labels.files}


def synth_hands(folder: Path, cache: Path) -> Samples:
    """Rendered hands with exact points; z from the camera's depth, in pixels at the wrist's distance."""
    t = load_labels(folder)
    depth = t["xyz"][..., 2]
    z = (depth - depth[:, :1]) * (t["K"][:, :1] / depth[:, :1])
    return Samples(
        "synth_hands",
        "hand",
        "CC0 (MakeHuman); backgrounds research / CC0",
        zipped(folder, cache),
        t["points"],
        z,
        np.where(t["visible"], 1.0, 0.7).astype(np.float32),
        t["split"],
        zipped(folder, cache, ".mask.png", CROP, cv2.IMREAD_GRAYSCALE),
        t["handedness"].astype(np.int8),
        share=1.0,
        notes={"xyz": t["xyz"], "skin": t["skin"], "degrade": t["degrade"], "occluder": t["occluder"], "cropped": t["cropped"], "bg": t["bg"]},
    )


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
    return Samples(
        "real_hands",
        "hand",
        "CC BY 4.0, MIT, Apache-2.0, public domain",
        zipped(folder, cache),
        t["points"],
        z,
        trust.astype(np.float32),
        t["split"],
        right=t["handedness"].astype(np.int8),
        share=0.3,
        odds=odds,
        notes={"group": t["group"], "spread": t["spread"], "source": t["source"], "valid": t["valid"]},
    )


def synth_faces(folder: Path, cache: Path) -> Samples:
    """Rendered faces: exact 68 points; the mesh only about right, so it counts little; of the irises only the centres."""
    t = load_labels(folder)
    n = len(t["p468"])
    points, weights, z = np.zeros((n, 478, 2), np.float32), np.zeros((n, 478), np.float32), np.full((n, 478), np.nan, np.float32)
    points[:, :468], weights[:, :468], z[:, :468] = t["p468"], 0.1, t["z468"]
    points[:, 468:473], points[:, 473:] = t["iris"][:, :1], t["iris"][:, 1:]
    weights[:, [468, 473]] = 1
    return Samples(
        "synth_faces",
        "face",
        "CC0 (MakeHuman); backgrounds research / CC0",
        zipped(folder, cache),
        points,
        z,
        weights,
        t["split"],
        zipped(folder, cache, ".mask.png", CROP, cv2.IMREAD_GRAYSCALE),
        ibug=t["p68"],
        ibug_weights=np.where(t["visible68"], 0.2, 0.1).astype(np.float32),
        share=0.2,
        notes={"yaw": t["ypr"][:, 0], "skin": t["skin"], "bg": t["bg"], "degrade": t["degrade"]},
    )


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
    return Samples(
        "real_faces",
        "face",
        "research use (LFW, UTKFace, CFP, HELEN), CC BY-NC-SA 4.0, CC BY 4.0",
        zipped(folder, cache),
        mesh,
        t["z"],
        trust.astype(np.float32),
        t["split"],
        ibug=ibug,
        ibug_weights=ibug_weights.astype(np.float32),
        share=0.8,
        odds=odds,
        notes={"human68": human, "fid30": t["fid30"], "yaw": t["yaw"], "source": t["source"], "race": t["race"]},
    )


def wild(folder: Path, cache: Path) -> Samples:
    """Hands of natural photos: sure ones with points, depth and side, rough ones with points that count little. Crops are cut as for
    inference; a `tune` row is trained on by no network."""
    table = json.loads((folder / "annotations.json").read_text())
    archive = zipfile.ZipFile(folder / "images.zip")
    images = {i["id"]: i for i in table["images"]}
    rows = [a for a in table["annotations"] if a["category_id"] == 1 and not a["iscrowd"] and (a.get("keypoints") or a.get("rough_keypoints"))]
    sure = np.array([bool(a.get("keypoints")) for a in rows])
    xy = np.stack([np.reshape(a["keypoints"], (21, 3))[:, :2] if a.get("keypoints") else np.reshape(a["rough_keypoints"], (21, 2)) for a in rows])
    low, high = xy.min(1), xy.max(1)
    sides = np.maximum((high - low).max(1), 2.0) * STORED_SCALE
    frames = [ROI(x, y, side) for (x, y), side in zip((low + high) / 2, sides)]

    blobs = {n: archive.read(n) for n in archive.namelist()}

    def crop(i: int) -> np.ndarray:
        return extract_crop(decode(blobs[images[rows[i]["image_id"]]["file_name"]]), frames[i])

    pictures = cached(cache, f"{folder.name}_hands", [*contents(archive), *frames], (CROP, CROP, 3), crop, len(rows), f"{folder.name} (hands)")
    points = np.stack([transform(f.to_crop(), p) for f, p in zip(frames, xy)]).astype(np.float32)
    of = [images[a["image_id"]] for a in rows]
    stretched = np.array([bool(i["stretched"]) for i in of])
    z = np.stack([a["z"] if a.get("z") else np.full(21, np.nan) for a in rows]) * (CROP / sides)[:, None]
    z[stretched] = np.nan
    spread = np.array([a["spread"] for a in rows], np.float32)
    split = np.array(["tune" if i["split"] == "train" and held_out(str(i["group"])) else i["split"] for i in of])
    right = np.array([{"left": 0, "right": 1}.get(a.get("handedness"), -1) for a in rows], np.int8)
    _, group, sizes = np.unique([str(i["group"]) for i in of], return_inverse=True, return_counts=True)
    odds = sizes[group] ** -0.5 * np.where(sure, 1.0, 0.4)
    return Samples(
        "wild",
        "hand",
        "research use, CC BY 4.0, CC BY-SA 4.0, Apache-2.0, MIT (photo by photo)",
        pictures,
        points,
        z.astype(np.float32),
        1 / (1 + (spread / 0.03) ** 2),
        split,
        right=right,
        share=1.2,
        odds=odds,
        stretched=stretched,
        notes={"sure": sure, "side": sides / STORED_SCALE},
    )


KNOWN = {"wild": wild, "synth_hands": synth_hands, "real_hands": real_hands, "synth_faces": synth_faces, "real_faces": real_faces}


def read_all(data: Path, cache: Path, only: Iterable[str] = ()) -> list[Samples]:
    """Every set below `data`: the four known ones by name, and any other folder with an annotations.json as COCO keypoints.
    `only` names the sets to take. Raises DataError when there is none, or when one cannot be used."""
    if not data.is_dir():
        raise DataError(f"{data} is no folder.")
    wanted = set(only)
    sets: list[Samples] = []
    for folder in sorted(p for p in data.iterdir() if p.is_dir() and (not wanted or p.name in wanted)):
        if folder.name in KNOWN:
            sets.append(KNOWN[folder.name](folder, cache))
        elif (folder / "annotations.json").exists() and not folder.name.endswith("_scenes"):
            sets.extend(coco(folder, cache))
    if not sets:
        raise DataError(f"{data} holds no training set: it needs folders with an annotations.json in COCO-keypoints form, or those that the README names.")
    return sets
