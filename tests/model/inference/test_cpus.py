"""The CPUs that a container may use, whatever its machine has."""

import os
from pathlib import Path

import pytest

from model.inference import cpus


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Function (CPUs, the process's groups, file -> text below the groups' folder) -> what is available there."""

    def available(count: int, membership: str, files: dict[str, str]) -> int:
        (tmp_path / "membership").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.setattr(cpus, "MEMBERSHIP", tmp_path / "membership")
        monkeypatch.setattr(cpus, "CGROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(os, "process_cpu_count", lambda: count, raising=False)
        return cpus.available.__wrapped__()

    return available


@pytest.mark.parametrize(
    "membership, files, expected",
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),  # docker run --cpus 2
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "20000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/\n", {}, 64),
        ("", {}, 64),
        ("0::/a/b\n", {"a/b/cpu.max": "800000 100000\n", "a/cpu.max": "300000 100000\n", "cpu.max": "max 100000"}, 3),
        ("0::/docker/1234\n", {"cpu.max": "400000 100000\n"}, 4),  # the path is the machine's, the folder the container's
        ("4:cpu,cpuacct:/docker/1234\n", {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ("3:cpuset:/\n2:memory:/\n", {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ("0::/\n", {"cpu.max": "6400000 100000\n", "a/cpu.max": "1 100000\n"}, 64),  # another one's group
    ],
)
def test_the_container_s_share_counts(machine, membership, files, expected):
    assert machine(64, membership, files) == expected


def test_a_share_gives_no_cpus_that_are_not_there(machine):
    assert machine(2, "0::/\n", {"cpu.max": "800000 100000\n"}) == 2


def test_all_who_start_threads_ask_here(monkeypatch):
    """Slots, the network's threads and live workers; no other module asks the system by itself."""
    from model.inference import session
    from pages.parts.live import frame_processor
    from pages.parts.server import work_queue

    monkeypatch.delenv(work_queue.VARIABLE, raising=False)
    monkeypatch.setattr(cpus, "available", lambda: 3)
    assert work_queue._places() == 3 and session.usual_threads() == 3
    monkeypatch.setattr(cpus, "available", lambda: 40)
    assert work_queue._places() == 40 and session.usual_threads() == 4
    pages = Path(frame_processor.__file__).parents[1]
    assert [file.name for file in pages.rglob("*.py") if "cpu_count" in file.read_text()] == []
