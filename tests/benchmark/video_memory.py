"""How much memory a video takes while the page works on it: python -m tests.benchmark.video_memory [--seconds S] [--cores N]

Clips of 640 x 480 and of 4K (3840 x 2160), made here: 30 frames a second, two hands and a face that swing. Each is given to a process of its own, which
does what the page does (pages/parts/album/clip.py): decode, track, draw, encode, keep the table. Printed: the most memory that the process ever held,
that before the video came in, and the difference.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from model.photo.image_file import open_photo
from tests.benchmark.truth.rendered import EXAMPLES
from tests.model.clips import clip, crossing

SIZES = {"640 x 480": (640, 480), "4K": (3840, 2160)}
RATE = 30
FAST = {"preset": "ultrafast", "crf": "18"}  # of the encoder that makes the clip


def peak_mb() -> float:
    """The most memory that this process ever held. Linux only."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def alone(cores: int) -> None:
    """Reads a video from stdin and prints figures as JSON."""
    from tests.benchmark.sides import pipe

    answers = pipe.start(cores)
    from model import Landmarker
    from pages.parts.album.clip import Clip

    landmarker = Landmarker(threads=cores)
    landmarker.detect(open_photo(EXAMPLES / "greeting.webp"))
    idle = peak_mb()
    work = Clip("clip.mp4", sys.stdin.buffer.read())
    started, cpu = time.perf_counter(), time.process_time()
    while not work.finished:
        work.work(landmarker, 0.5)
    found = {"error": work.error, "frames": len(work.timeline.seconds), "tracks": len(work.timeline.tracks), "idle_mb": idle, "peak_mb": peak_mb()}
    answers.write(json.dumps(found | {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu, "kept_mb": work.size / 2**20}).encode())
    answers.flush()


def measured(size: tuple[int, int], seconds: float, cores: int) -> dict:
    """The figures of a clip of this size (width, height)."""
    content = clip(crossing(open_photo(EXAMPLES / "greeting.webp"), round(RATE * seconds), size), rate=RATE, options=FAST)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark.video_memory", "--alone", "--cores", str(cores)], input=content, stdout=subprocess.PIPE, check=True
    )
    return {"file_mb": len(content) / 2**20} | json.loads(done.stdout)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--cores", type=int, default=2)
    options.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    o = options.parse_args()
    if o.alone:
        return alone(o.cores)
    print("| video | frames | file | before | peak | more | CPU per frame |\n|---|---|---|---|---|---|---|")
    for name, size in SIZES.items():
        found = measured(size, o.seconds, o.cores)
        more = found["peak_mb"] - found["idle_mb"]
        figures = [f"{found['file_mb']:.0f} MB", f"{found['idle_mb']:.0f} MB", f"{found['peak_mb']:.0f} MB", f"{more:.0f} MB"]
        print(f"| {name} | {found['frames']} | {' | '.join(figures)} | {1000 * found['cpu'] / max(found['frames'], 1):.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
