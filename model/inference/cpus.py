"""How many CPUs this process may keep busy: the one place that asks."""

import functools
import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


@functools.cache
def available() -> int:
    """At least 1. A container often has a share of its machine's CPUs: os.cpu_count() counts the machine's, affinity those that the
    process may run on, and only the cgroups tell how much of their time it gets. A part of a CPU counts as a whole one."""
    return max(math.ceil(min(_allowed(), _quota())), 1)


def _allowed() -> int:
    if hasattr(os, "process_cpu_count"):  # Python 3.13; heeds PYTHON_CPU_COUNT too
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota() -> float:
    """CPUs that the narrowest of this process's cgroups is given, of version 1 or 2; infinite without a limit, or without cgroups."""
    least = math.inf
    for line in _text(MEMBERSHIP).splitlines():
        _, controllers, path = line.split(":", 2)
        # A container may see its own groups at the root, though the path is its machine's: every level is asked.
        inner = Path(path.lstrip("/"))
        for level in [inner, *inner.parents]:
            if not controllers:
                least = min(least, _limit(*(_text(CGROUPS / level / "cpu.max").split() or [""])))
            elif "cpu" in controllers.split(","):  # version 1
                least = min(least, _limit(*(_text(CGROUPS / "cpu" / level / f"cpu.cfs_{what}_us") for what in ("quota", "period"))))
    return least


def _limit(quota: str, period: str = "") -> float:
    """Microseconds in each period of so many; without a limit the quota is "max", -1, or no text at all."""
    return int(quota) / int(period) if quota.strip().isdigit() and period.strip().isdigit() else math.inf


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
