"""What a person has corrected in the result of one photo, as data: points moved, sides switched, detections removed, hands and faces added.

Every step is an immutable `Labels`; `History` keeps them for undo and redo. Lengths are pixels of the upright photo, an integer is a
pixel's centre.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..runtime.result import Face, Hand, Result
from ..runtime.topology import POINT_NAMES

MOST_STEPS = 200  # that undo can take back
MOST_INSTANCES = 100  # of one photo
SIDES = ("left", "right")


class EditError(ValueError):
    """An edit that does not fit the labels; its text is one plain sentence."""


@dataclass(frozen=True, eq=False)
class Label:
    """One hand or face of a photo.

    number: its own within the photo, for as long as the photo is corrected. kind: 'hand' | 'face'. points: (21 or 478, 2) float32, photo
    pixels. handedness: 'left' | 'right', None for a face. corrected: a person has changed or added it.
    """

    number: int
    kind: str
    points: np.ndarray
    handedness: str | None = None
    corrected: bool = False

    def __post_init__(self) -> None:
        self.points.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Labels:
    """The hands and faces of one photo. width, height: of the upright photo in pixels. removed: detections that a person rejected."""

    width: int
    height: int
    instances: tuple[Label, ...] = ()
    removed: tuple[Label, ...] = ()

    @property
    def corrected(self) -> bool:
        """Whether a person has changed anything."""
        return bool(self.removed) or any(label.corrected for label in self.instances)

    def moved(self, number: int, points: Sequence[Sequence[float]]) -> "Labels":
        """points: rows (index, x, y). A coordinate may lie outside the photo by its length at most. Raises EditError."""
        label = self._label(number)
        changed = label.points.copy()
        for row in points:
            index, x, y = self._row(row, len(changed))
            changed[index] = min(max(x, -self.width), 2.0 * self.width), min(max(y, -self.height), 2.0 * self.height)
        return self._with(replace(label, points=changed, corrected=True))

    def turned(self, number: int, handedness: str) -> "Labels":
        """The hand `number` as a left or right one. Raises EditError."""
        label = self._label(number)
        if label.kind != "hand" or handedness not in SIDES:
            raise EditError("Only a hand has a side, left or right.")
        return self._with(replace(label, handedness=handedness, corrected=True))

    def without(self, number: int) -> "Labels":
        """Without a detection that is none; one that a person had added leaves no trace. Raises EditError."""
        label = self._label(number)
        instances = tuple(each for each in self.instances if each is not label)
        detected = number < _FIRST_ADDED
        return replace(self, instances=instances, removed=(*self.removed, label) if detected else self.removed)

    def added(self, instance: Hand | Face) -> "Labels":
        """With a hand or face that was missing, numbered after all others. Raises EditError."""
        if len(self.instances) >= MOST_INSTANCES:
            raise EditError(f"A photo can have {MOST_INSTANCES} labelled hands and faces at most.")
        number = max([_FIRST_ADDED - 1, *(label.number for label in (*self.instances, *self.removed))]) + 1
        return replace(self, instances=(*self.instances, _label_of(number, instance, corrected=True)))

    def edited(self, edit: Mapping) -> "Labels":
        """After one edit as the page's editor sends it: `do` names it ('move', 'side', 'remove'), `number` the instance. Raises EditError."""
        try:
            do, number = edit["do"], int(edit["number"])
            if do == "move":
                return self.moved(number, edit["points"])
            if do == "side":
                return self.turned(number, edit["handedness"])
            if do == "remove":
                return self.without(number)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, EditError):
                raise
            raise EditError("This edit cannot be understood.") from error
        raise EditError("This edit is unknown.")

    def _label(self, number: int) -> Label:
        label = next((each for each in self.instances if each.number == number), None)
        if label is None:
            raise EditError("This hand or face is no longer there.")
        return label

    def _with(self, label: Label) -> "Labels":
        return replace(self, instances=tuple(label if each.number == label.number else each for each in self.instances))

    @staticmethod
    def _row(row: Sequence[float], count: int) -> tuple[int, float, float]:
        index, x, y = int(row[0]), float(row[1]), float(row[2])
        if not (0 <= index < count and math.isfinite(x) and math.isfinite(y)):
            raise EditError("A point of this edit does not exist or has no place.")
        return index, x, y


_FIRST_ADDED = 1000  # numbers below it belong to what the network found


def labels_of(result: Result) -> Labels:
    """The result as labels that nobody has corrected yet."""
    found: tuple[Hand | Face, ...] = (*result.hands, *result.faces)
    return Labels(result.width, result.height, tuple(_label_of(number, instance) for number, instance in enumerate(found)))


def _label_of(number: int, instance: Hand | Face, corrected: bool = False) -> Label:
    points = np.array(instance.landmarks[:, :2], np.float32)
    assert len(points) == len(POINT_NAMES[instance.kind])
    return Label(number, instance.kind, points, instance.handedness if isinstance(instance, Hand) else None, corrected)


class History:
    """The steps of one photo's correction. present: the labels now; `do`, `undo` and `redo` change it."""

    def __init__(self, labels: Labels):
        self._past: list[Labels] = []
        self._future: list[Labels] = []
        self.present = labels

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone edit to repeat."""
        return bool(self._future)

    def do(self, labels: Labels) -> None:
        """A new step; what was undone before it is gone. The oldest of more than MOST_STEPS steps cannot be taken back."""
        self._past = [*self._past, self.present][-MOST_STEPS:]
        self._future = []
        self.present = labels

    def undo(self) -> None:
        """One step back, if there is one."""
        if self._past:
            self._future.append(self.present)
            self.present = self._past.pop()

    def redo(self) -> None:
        """The step that was undone last, if there is one."""
        if self._future:
            self._past.append(self.present)
            self.present = self._future.pop()
