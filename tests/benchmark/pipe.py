"""What the benchmark and its workers say to each other: numpy arrays by name, as one .npz after its length, through stdin and stdout.

A worker is another process, so that each side has its own packages, its own start-up time and its own memory. Needs numpy only.
"""

import io
import os
import struct
import sys
from collections.abc import Callable
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


def serve(answers: BinaryIO, answer: Callable[[Arrays], Arrays]) -> None:
    """Answer every message from stdin until it ends."""
    while (question := receive(sys.stdin.buffer)) is not None:
        send(answers, answer(question))
