"""The landmarks of every hand and face in a photo: detector, crops, landmark network, second look, abstention."""

import math
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from model.constants import CONSTANTS, CROP, KINDS
from model.runtime.detector import Detection, Detector
from model.runtime.geometry import ROI, cut, extent, roi_from_box, roi_from_points, transform
from model.runtime.image_file import rgb_of
from model.runtime.result import Face, Hand, Result, Trace
from model.runtime.session import Session, WeightsError
from model.runtime.stage_timer import Clock

__all__ = ["Landmarker", "WeightsError"]

_RULE = CONSTANTS["landmarks"]
_DETECTOR = CONSTANTS["detector"]
MIN_CONFIDENCE: dict[str, float] = _RULE["confidence"]["least"]  # of the release, by kind
UNCERTAIN_FROM = 0.01  # confidence; nobody asks about what has less

Place = tuple[str, ROI]  # 'hand' | 'face', and where to look for it
Found = Hand | Face


class Landmarker:
    """One loaded network. Make one per process and share it: `detect` may be called from several threads at once.

    weights: an ONNX file, by default the one that comes with the project; threads: CPU threads of one run; exact: compute all
    in single precision, half as fast (eight_bit.py). Raises WeightsError (one plain sentence) if the file is missing, damaged
    or of another version.
    """

    def __init__(self, weights: str | os.PathLike | None = None, threads: int | None = None, exact: bool = False):
        self._session = Session(weights, threads, exact)
        self.detector = Detector(lambda pictures: self._session.run(pictures, "detections")["detections"])
        self.metadata = self._session.metadata

    def detect(
        self,
        rgb: np.ndarray | Image.Image,
        trace: bool = False,
        *,
        min_confidence: Mapping[str, float] | None = None,
        max_count: Mapping[str, int | None] | None = None,
        max_uncertain: int = 0,
    ) -> Result:
        """All hands and faces of a photo: uint8 (H, W, 3) RGB, upright, or a PIL image of any mode, read as open_photo does
        (but its EXIF tag is not applied).

        trace=True keeps the network's tensors with every hand and face. min_confidence: the lowest score by kind ('hand', 'face'),
        by default the released one; max_count: how many of a kind at most, by default all. max_uncertain: how many of those that the
        minimum confidence rejects are kept as `Result.uncertain`, the most confident ones from 1 % on; the landmark network then looks at
        more detections. Raises TypeError or ValueError for anything that is not such a picture.
        """
        rgb, clock, least = as_rgb(rgb), Clock(), {**MIN_CONFIDENCE, **(min_confidence or {})}
        lowest = {kind: min(each, UNCERTAIN_FROM) if max_uncertain else each for kind, each in least.items()}
        _, found = self.scored(rgb, trace, clock, lambda seen, shape: hopeful(seen, shape, lowest))
        return as_result(rgb, found, least, clock, max_uncertain).filtered(least, max_count)

    def scored(
        self, rgb: np.ndarray, trace: bool = False, clock: Clock | None = None, wanted: Callable = lambda seen, shape: True
    ) -> tuple[list[Detection], list[Found]]:
        """The `candidates`, with their confidence as the score: those that `detect` gives out and those that it rejects."""
        detections, found = self.candidates(rgb, trace, clock, wanted)
        return detections, [replace(thing, score=confidence(seen, thing.score, uncertainty_of(thing), rgb.shape)) for seen, thing in zip(detections, found)]

    def candidates(
        self, rgb: np.ndarray, trace: bool = False, clock: Clock | None = None, wanted: Callable = lambda seen, shape: True
    ) -> tuple[list[Detection], list[Found]]:
        """What the detector sees in a photo, as far as it is `wanted`, and what the landmark network makes of each, sure or
        not: the scores of the latter are presence, the probability that the crop holds such an object."""
        clock = clock or Clock()
        with clock("detect"):
            detections = [seen for seen in self.detector.find(rgb) if wanted(seen, rgb.shape)]
        places = [(seen.kind, roi_from_box(seen.kind, seen.box, seen.up)) for seen in detections]
        found = self.look(rgb, places, trace, clock)

        again = [index for index, (thing, place) in enumerate(zip(found, places)) if wants_second_look(thing, place[1])]
        second = self.look(rgb, [next_place(found[index]) for index in again], trace, clock)
        for index, thing in zip(again, second):
            found[index] = better(found[index], thing)
        return detections, found

    def look(
        self, rgb: np.ndarray, places: Sequence[Place], trace: bool = False, clock: Clock | None = None
    ) -> list[Found]:
        """The landmarks at the given places, one Hand or Face each and in their order, whatever their score."""
        clock = clock or Clock()
        found: dict[int, Found] = {}
        for batch in batches(places):
            own = [places[index] for index in batch]
            with clock("crop"):
                crops = self.preprocess(rgb, [roi for _, roi in own])
            with clock("landmarks"):
                outputs = self.inference(crops, own[0][0], trace)
                for index, thing in zip(batch, self.postprocess(outputs, own, crops if trace else None)):
                    found[index] = thing
        return [found[index] for index in range(len(places))]

    def preprocess(self, rgb: np.ndarray, rois: Sequence[ROI]) -> np.ndarray:
        """Stage 1: upright crops (N, 256, 256, 3) uint8. Stage 2, scaling to 0..1, is the graph's first node."""
        return np.stack([cut(rgb, roi) for roi in rois])

    def inference(self, crops: np.ndarray, kind: str, trace: bool = False) -> dict[str, np.ndarray]:
        """Stages 3 and 4 for crops of one kind ('hand', 'face') at once: its outputs and those that `trace` needs.

        Points come as x, y, z with x = (px + 0.5) / 256 for crop pixel px and z = crop pixels / 256; sigma is a
        fraction of the crop's side; presence and handedness (that it is a right hand) are probabilities.
        """
        names = [kind, f"{kind}_sigma", f"{kind}_presence", {"hand": "handedness", "face": "face_ibug68"}[kind]]
        if trace:
            names += [f"{kind}_features"] + ["hand_heatmaps"] * (kind == "hand")
        return self._session.run(crops, *names)

    def postprocess(
        self, outputs: dict[str, np.ndarray], places: Sequence[Place], crops: np.ndarray | None = None
    ) -> list[Found]:
        """Stage 5: the n-th outputs -> a Hand or Face in photo pixels; with a trace if `crops` are given."""
        found: list[Found] = []
        for index, (kind, roi) in enumerate(places):
            own = {name: values[index] for name, values in outputs.items()}
            landmarks = to_photo(own[kind].reshape(-1, 3), roi)
            common = {
                "landmarks": landmarks,
                "score": float(own[f"{kind}_presence"][0]),
                "box": box_around(landmarks, CONSTANTS["roi"][kind]["box_margin"]),
                "sigma": own[f"{kind}_sigma"] * np.float32(roi.side),
                "roi": roi,
                "trace": _trace(kind, own, roi, crops[index]) if crops is not None else None,
            }
            if kind == "hand":
                found.append(Hand(**common, **side_of(float(own["handedness"][0]))))
            else:
                found.append(Face(**common, ibug68=to_photo(own["face_ibug68"].reshape(-1, 2), roi)))
        return found


def batches(places: Sequence[Place]) -> list[list[int]]:
    """Indices of places that are looked at together: one kind each, as each kind has a network of its own."""
    found = []
    for wanted in KINDS:
        own = [index for index, (kind, _) in enumerate(places) if kind == wanted]
        found += [own[start : start + _RULE["batch"]] for start in range(0, len(own), _RULE["batch"])]
    return found


def as_rgb(picture: np.ndarray | Image.Image) -> np.ndarray:
    """The picture as uint8 (H, W, 3), or TypeError / ValueError."""
    if isinstance(picture, Image.Image):
        picture = rgb_of(picture)
    if not isinstance(picture, np.ndarray):
        raise TypeError("A picture must be a numpy array or a PIL image.")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"A picture must be uint8 (height, width, 3), not {picture.dtype} {picture.shape}.")
    return picture


def to_photo(points: np.ndarray, roi: ROI) -> np.ndarray:
    """The network's points (K, 2 or 3), normalised, -> photo pixels, float32; z keeps its sign and gets x's scale."""
    placed = points * np.float32(roi.side)
    placed[:, :2] = transform(roi.to_photo(), points[:, :2].astype(np.float64) * CROP - 0.5)
    return placed


def box_around(landmarks: np.ndarray, margin: float) -> tuple[float, float, float, float]:
    """(x, y, w, h) around the points, larger by `margin` of its larger side on each side. Measured on training photos, this is what
    people draw more nearly than the detector's own box, of small objects above all."""
    (left, top), (right, bottom) = extent(landmarks)
    w, h = right - left, bottom - top
    margin *= max(w, h)
    return left - margin, top - margin, w + 2 * margin, h + 2 * margin


def side_of(right: float) -> dict:
    """Handedness fields of a Hand from the probability that it is a right one."""
    is_right = right >= 0.5
    return {"handedness": "right" if is_right else "left", "handedness_score": right if is_right else 1 - right}


def logit(probability: float) -> float:
    """The odds' logarithm; those of 0 and 1 themselves would be infinite."""
    p = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def evidence(seen: Detection, presence: float, uncertainty: float, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """What speaks for a find in a photo of `shape` (H, W, ...): the logits of the detector's score and of the presence, the logarithm of
    its size as a share of the photo, because the detector gives small objects lower scores, and that of its points' expected error as a
    share of its size (`uncertainty`): a skeleton laid across an arm is unsure of its points.

    From a certain presence on more of it tells little, and so does less uncertainty below that of ordinary objects; so less must be looked
    at that they could never lift enough."""
    rule = _RULE["confidence"]
    share = max(*seen.box[2:], 1.0) / max(shape[:2])
    low, high = rule["uncertainty_range"][seen.kind]
    bounded = min(max(uncertainty, low), high)
    return logit(seen.score), logit(min(presence, rule["sure_presence"][seen.kind])), math.log(share), math.log(bounded)


def uncertainty_of(thing: Found) -> float:
    """The mean expected error of the points as a share of the object's size."""
    return float(thing.sigma.mean()) / max(size_of(thing), 1e-6)


def confidence(seen: Detection, presence: float, uncertainty: float, shape: tuple[int, ...]) -> float:
    """Probability that there is what the detector saw and the landmark network looked at, in a photo of `shape` (H, W, ...):
    logistic regression of the `evidence` (Platt scaling, fitted by thresholds.py)."""
    rule = _RULE["confidence"]
    factors = (rule[name][seen.kind] for name in ("detection", "presence", "size", "uncertainty"))
    total = sum(map(operator.mul, evidence(seen, presence, uncertainty, shape), factors)) + rule["offset"][seen.kind]
    return 1 / (1 + math.exp(-max(total, -700.0)))  # beyond that math.exp overflows


def hopeful(seen: Detection, shape: tuple[int, ...], least: Mapping[str, float] = MIN_CONFIDENCE) -> bool:
    """Whether some presence and points could still lift it to the minimum confidence; if none could, the landmark network need not look."""
    return confidence(seen, 1.0, 0.0, shape) >= least[seen.kind]


def kind_of(thing: Found) -> str:
    return "hand" if isinstance(thing, Hand) else "face"


def next_place(thing: Found) -> Place:
    """Where to look for the same object again: around its points."""
    return kind_of(thing), roi_from_points(kind_of(thing), thing.landmarks)


def wants_second_look(thing: Found, roi: ROI) -> bool:
    """Whether the crop `roi` was so badly centred, sized or turned that the points deserve a better one."""
    rule = _RULE["second_look"]
    if not thing.score >= rule["least_presence"]:
        return False
    _, ideal = next_place(thing)
    turn = math.remainder(ideal.angle - roi.angle, math.tau)
    ratio = ideal.side / roi.side
    return (
        thing.score < rule["presence"]
        or math.hypot(ideal.cx - roi.cx, ideal.cy - roi.cy) > rule["shift"] * roi.side
        or max(ratio, 1 / ratio) > rule["scale"]
        or abs(turn) > math.radians(rule["degrees"])
    )


def better(first: Found, second: Found) -> Found:
    """The second look had the better crop, so it counts - unless it lost an object that the first one saw."""
    return second if second.score >= min(first.score, _RULE["second_look"]["presence"]) else first


def without_duplicates(found: Sequence[Found]) -> list[Found]:
    """Surest first; of two objects of one kind whose points lie on each other only the surer one stays."""
    kept: list[Found] = []
    for thing in sorted(found, key=lambda thing: -thing.score):
        if not any(same_object(thing, other) for other in kept):
            kept.append(thing)
    return kept


def same_object(one: Found, other: Found) -> bool:
    if type(one) is not type(other):
        return False
    distance = np.linalg.norm(one.landmarks[:, :2] - other.landmarks[:, :2], axis=1).mean()
    return bool(distance < _RULE["duplicate"] * min(size_of(one), size_of(other)))


def size_of(thing: Found) -> float:
    """The larger side of the points' box, photo pixels."""
    (left, top), (right, bottom) = extent(thing.landmarks)
    return max(right - left, bottom - top)


def without_repeats(rejected: Sequence[Found], confident: Sequence[Found]) -> list[Found]:
    """The rejected ones that show something else than the confident ones and each other, most confident first. Their points may be
    anywhere, so boxes are compared, by the detector's own rule."""
    kept: list[Found] = []
    for thing in sorted(rejected, key=lambda thing: -thing.score):
        if not any(boxes_repeat(thing, other) for other in (*confident, *kept)):
            kept.append(thing)
    return kept


def boxes_repeat(one: Found, other: Found) -> bool:
    """Whether one kind's boxes overlap as those of one object do, or one lies in the other."""
    if type(one) is not type(other):
        return False
    (x, y, w, h), (left, top, width, height) = one.box, other.box
    shared = max(min(x + w, left + width) - max(x, left), 0) * max(min(y + h, top + height) - max(y, top), 0)
    areas = w * h, width * height
    return shared > _DETECTOR["nms_iou"] * (sum(areas) - shared) or shared > _DETECTOR["contained"] * min(areas)


def as_result(rgb: np.ndarray, found: Sequence[Found], least: Mapping[str, float], clock: Clock, max_uncertain: int = 0) -> Result:
    """The result for a picture: what reaches its kind's `least` score, each object once, and the best of what does not."""
    confident = without_duplicates([thing for thing in found if thing.score >= least[kind_of(thing)]])
    rejected = [thing for thing in found if UNCERTAIN_FROM <= thing.score < least[kind_of(thing)]] if max_uncertain else []
    height, width = rgb.shape[:2]
    hands = tuple(thing for thing in confident if isinstance(thing, Hand))
    faces = tuple(thing for thing in confident if isinstance(thing, Face))
    return Result(width, height, hands, faces, clock.milliseconds(), tuple(without_repeats(rejected, confident)[:max_uncertain]))


def _trace(kind: str, own: dict[str, np.ndarray], roi: ROI, crop: np.ndarray) -> Trace:
    # Copies: a view would keep the whole batch's tensors alive.
    heatmaps = own["hand_heatmaps"].copy() if kind == "hand" else None
    presence = float(own[f"{kind}_presence"][0])
    return Trace(crop.copy(), own[f"{kind}_features"].copy(), own[kind].copy(), heatmaps, presence, roi)
