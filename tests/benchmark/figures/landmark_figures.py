"""Landmark figures of both sides on the same objects: NME, PCK, missed, handedness, PA-MPJPE."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.evaluation import metrics
from tests.benchmark.figures.table import Row
from tests.benchmark.sides.answers import SIDES, Answers
from tests.benchmark.sides.pipe import Arrays
from tests.benchmark.truth.photos import Truth

Reader = Callable[[Arrays], np.ndarray]  # a side's answer -> its points (M, K, 2) in the truth's convention
Scale = Callable[[np.ndarray], float]  # a truth's points (K, 2) -> pixels that count as 1
PCK = (0.05, 0.1)
YAW = ((0, 15), (15, 40), (40, 90))


def extent(points: np.ndarray) -> float:
    """The larger side of the points' box."""
    return float((np.nanmax(points, axis=0) - np.nanmin(points, axis=0)).max())


def outer_eyes(points: np.ndarray) -> float:
    """The distance of the outer eye corners of 68 or 478 points."""
    right, left = metrics.OUTER_EYES if len(points) == 68 else (33, 263)
    return float(np.linalg.norm(points[right] - points[left]))


@dataclass(frozen=True)
class Measured:
    """One true object and one side. errors (K,) pixels, NaN where the truth is unknown, or None: missed."""

    truth: Truth
    errors: np.ndarray | None
    right_side: bool | None = None
    pa_mpjpe: float | None = None

    def share(self, scale: Scale, points: slice = slice(None)) -> np.ndarray:
        """The known errors as fractions of the object's scale."""
        errors = self.errors[points] / scale(self.truth.points)
        return errors[np.isfinite(errors)]


def pairs(found: np.ndarray, truths: Sequence[np.ndarray]) -> list[int | None]:
    """Which of the found point sets (M, K, 2) is which true one: nearest centres first, each once, and no further off than half the
    true object's size."""
    if not len(found) or not truths:
        return [None] * len(truths)
    known = [np.isfinite(truth).all(1) for truth in truths]
    distance = np.array([np.linalg.norm(found[:, k].mean(1) - truth[k].mean(0), axis=1) / extent(truth) for truth, k in zip(truths, known)])
    taken: list[int | None] = [None] * len(truths)
    for _ in range(min(distance.shape)):
        row, column = np.unravel_index(distance.argmin(), distance.shape)
        if distance[row, column] >= 0.5:
            break
        taken[row] = int(column)
        distance[row], distance[:, column] = np.inf, np.inf
    return taken


def measure(answers: Sequence[Answers], side: str, kind: str, read: Reader) -> list[Measured]:
    """One entry for each true object of this kind that has points, in the photos' order."""
    measured = []
    for each in answers:
        truths = [truth for truth in each.photo.of(kind) if truth.points is not None and not truth.unsure]
        answer = each.by(side)
        found = read(answer)
        for truth, index in zip(truths, pairs(found, [truth.points for truth in truths])):
            if index is None:
                measured.append(Measured(truth, None))
                continue
            right_side = bool(answer["hand_right"][index]) == bool(truth.right) if truth.right >= 0 else None
            depth = metrics.pa_mpjpe(answer["hand_xyz"][index][None], truth.xyz[None])[0] if truth.xyz is not None else None
            measured.append(Measured(truth, np.linalg.norm(found[index] - truth.points, axis=1), right_side, depth))
    return measured


def _mean(values) -> float:
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else float("nan")


def nme(measured: Sequence[Measured], scale: Scale, points: slice = slice(None)) -> float:
    """Over what was found; every object counts the same."""
    return _mean(m.share(scale, points).mean() for m in measured if m.errors is not None)


def pck(measured: Sequence[Measured], scale: Scale, threshold: float) -> float:
    """A point of a missed object is a wrong one."""
    return _mean((m.share(scale) <= threshold).mean() if m.errors is not None else 0.0 for m in measured)


def missed(measured: Sequence[Measured]) -> float:
    return _mean(m.errors is None for m in measured)


def both_found(ours: Sequence[Measured], peer: Sequence[Measured]) -> tuple[list[Measured], list[Measured]]:
    both = [(a, b) for a, b in zip(ours, peer) if a.errors is not None and b.errors is not None]
    return [a for a, _ in both], [b for _, b in both]


def rows(section: str, ours: Sequence[Measured], peer: Sequence[Measured], scale: Scale, unit: str = "") -> list[Row]:
    """The figures that every set of points has, and those that its truth allows."""
    factor = 100 if unit == "%" else 1
    both = both_found(ours, peer)
    table = [
        Row(section, "missed", *map(missed, (ours, peer))),
        Row(section, "NME, found", *(factor * nme(m, scale) for m in (ours, peer)), unit),
        Row(section, f"NME, both found ({len(both[0])})", *(factor * nme(m, scale) for m in both), unit),
    ]
    for threshold in PCK:
        table.append(Row(section, f"PCK@{threshold}, missed = wrong", *(pck(m, scale, threshold) for m in (ours, peer)), lower=False))
        table.append(Row(section, f"PCK@{threshold}, both found", *(pck(m, scale, threshold) for m in both), lower=False))
    if any(m.right_side is not None for m in both[0]):
        table.append(Row(section, "handedness, found", *(_mean(m.right_side for m in side) for side in (ours, peer)), lower=False))
    if any(m.pa_mpjpe is not None for m in both[0]):
        table.append(Row(section, "PA-MPJPE, both found", *(_mean(m.pa_mpjpe for m in side) for side in both), "mm"))
    return table


def face_rows(section: str, answers: Sequence[Answers], readers: dict[str, Reader], maps: dict[str, Reader]) -> list[Row]:
    """68 points. readers: of each side (SIDES) for what does not depend on a map; maps: name -> MediaPipe's reader through it."""
    ours, peer = (measure(answers, side, "face", readers[side]) for side in SIDES)
    table = [Row(section, "missed", missed(ours), missed(peer))]
    compared = []
    for name, read in maps.items():
        through = measure(answers, "peer", "face", read)
        both = both_found(ours, through)
        compared.append(both)
        for label, points in (("NME over 68", slice(None)), ("inner 51", metrics.INNER_51)):
            table.append(Row(section, f"{label}, MediaPipe by {name}", *(100 * nme(m, outer_eyes, points) for m in both), "%"))
    best = min(compared, key=lambda both: nme(both[1], outer_eyes))  # MediaPipe by its best map
    for low, high in YAW:
        turned = [[m for m in side if low <= abs(m.truth.yaw) < high] for side in best]
        all_turned = [[m for m in side if low <= abs(m.truth.yaw) < high] for side in (ours, peer)]
        if turned[0]:
            name = f"|yaw| {low}-{high}° ({len(all_turned[0])})"
            # Turned away, the eye distance shrinks to nothing: the face's size instead.
            table.append(Row(section, f"{name}: error / face size", *(100 * nme(m, extent) for m in turned), "%"))
            table.append(Row(section, f"{name}: missed", *map(missed, all_turned)))
    return table
