"""The server's event log: one JSON line on standard error for every photo and every camera stream, where it is asked for.

The environment variable POINTILLIST_LOG=1 switches it on. Figures only: no file name, no address, nothing of a picture.
"""

import json
import os
import sys
from datetime import UTC, datetime

VARIABLE = "POINTILLIST_LOG"


def is_on(variable: str) -> bool:
    """Whether an environment variable switches something on."""
    return os.environ.get(variable, "").lower() not in ("", "0", "false", "no")


def record(event: str, **figures) -> None:
    """One line: the time, `event` and the figures (numbers, texts, dicts of them; floats are rounded)."""
    if is_on(VARIABLE):
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event} | _rounded(figures)
        sys.stderr.write(json.dumps(line) + "\n")  # one call: lines of several threads do not mix
        sys.stderr.flush()


def _rounded(figures: dict) -> dict:
    def plain(value):
        return _rounded(value) if isinstance(value, dict) else round(value, 2) if isinstance(value, float) else value

    return {name: plain(value) for name, value in figures.items()}
