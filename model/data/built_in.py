"""The pictures that come with the project, as a set against forgetting: crops to keep the answers on, and others to measure on.

Rendered scenes, drawn hands and drawn faces keep the answers: what the network says there before it is fine-tuned is their label (learning
without forgetting, Li and Hoiem 2016). Measured is on other renderings, of which the truth is exact.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..constants import KINDS
from ..photo.image_file import open_photo
from ..runtime.geometry import ROI, extract_crop, transform
from ..runtime.landmarker import Landmarker
from ..runtime.refinement import request_around
from . import augment, synthetic
from .landmark_batches import COARSEST, IBUG_BROW, IBUG_CHIN
from .samples import CROP

EXAMPLES = Path(__file__).parents[1] / "examples"
WEIGHTS = Path(__file__).parents[1] / "weights"
WITH_TRUTH = ("greeting", "hands")  # never seen while training
VIEWS = 6  # measured crops of one hand or face: one upright, the others as wrong as a detector may have them
UPRIGHT = {"hand": (0, 9), "face": (IBUG_CHIN, IBUG_BROW)}
DRAWN, OTHER = 0.25, 0.25  # of the kept crops: drawn ones, and pieces of scenes without regard to what is there


@dataclass(frozen=True)
class Scene:
    """A shipped picture and the ROIs of the hands and faces that the network found there, by kind."""

    rgb: np.ndarray
    rois: dict[str, list[ROI]]


def scenes(landmarker: Landmarker) -> list[Scene]:
    """The rendered scenes that are not measured on."""
    found = []
    for path in sorted(EXAMPLES.glob("*.webp")):
        if path.stem not in WITH_TRUTH:
            rgb = open_photo(path)
            result = landmarker.detect(rgb)
            found.append(Scene(rgb, {kind: [request_around(each)[1] for each in (result.hands if kind == "hand" else result.faces)] for kind in KINDS}))
    return found


def kept_crops(kind: str, shown: list[Scene], count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 256, 256, 3) uint8: mostly hands or faces of the scenes, then drawn ones and anything else, all freshly augmented."""
    return np.stack([_kept(kind, shown, rng) for _ in range(count)])


def _kept(kind: str, shown: list[Scene], rng: np.random.Generator) -> np.ndarray:
    chance = rng.random()
    if chance < DRAWN:
        picture = (synthetic.draw_hand if kind == "hand" else synthetic.draw_face)(rng)[0]
        roi = ROI((CROP - 1) / 2, (CROP - 1) / 2, CROP)
    elif chance < DRAWN + OTHER:
        picture = shown[rng.integers(len(shown))].rgb
        height, width = picture.shape[:2]
        roi = ROI(rng.uniform(0, width), rng.uniform(0, height), min(width, height) * np.exp(rng.uniform(np.log(0.1), 0)))
    else:
        picture, roi = _choose([(scene.rgb, roi) for scene in shown for roi in scene.rois[kind]], rng)
    side = roi.side * np.exp(rng.normal(0, 0.15))
    centre = rng.normal(0, 0.08, 2) * side + (roi.cx, roi.cy)
    jittered = ROI(float(centre[0]), float(centre[1]), float(side), roi.angle + float(rng.normal(0, 0.3)))
    crop = extract_crop(picture, jittered)
    return augment.camera(np.ascontiguousarray(crop[:, ::-1]) if rng.random() < 0.5 else crop, rng, COARSEST)


def _choose(options: list[tuple[np.ndarray, ROI]], rng: np.random.Generator) -> tuple[np.ndarray, ROI]:
    return options[rng.integers(len(options))]


def measured(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Crops (N, 256, 256, 3) uint8 of the renderings with exact truth, and the true points (N, 21 or 68, 2) in their pixels; always the same."""
    rng = np.random.default_rng(0)
    crops, truth = [], []
    for rgb, points in _with_truth(kind):
        for view in range(VIEWS):
            centre, side, angle = augment.jittered_roi(kind, points, rng, UPRIGHT[kind], float(view > 0))
            roi = ROI(float(centre[0]), float(centre[1]), float(side), float(angle))
            crops.append(extract_crop(rgb, roi))
            truth.append(transform(roi.to_crop(), points))
    return np.stack(crops), np.stack(truth).astype(np.float32)


def _with_truth(kind: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures and the true points of one hand or face in them, pixels."""
    field = {"hand": ("hands", "landmarks"), "face": ("faces", "ibug68")}[kind]
    found = []
    for name in WITH_TRUTH:
        table = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        found += [(open_photo(EXAMPLES / f"{name}.webp"), np.array(each[field[1]], np.float64)) for each in table[field[0]]]
    trace = json.loads((WEIGHTS / "trace.json").read_text(encoding="utf-8"))
    return found + [(open_photo(WEIGHTS / each["file"]), np.array(each["truth"], np.float64)) for each in trace[kind]["pictures"]]
