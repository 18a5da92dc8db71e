"""What a training trace shows: errors by part, what was special about an epoch, what the whole run teaches.

Every figure and every sentence comes from the trace: another run says something else.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from ..runtime.topology import FINGERS, HAND_POINTS, IBUG_GROUPS
from .run_log import DetectorEpoch, Epoch, TrainingTrace

# Accuracy that is this close to the run's best has converged.
NEAR_BEST = 0.01
MILESTONES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
LOUD = 1.05  # a loss that changes by more than this factor is worth a word in a long run: smaller ups and downs are chance
SHORT = 20  # epochs: in a run no longer than this, every epoch gets an observation
BEHIND, ALONGSIDE = 1.25, 1.1  # a part's error, of the mean over all parts: it catches up when it comes from the one to the other


def parts_of(kind: str) -> dict[str, tuple[int, ...]]:
    """Name -> points: wrist and fingers of a hand, parts of a face (in its 68 points)."""
    if kind == "hand":
        return {"wrist": (0,)} | {finger.name: finger.points for finger in FINGERS}
    return {group.name.replace("_", " "): group.points for group in IBUG_GROUPS}


def rows_of(kind: str) -> dict[str, tuple[int, ...]]:
    """The rows of a table of errors: every point of a hand, the parts of a face (68 rows would be too many to read)."""
    if kind == "hand":
        return {name.replace("_", " "): (index,) for index, name in enumerate(HAND_POINTS)}
    return parts_of(kind)


def errors(trace: TrainingTrace, kind: str, rows: dict[str, tuple[int, ...]]) -> np.ndarray:
    """(rows, epochs): the mean NME of each row's points in each epoch."""
    return np.array([[epoch.point_nme[kind][list(points)].mean() for epoch in trace.epochs] for points in rows.values()])


def finger_errors(trace: TrainingTrace, epoch: int = -1) -> dict[str, float]:
    """Finger -> its points' mean NME in an epoch (an index, by default the last); empty if hands were not measured."""
    values = trace.epochs[epoch].point_nme.get("hand")
    return {} if values is None else {f.name: float(values[list(f.points)].mean()) for f in FINGERS}


def converged(trace: TrainingTrace) -> int | None:
    """The epoch from which accuracy stayed within NEAR_BEST of the run's best; None if only the last one did."""
    accuracy = np.array([epoch.mean_accuracy for epoch in trace.epochs])
    far: np.ndarray = np.flatnonzero(~(accuracy >= np.nanmax(accuracy) - NEAR_BEST)) if np.isfinite(accuracy).any() else np.array([], int)
    first = int(far[-1]) + 1 if len(far) else 0
    return trace.epochs[first].number if len(trace.epochs) > 1 and first < len(trace.epochs) - 1 else None


def changes(epochs: Sequence[Epoch | DetectorEpoch]) -> dict[int, str]:
    """Epoch -> what is other than before it, in sentences: the losses on both sides cannot be compared."""
    found = {now.number: " ".join(_changes(before, now)) for before, now in itertools.pairwise(epochs)}
    return {number: said for number, said in found.items() if said}


def _changes(before: Epoch | DetectorEpoch, now: Epoch | DetectorEpoch) -> list[str]:
    found = []
    if added := _added_sets(before, now):
        found.append(f"From here on other data is used too (measured on: {added}).")
    if isinstance(now, DetectorEpoch) and isinstance(before, DetectorEpoch):
        if now.side != before.side:
            found.append(f"From here on the pictures have {now.side} pixels a side instead of {before.side}.")
    if isinstance(now, Epoch) and isinstance(before, Epoch):
        if now.crop != before.crop:
            found.append(f"From here on the crops have {now.crop} pixels a side instead of {before.crop}.")
        if before.together and not now.together:
            found.append("From here on hands and faces have a network each, until here one learned both.")
    if now.parameters and before.parameters and now.parameters != before.parameters:
        found.append(f"From here on the network has {now.parameters:,} parameters instead of {before.parameters:,}.")
    return found


def _added_sets(before: Epoch | DetectorEpoch, now: Epoch | DetectorEpoch) -> str:
    """The validation sets that were not measured before; "" if there are none, or if none were recorded before."""
    return "; ".join(name.replace("_", " ") for name in now.sets if name not in before.sets) if before.sets else ""


def unusual_part(epochs: Sequence[Epoch | DetectorEpoch], index: int) -> str:
    """The part of the loss that is furthest from its median over the epochs in this one; "" if parts were not recorded."""
    off = {name: abs(value - np.median([e.losses[name] for e in epochs if name in e.losses])) for name, value in epochs[index].losses.items()}
    return max(off, key=lambda name: off[name], default="")


def observations(trace: TrainingTrace) -> list[str]:
    """What was special about each epoch, in sentences. Where nothing was: "" in a long run, in a short one what improved most."""
    settled, caught = converged(trace), _catching_up(trace)
    return [_observation(trace, index, settled, caught[index]) for index in range(len(trace.epochs))]


def _observation(trace: TrainingTrace, index: int, settled: int | None, caught: list[str]) -> str:
    now = trace.epochs[index]
    if index == 0:
        return f"The start: {now.mean_accuracy:.0%} of the points are right." if now.accuracy else "The start."
    before = trace.epochs[index - 1]
    found = _changes(before, now)
    if now.crop > before.crop and now.loss > before.loss:
        found.append("A heat map of more cells is harder to concentrate on one, which alone raises the loss.")
    for kind in trace.kinds:
        passed = [m for m in MILESTONES if max(e.accuracy[kind] for e in trace.epochs[:index]) < m <= now.accuracy[kind]]
        if passed:
            found.append(f"For the first time {passed[-1]:.0%} of the {kind} points are right.")
    if now.number == settled:
        found.append(f"Converged: from here on accuracy stays within {100 * NEAR_BEST:.0f} percentage point of its best.")
    found += caught
    short = len(trace.epochs) <= SHORT
    if now.loss > before.loss * (1 if short else LOUD):
        found.append(f"The loss rose by {now.loss / before.loss - 1:.1%}.")
    elif index > 1 and before.loss > LOUD * max(now.loss, trace.epochs[index - 2].loss):
        found.append("The loss is back from its peak.")
    return " ".join(found) or (_most_improved(trace, index) if short else "")


def _catching_up(trace: TrainingTrace) -> list[list[str]]:
    """For each epoch sentences on the parts that lay behind the others and no longer do, and on errors that have halved."""
    sentences: list[list[str]] = [[] for _ in trace.epochs]
    for kind in trace.kinds:
        if not all(kind in epoch.point_nme for epoch in trace.epochs):
            continue
        rows = rows_of(kind)
        table = errors(trace, kind, rows)
        behind, start, changed = np.zeros(len(rows), bool), 0, changes(trace.epochs)
        for index, (now, mean) in enumerate(zip(table.T, table.mean(axis=0))):
            if trace.epochs[index].number in changed:  # errors before and after cannot be compared
                behind, start = np.zeros(len(rows), bool), index
            behind |= now >= BEHIND * mean
            caught = behind & (now <= ALONGSIDE * mean)
            behind &= ~caught
            if caught.any():
                names = " and ".join(name for name, new in zip(rows, caught) if new)
                sentences[index].append(f"Catching up ({kind}): {names}, no longer much worse than the rest.")
            if mean <= table[:, start].mean() / 2:
                sentences[index].append(f"The mean error of {kind}s is half of that in epoch {trace.epochs[start].number}.")
                start = index
    return sentences


def _most_improved(trace: TrainingTrace, index: int) -> str:
    """Which part of hand or face improved most against the epoch before."""
    gains = []
    for kind in trace.kinds:
        rows = parts_of(kind)
        before, now = errors(trace, kind, rows)[:, index - 1 : index + 1].T
        best = int(np.argmax(1 - now / before))
        gains.append((1 - now[best] / before[best], kind, list(rows)[best]))
    gain, kind, name = max(gains, default=(0.0, "", ""))
    return f"Most improved: {name} ({kind}), error −{gain:.0%}." if gain >= 0.005 else "Hardly any change."


def lessons(trace: TrainingTrace) -> list[str]:
    """What the whole run shows, in sentences: gains, the most improved point, the hardest finger, where it converged."""
    first, last = trace.epochs[0], trace.epochs[-1]
    lines = [f"In {len(trace.epochs)} epochs the loss fell from {first.loss:.3g} to {last.loss:.3g}."]
    for kind in trace.kinds:
        lines.append(
            f"{kind.capitalize()}s: accuracy rose from {first.accuracy[kind]:.0%} to {last.accuracy[kind]:.0%}, "
            f"the mean error fell from {first.nme[kind]:.3f} to {last.nme[kind]:.3f}."
        )
    for kind in trace.kinds:
        rows = rows_of(kind)
        start, end = errors(trace, kind, rows)[:, [0, -1]].T
        best, worst = int(np.argmax(1 - end / start)), int(np.argmax(end))
        names = list(rows)
        lines.append(
            f"On {kind}s, {names[best]} improved most ({start[best]:.3f} → {end[best]:.3f}); {names[worst]} is the hardest at the end ({end[worst]:.3f})."
        )
    fingers = finger_errors(trace)
    if fingers:
        hardest, easiest = max(fingers, key=lambda name: fingers[name]), min(fingers, key=lambda name: fingers[name])
        lines.append(f"The hardest finger is the {hardest} (error {fingers[hardest]:.3f}), the easiest the {easiest} ({fingers[easiest]:.3f}).")
    for before, now in itertools.pairwise(trace.epochs):
        if added := _added_sets(before, now):
            lines.append(
                f"From epoch {now.number} on other pictures count too ({added}), and accuracy went from {before.mean_accuracy:.0%} to "
                f"{now.mean_accuracy:.0%}: figures before and after cannot be compared."
            )
    settled = converged(trace)
    lines.append(
        f"Accuracy has converged in epoch {settled}: from there on it stays within {100 * NEAR_BEST:.0f} percentage point of its best."
        if settled
        else "Accuracy was still rising when the run ended."
    )
    return lines
