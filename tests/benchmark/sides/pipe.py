"""What the benchmark and its workers say to each other: numpy arrays by name, as one .npz after its length, through stdin and stdout.

A worker is another process, so that each side has its own packages, its own start-up time and its own memory. Needs numpy only.
"""

import io
import os
import re
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

Arrays = dict[str, np.ndarray]
_LENGTH = struct.Struct("<Q")


def send(stream: BinaryIO, arrays: Arrays) -> None:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    stream.write(_LENGTH.pack(packed.tell()) + packed.getvalue())
    stream.flush()


def receive(stream: BinaryIO) -> Arrays | None:
    """The next message, or None when the other side has hung up."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    with np.load(io.BytesIO(stream.read(*_LENGTH.unpack(head))), allow_pickle=False) as message:
        return {name: message[name] for name in message.files}


def start(cores: int) -> BinaryIO:
    """What a worker does first: stay, with all its threads, on its first `cores` CPUs, where the system can do that. Gives the stream
    for its answers; whatever else is printed, libraries' chatter too, goes to stderr."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


@contextmanager
def measured(reply: Arrays) -> Iterator[None]:
    """Puts into the reply what the work inside took: milliseconds on the clock and of CPU time (all threads; a busy machine hardly changes
    it), and peak_mb, the most memory this process ever held."""
    start, cpu = time.perf_counter(), time.process_time()
    yield
    reply["milliseconds"] = np.array((time.perf_counter() - start) * 1000)
    reply["cpu_milliseconds"] = np.array((time.process_time() - cpu) * 1000)
    # getrusage would count what the benchmark itself held when it started this process.
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    reply["peak_mb"] = np.array(int(peak[1]) / 1024 if peak else np.nan)


def serve(answers: BinaryIO, answer: Callable[[Arrays], Arrays]) -> None:
    """Answer every message from stdin until it ends."""
    while (question := receive(sys.stdin.buffer)) is not None:
        send(answers, answer(question))
