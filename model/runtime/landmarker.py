"""The landmarks of every hand and face in a photo: detect, crop, predict, refine, average, reject.

photo -> Detector -> Detection -> prefilter -> ROI -> crop -> network -> Hand or Face -> confidence -> Result
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from ..constants import CONSTANTS, KINDS
from ..inference.network_file import WeightsError
from ..inference.session import Session
from ..photo.image_file import rgb_of
from .confidence import EARLY_EXIT, MIN_CONFIDENCE, UNCERTAIN_FROM, confidence, least_presence, passes_prefilter
from .detector import Detector
from .duplicates import uncertain_only, without_duplicates
from .geometry import ROI, box_around, extract_crops, roi_from_box, transform
from .refinement import AVERAGED_FROM, FURTHER_CROPS, REFINED_FROM, averaged, averaging_request, better, needs_averaging, needs_refinement, request_around
from .result import Detection, Face, Hand, Instance, Result, Trace, side_of
from .stage_timer import StageTimer

__all__ = ["Landmarker", "WeightsError"]

_RULE = CONSTANTS["landmarks"]

Request = tuple[str, ROI]  # one crop for the landmark network: 'hand' | 'face', and its region of the photo
ALL = {kind: 0.0 for kind in KINDS}  # the minimum confidence that rejects nothing


class Landmarker:
    """One loaded network. Make one per process and share it: `detect` may be called from several threads at once.

    weights: an ONNX file, by default the one that comes with the project; threads: CPU threads of one run; exact: compute in
    float32 throughout instead of int8, in twice the time. Raises WeightsError (one plain sentence) if the file is missing,
    damaged or of another version.

    >>> from model import Landmarker, open_photo
    >>> result = Landmarker().detect(open_photo("model/examples/greeting.webp"))
    >>> sorted((hand.handedness, hand.landmarks.shape) for hand in result.hands)
    [('left', (21, 3)), ('right', (21, 3))]
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
        minimum confidence rejects are kept as `Result.uncertain`, the most confident ones from 1 % on; the landmark network then runs
        on more detections. Raises TypeError or ValueError for anything that is not such a picture.
        """
        rgb, timer, least = as_rgb(rgb), StageTimer(), {**MIN_CONFIDENCE, **(min_confidence or {})}
        lowest = {kind: min(each, UNCERTAIN_FROM) if max_uncertain else each for kind, each in least.items()}
        _, instances = self.scored_instances(rgb, trace, timer, lowest)
        return as_result(rgb, instances, least, timer, max_uncertain).filtered(least, max_count)

    def scored_instances(
        self, rgb: np.ndarray, trace: bool = False, timer: StageTimer | None = None, min_confidence: Mapping[str, float] = ALL
    ) -> tuple[list[Detection], list[Instance]]:
        """As `instances`, but `score` is the confidence: those that `detect` returns and those that it rejects."""
        detections, instances = self.instances(rgb, trace, timer, min_confidence)
        pairs = zip(detections, instances)
        return detections, [replace(each, score=confidence(detection, each.score, each.uncertainty, rgb.shape)) for detection, each in pairs]

    def instances(
        self, rgb: np.ndarray, trace: bool = False, timer: StageTimer | None = None, min_confidence: Mapping[str, float] = ALL
    ) -> tuple[list[Detection], list[Instance]]:
        """The detections that may reach the minimum confidence (by their score, and then by presence), and the landmark network's prediction for
        each, whose `score` is its presence: the probability that the crop holds such an object."""
        timer = timer or StageTimer()
        with timer("detect"):
            detections = [each for each in self.detector.detect(rgb) if passes_prefilter(each, rgb.shape, min_confidence)]
        requests = [(each.kind, roi_from_box(each.kind, each.box, each.up)) for each in detections]
        lowest = {kind: min(each, EARLY_EXIT) for kind, each in min_confidence.items()}  # a further crop may lift the confidence
        least = [least_presence(each, rgb.shape, lowest) for each in detections]
        present = self.predict_present(rgb, requests, least, trace, timer)
        remaining = sorted(present)
        detections, instances = [detections[index] for index in remaining], [present[index] for index in remaining]

        def reaches(index: int, least: float) -> bool:  # further crops are for those that may be given out
            return confidence(detections[index], instances[index].score, instances[index].uncertainty, rgb.shape) >= least

        refined = [index for index, each in enumerate(instances) if reaches(index, REFINED_FROM) and needs_refinement(each, each.roi)]
        second = self.predict(rgb, [request_around(instances[index]) for index in refined], trace, timer)
        for index, instance in zip(refined, second):
            instances[index] = better(instances[index], instance)

        views = {index: [each] for index, each in enumerate(instances) if each.kind == "hand" and reaches(index, AVERAGED_FROM)}
        for number in range(FURTHER_CROPS):
            uncertain = [own for own in views.values() if needs_averaging(averaged(own), number)]
            further = self.predict(rgb, [averaging_request(averaged(own), number) for own in uncertain], trace, timer)
            for own, instance in zip(uncertain, further):
                own.append(instance)
        for index, own in views.items():
            instances[index] = averaged(own)
        return detections, instances

    def predict(self, rgb: np.ndarray, requests: Sequence[Request], trace: bool = False, timer: StageTimer | None = None) -> list[Instance]:
        """The landmarks in the given regions, one Hand or Face each and in their order, whatever their presence."""
        predicted = self.predict_present(rgb, requests, [0.0] * len(requests), trace, timer)
        return [predicted[index] for index in range(len(requests))]

    def predict_present(
        self, rgb: np.ndarray, requests: Sequence[Request], least_presence: Sequence[float], trace: bool = False, timer: StageTimer | None = None
    ) -> dict[int, Instance]:
        """As `predict`, by index of the request, without those whose presence is below the request's `least_presence` (0..1): for these the network
        stops behind its encoder."""
        timer = timer or StageTimer()
        predicted: dict[int, Instance] = {}
        for batch in batches(requests):
            kind, least = requests[batch[0]][0], np.array([least_presence[index] for index in batch], np.float32)
            with timer("crop"):
                crops = self.preprocess(rgb, [requests[index][1] for index in batch])
            with timer("landmarks"):
                outputs = self.inference(crops, kind, trace, least)
                rows = np.flatnonzero(~(outputs[f"{kind}_presence"][:, 0] < least))
                outputs = {name: values if len(values) == len(rows) else values[rows] for name, values in outputs.items()}
                kept = [batch[row] for row in rows]
                predicted |= zip(kept, self.postprocess(outputs, [requests[index] for index in kept], crops[rows] if trace else None))
        return predicted

    def preprocess(self, rgb: np.ndarray, rois: Sequence[ROI]) -> np.ndarray:
        """Stage 1: upright crops (N, 256, 256, 3) uint8. Stage 2, scaling to 0..1, is the graph's first node."""
        return extract_crops(rgb, rois)

    def inference(self, crops: np.ndarray, kind: str, trace: bool = False, least_presence: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Stages 3 and 4 for crops of one kind ('hand', 'face') at once: its outputs and those that `trace` needs. least_presence: see Session.run.

        Points come as x, y, z with x = (px + 0.5) / 256 for crop pixel px and z = crop pixels / 256; sigma is a
        fraction of the crop's side; presence and handedness (that it is a right hand) are probabilities.
        """
        names = [kind, f"{kind}_sigma", f"{kind}_presence", {"hand": "handedness", "face": "face_ibug68"}[kind]]
        if trace:
            names += [f"{kind}_features"] + ["hand_heatmaps"] * (kind == "hand")
        return self._session.run(crops, *names, least_presence=least_presence)

    def postprocess(self, outputs: dict[str, np.ndarray], requests: Sequence[Request], crops: np.ndarray | None = None) -> list[Instance]:
        """Stage 5: the n-th outputs -> a Hand or Face in photo pixels; with a trace if `crops` are given."""
        instances: list[Instance] = []
        for index, (kind, roi) in enumerate(requests):
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
                right = float(own["handedness"][0])  # in the crop; its mirror image shows the other hand
                instances.append(Hand(**common, **side_of(1 - right if roi.mirrored else right)))
            else:
                instances.append(Face(**common, ibug68=to_photo(own["face_ibug68"].reshape(-1, 2), roi)))
        return instances


def batches(requests: Sequence[Request]) -> list[list[int]]:
    """Indices of requests that are run together: one kind each, as each kind has a network of its own."""
    parts = []
    for kind in KINDS:
        own = [index for index, request in enumerate(requests) if request[0] == kind]
        parts += [own[start : start + _RULE["batch"]] for start in range(0, len(own), _RULE["batch"])]
    return parts


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
    placed[:, :2] = transform(roi.to_photo(1), points[:, :2].astype(np.float64) - 0.5)  # a crop of one pixel: its centre is the origin
    return placed


def as_result(rgb: np.ndarray, instances: Sequence[Instance], min_confidence: Mapping[str, float], timer: StageTimer, max_uncertain: int = 0) -> Result:
    """The result for a picture: the instances that reach their kind's minimum confidence, each object once, and the best of the rejected ones."""
    confident = without_duplicates([each for each in instances if each.score >= min_confidence[each.kind]])
    rejected = [each for each in instances if UNCERTAIN_FROM <= each.score < min_confidence[each.kind]] if max_uncertain else []
    height, width = rgb.shape[:2]
    hands = tuple(each for each in confident if isinstance(each, Hand))
    faces = tuple(each for each in confident if isinstance(each, Face))
    return Result(width, height, hands, faces, timer.milliseconds(), tuple(uncertain_only(rejected, confident)[:max_uncertain]))


def _trace(kind: str, own: dict[str, np.ndarray], roi: ROI, crop: np.ndarray) -> Trace:
    # Copies: a view would keep the whole batch's tensors alive.
    heatmaps = own["hand_heatmaps"].copy() if kind == "hand" else None
    presence = float(own[f"{kind}_presence"][0])
    return Trace(crop.copy(), own[f"{kind}_features"].copy(), own[kind].copy(), heatmaps, presence, roi)
