"""The demo training as a process of its own: one at a time for the whole server, whichever page is open.

Knows nothing of Streamlit; the widgets are in train_yourself.py.
"""

import atexit
import importlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from model.training import run_log as traces

ROOT = Path(__file__).parents[3]
EPOCHS = 5
NICENESS = 10  # visitors' photos go first
PATIENCE = 5.0  # seconds for the process to end by itself when it is stopped

IDLE, RUNNING, FINISHED, STOPPED, FAILED = "idle", "running", "finished", "stopped", "failed"


def torch_is_there() -> bool:
    """Whether the train extra is installed; the runtime works without it."""
    importlib.invalidate_caches()  # it may have been installed since the server started
    return importlib.util.find_spec("torch") is not None


def demo_command(run: Path) -> list[str]:
    return [sys.executable, "-m", "model.training.train", "--demo", "--epochs", str(EPOCHS), "--run", str(run), "--parent", str(os.getpid())]


@dataclass(frozen=True)
class Progress:
    """share: 0..1 of all epochs. said: one sentence."""

    share: float
    said: str


class DemoTraining:
    """Starts, watches and stops the training. One object serves all visitors; its methods may be called from any thread.

    command: the training's command line for a run's folder.
    """

    def __init__(self, command=demo_command):
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._folder: Path | None = None
        self._stopped = False
        self.owner: str | None = None  # who started the run
        atexit.register(self._clean_up)

    @property
    def state(self) -> str:
        if self._process is None:
            return IDLE
        code = self._process.poll()
        if code is None:
            return RUNNING
        return STOPPED if self._stopped else FINISHED if code == 0 else FAILED

    def start(self, owner: str) -> bool:
        """Start a new run; False if one is running."""
        with self._lock:
            if self.state == RUNNING:
                return False
            self._remove_folder()
            self._folder = Path(tempfile.mkdtemp(prefix="pointillist-demo-"))
            with (self._folder / "log").open("w") as log:
                # A group of its own: stopping it stops the processes that it has started, and nothing else.
                group = {"start_new_session": True} if os.name == "posix" else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
                self._process = subprocess.Popen(self._command(self._folder), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **group)
            self._stopped = False
            self.owner = owner
            if hasattr(os, "setpriority"):
                try:
                    os.setpriority(os.PRIO_PGRP, self._process.pid, NICENESS)
                except OSError:
                    pass  # it has ended already
            return True

    def stop(self) -> None:
        """End the run, if there is one, with all its processes."""
        with self._lock:
            if self.state != RUNNING:
                return
            self._stopped = True
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
                self._process.wait()

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
        inside = self._inside()
        if inside is None or inside.get("epoch") != done + 1:
            said = "Drawing the pictures to learn from …" if not done else f"Epoch {done} of {EPOCHS} is done."
            return Progress(done / EPOCHS, said)
        share = inside["step"] / inside["steps"]
        return Progress((done + share) / EPOCHS, f"Epoch {done + 1} of {EPOCHS}, {share:.0%}: loss {inside['loss']:.3g}")

    def complaint(self) -> str:
        """The last line that the run printed: why it failed."""
        try:
            lines = (self._folder / "log").read_text(errors="replace").strip().splitlines()
        except (OSError, TypeError):
            return ""
        return lines[-1][:300] if lines else ""

    def _inside(self) -> dict | None:
        """How far the running epoch is: epoch, step, steps, loss."""
        try:
            return json.loads((self._folder / "progress.json").read_text())
        except (OSError, ValueError):
            return None

    def _signal(self, number: int) -> None:
        try:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.terminate()
        except ProcessLookupError:
            pass  # it has ended by itself

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _clean_up(self) -> None:
        self.stop()
        self._remove_folder()
