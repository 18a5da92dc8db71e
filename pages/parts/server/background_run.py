"""A training as a process of its own: one at a time for the whole server, whichever page is open.

Knows nothing of Streamlit. The process writes into a private folder of its own, which is removed when the next run starts, unless somebody
holds it to go on from there, and at the latest when the server ends.
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
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[3]
NICENESS = 10  # visitors' photos go first
PATIENT = {"OMP_WAIT_POLICY": "passive"}  # beside other work a waiting thread would use up the time of the one it waits for
PATIENCE = 5.0  # seconds for the process to end by itself when it is stopped

IDLE, RUNNING, FINISHED, STOPPED, FAILED = "idle", "running", "finished", "stopped", "failed"
Command = Callable[[Path], list[str]]  # a run's folder -> the command line of its process


def torch_is_there() -> bool:
    """Whether the train extra is installed; the runtime works without it."""
    importlib.invalidate_caches()  # it may have been installed since the server started
    return importlib.util.find_spec("torch") is not None


def python_command(module: str, *arguments: str) -> list[str]:
    """`python -m MODULE` that knows its parent, to end with it."""
    return [sys.executable, "-m", module, *arguments, "--parent", str(os.getpid())]


class RunFolder:
    """A run's private folder. It is removed when nobody holds this object any longer, or when the server ends."""

    def __init__(self, prefix: str):
        self.path = Path(tempfile.mkdtemp(prefix=prefix))  # for this user's eyes only
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    @property
    def is_there(self) -> bool:
        """Whether the folder has not been removed."""
        return self.remove.alive

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


class BackgroundRun:
    """Starts, watches and stops the process. One object serves all visitors; its methods may be called from any thread.

    prefix: how the names of its folders begin.
    """

    def __init__(self, prefix: str):
        self._prefix = prefix
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self.folder: RunFolder | None = None  # of the run that runs, or ran last
        self._stopped = False
        self.owner: str | None = None  # who started the run
        atexit.register(self.clean_up)

    @property
    def state(self) -> str:
        """IDLE, RUNNING, STOPPED, FINISHED or FAILED."""
        if self._process is None:
            return IDLE
        code = self._process.poll()
        if code is None:
            return RUNNING
        return STOPPED if self._stopped else FINISHED if code == 0 else FAILED

    def begin(self, owner: str, command: Command, given: Iterable[bytes] = (), folder: RunFolder | None = None) -> bool:
        """Start a run; False if one is running. given: what the process reads from its standard input, in pieces. folder: of an earlier run
        that goes on there; without it a new one."""
        with self._lock:
            if self.state == RUNNING:
                return False
            self.folder = folder or RunFolder(self._prefix)
            with (self.folder.path / "log").open("w") as log:
                # A group of its own: stopping it stops the processes that it has started, and nothing else.
                group: dict[str, Any] = (
                    {"start_new_session": True} if os.name == "posix" else {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
                )
                self._process = subprocess.Popen(
                    command(self.folder.path), cwd=ROOT, env=os.environ | PATIENT, stdin=subprocess.PIPE, stdout=log, stderr=log, **group
                )
            assert self._process.stdin is not None
            threading.Thread(target=_write, args=(self._process.stdin, given), daemon=True).start()
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
            process = self._process
            if self.state != RUNNING or process is None:
                return
            self._stopped = True
            self._signal(process, signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
                process.wait()

    def file(self, name: str) -> bytes | None:
        """The content of a file that the run has written; None where there is none."""
        try:
            return (self.folder.path / name).read_bytes() if self.folder else None
        except OSError:
            return None

    def document(self, name: str) -> dict | None:
        """A JSON file of the run; None while there is none or it is being written."""
        content = self.file(name)
        try:
            return json.loads(content) if content is not None else None
        except ValueError:
            return None

    def complaint(self) -> str:
        """The last line that the run printed: why it failed."""
        lines = (self.file("log") or b"").decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def forget(self) -> None:
        """Back to where no run was ever started, unless one is running."""
        with self._lock:
            if self.state != RUNNING:
                self._process = self.folder = self.owner = None

    def clean_up(self) -> None:
        """At the server's end."""
        self.stop()
        if self.folder is not None:
            self.folder.remove()
            shutil.rmtree(self.folder.path, ignore_errors=True)  # what the process wrote after the first removal

    def _signal(self, process: subprocess.Popen, number: int) -> None:
        try:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)
            else:
                process.terminate()
        except ProcessLookupError:
            pass  # it has ended by itself


def _write(pipe: IO[bytes], given: Iterable[bytes]) -> None:
    try:
        with pipe:
            for piece in given:
                pipe.write(piece)
    except OSError:
        pass  # the process has ended before it had read everything; its own words say why
