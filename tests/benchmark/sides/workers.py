"""The two sides of the benchmark as processes: Pointillist (own_worker.py) and MediaPipe (peer_worker.py)."""

import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tests.benchmark.sides import pipe

HERE = Path(__file__).resolve().parent
PEER = "mediapipe==0.10.21"  # needs numpy < 2, hence the environment of its own
PEER_PYTHON = HERE.parents[2] / ".venv-mediapipe" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


class PeerMissing(RuntimeError):
    """MediaPipe cannot be installed; its text is one plain sentence."""


def install_peer() -> None:
    """Build MediaPipe's virtual environment if it is not there; nothing else is installed into it. Raises PeerMissing."""
    ready = PEER_PYTHON.parents[1] / PEER
    if ready.exists():
        return
    print(f"Installing {PEER} into {PEER_PYTHON.parents[1].name} ...", file=sys.stderr, flush=True)
    try:
        venv.create(PEER_PYTHON.parents[1], with_pip=True)
        subprocess.run([PEER_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER], check=True)
    except subprocess.CalledProcessError as error:
        version = sys.version.split()[0]
        raise PeerMissing(f"{PEER} cannot be installed (pip has said why; it is made for Python 3.9 to 3.12, this is {version}).") from error
    ready.touch()


class Worker:
    """One side, kept on `cores` CPUs. started: seconds from its launch to its first answer."""

    def __init__(self, python: str | Path, script: str, cores: int, log: BinaryIO | int = subprocess.DEVNULL):
        self.started: float | None = None
        self._launched = time.perf_counter()
        self._process = subprocess.Popen([python, HERE / script, str(cores)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def ask(self, picture: np.ndarray, parts: str = "hands mesh", live: bool = False, few: bool = False) -> pipe.Arrays:
        """What this side detects in a picture (H, W, 3) uint8 RGB.

        parts: which of MediaPipe's solutions run: hands, mesh, boxes (its full-range face detector); Pointillist always
        detects everything. live: the next frame of a video. few: at most two hands and one face, as MediaPipe's defaults.
        Answer, where asked for, in pixels of the picture: hand_points (N, 21, 2), hand_xyz (N, 21, 3) any unit, hand_right (N,)
        the real hand, hand_box (N, 4) x, y, w, h, hand_score (N,), face_points (M, 478, 2), face_ibug (M, 68, 2; ours only),
        face_box (L, 4), face_score (L,); and model_mb, and what pipe.measured tells. RuntimeError if the worker has died.
        """
        question = {"picture": picture, "parts": parts, "live": live, "few": few}
        pipe.send(self._process.stdin, {name: np.asarray(value) for name, value in question.items()})
        reply = pipe.receive(self._process.stdout)
        if reply is None:
            raise RuntimeError(f"{self._process.args[1].name} stopped with status {self._process.wait()}; --verbose shows why")
        self.started = self.started or time.perf_counter() - self._launched
        return reply

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait(10)


def ours(cores: int, log: BinaryIO | int = subprocess.DEVNULL) -> Worker:
    return Worker(sys.executable, "own_worker.py", cores, log)


def theirs(cores: int, log: BinaryIO | int = subprocess.DEVNULL) -> Worker:
    return Worker(PEER_PYTHON, "peer_worker.py", cores, log)
