"""The demo training: a process of its own (background_run.py), how far it is, and where a stopped one goes on."""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.training import run_log as traces
from pages.parts.server.background_run import FAILED, FINISHED, IDLE, RUNNING, STOPPED, BackgroundRun, RunFolder, python_command, torch_is_there

__all__ = [
    "EPOCHS", "FAILED", "FINISHED", "IDLE", "RUNNING", "STOPPED",
    "DemoTraining", "Progress", "StoppedRun", "WatchedCrop", "demo_command", "torch_is_there",
]  # fmt: skip

EPOCHS = 5
MOST_KEPT, MOST_BYTES = 4, 200_000_000  # stopped runs that their visitors may go on with: of all visitors together, and bytes of one


def demo_command(run: Path, kind: str = "hand") -> list[str]:
    """kind: 'hand' | 'face', what the network learns. It reads the crop to watch from its standard input."""
    return python_command("model.training.train", "--demo", "--part", kind, "--watch", "--epochs", str(EPOCHS), "--run", str(run))


@dataclass(frozen=True)
class WatchedCrop:
    """The visitor's example: every epoch's points are predicted on it. rgb: uint8 (256, 256, 3); it goes to the process through a pipe and
    is written nowhere. reference: (21 or 68, 2), the released network's points in pixels of the crop."""

    kind: str
    rgb: np.ndarray
    reference: np.ndarray


@dataclass(frozen=True)
class Progress:
    """share: 0..1 of all epochs. said: one sentence."""

    share: float
    said: str


@dataclass(frozen=True)
class StoppedRun:
    """A run that its visitor may go on with. epochs: those that are done."""

    folder: RunFolder
    crop: WatchedCrop
    epochs: int


class DemoTraining(BackgroundRun):
    """command: the training's command line for a run's folder and a kind."""

    def __init__(self, command: Callable[[Path, str], list[str]] = demo_command):
        super().__init__("pointillist-demo-")
        self._command = command
        self._kept: list[weakref.ref[RunFolder]] = []  # the longest kept first
        self._keeping = threading.Lock()

    def start(self, owner: str, crop: WatchedCrop, folder: RunFolder | None = None) -> bool:
        """Start a run, or go on in `folder`; False if one is running."""
        if folder is not None:
            (folder.path / "progress.json").unlink(missing_ok=True)  # of the epoch that was broken off
        return self.begin(owner, lambda path: self._command(path, crop.kind), [crop.rgb.tobytes()], folder)

    def keep(self, crop: WatchedCrop) -> StoppedRun | None:
        """The run that has just been stopped, to be held by its visitor as long as the visit lasts; None if there is nothing to go on from.
        Where too many are kept, the longest kept one is removed."""
        trace, folder = self.trace(), self.folder
        if trace is None or folder is None or folder.size > MOST_BYTES:
            return None
        with self._keeping:
            kept = [reference for reference in self._kept if (other := reference()) and other.is_there and other is not folder]
            for reference in kept[: max(len(kept) - MOST_KEPT + 1, 0)]:
                if other := reference():
                    other.remove()
            self._kept = [*kept, weakref.ref(folder)]
        return StoppedRun(folder, crop, len(trace.epochs))

    def trace(self) -> traces.TrainingTrace | None:
        """What the run has written so far; None before its first epoch is over."""
        if self.folder is None:
            return None
        try:
            return traces.read(self.folder.path / "trace.json")
        except traces.TraceError:
            return None  # it is being written; the next reading will see it

    def progress(self) -> Progress:
        """How far the training is, and a sentence that says so."""
        trace = self.trace()
        done = len(trace.epochs) if trace else 0
        if done >= EPOCHS:
            return Progress(1.0, f"All {EPOCHS} epochs are done.")
        inside = self.document("progress.json")
        if inside is None or inside.get("epoch") != done + 1:
            said = "Drawing the pictures to learn from …" if not done else f"Epoch {done} of {EPOCHS} is done."
            return Progress(done / EPOCHS, said)
        share = inside["step"] / inside["steps"]
        return Progress((done + share) / EPOCHS, f"Epoch {done + 1} of {EPOCHS}, {share:.0%}: loss {inside['loss']:.3g}")
