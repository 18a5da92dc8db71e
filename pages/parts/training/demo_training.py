"""The demo training: a process of its own (background_run.py), and how far it is."""

from dataclasses import dataclass
from pathlib import Path

from model.training import run_log as traces
from pages.parts.server.background_run import FAILED, FINISHED, IDLE, RUNNING, STOPPED, BackgroundRun, Command, python_command, torch_is_there

__all__ = ["EPOCHS", "FAILED", "FINISHED", "IDLE", "RUNNING", "STOPPED", "DemoTraining", "Progress", "demo_command", "torch_is_there"]

EPOCHS = 5


def demo_command(run: Path) -> list[str]:
    return python_command("model.training.train", "--demo", "--epochs", str(EPOCHS), "--run", str(run))


@dataclass(frozen=True)
class Progress:
    """share: 0..1 of all epochs. said: one sentence."""

    share: float
    said: str


class DemoTraining(BackgroundRun):
    """command: the training's command line for a run's folder."""

    def __init__(self, command: Command = demo_command):
        super().__init__("pointillist-demo-")
        self._command = command

    def start(self, owner: str) -> bool:
        """Start a new run; False if one is running."""
        return self.begin(owner, self._command)

    def trace(self) -> traces.TrainingTrace | None:
        """What the run has written so far; None before its first epoch is over."""
        if self._folder is None:
            return None
        try:
            return traces.read(self._folder / "trace.json")
        except traces.TraceError:
            return None  # it is being written; the next look will see it

    def progress(self) -> Progress:
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
