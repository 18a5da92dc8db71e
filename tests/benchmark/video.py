"""A video, frame by frame, Pointillist and MediaPipe side by side: python -m tests.benchmark.video [--frames N] [--cores N]

The clip is made here: 640 x 480, 30 frames a second, a rendered face and a hand beside it, before a camera that is held by hand. Both
sides get the same frames, each in turn; MediaPipe in its video mode (static_image_mode=False), hands and face mesh side by side. Ours
alone, as MediaPipe reads and writes no files: from the file to the tracks, and on to the annotated MP4, CSV and Parquet.
"""

import argparse
import io
import subprocess
import sys
import time

import cv2
import numpy as np

from model.photo.image_file import open_photo
from tests.benchmark.figures.speed import LIVE_SIZE, TIMES, WARM, interleaved
from tests.benchmark.figures.table import Row, markdown
from tests.benchmark.sides import workers
from tests.benchmark.truth.rendered import EXAMPLES
from tests.model.clips import clip

SCENE = slice(0, 600), slice(250, 800)  # rows and columns of the example photo that hold the face and one hand
REAL_TIME_MS = 1000 / 30


def scene(count: int) -> list[np.ndarray]:
    """(480, 640, 3) each: the face and the hand, drifting by some pixels and degrees."""
    picture = open_photo(EXAMPLES / "greeting.webp")[SCENE]
    frames = []
    for number in range(count):
        phase = 2 * np.pi * number / 45
        scale = LIVE_SIZE[1] / picture.shape[0] * 0.95
        matrix = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), 3 * np.sin(phase), scale)
        matrix[:, 2] += (LIVE_SIZE[0] - picture.shape[1]) / 2 + 10 * np.sin(2 * phase), (LIVE_SIZE[1] - picture.shape[0]) / 2 + 6 * np.cos(phase)
        frames.append(cv2.warpAffine(picture, matrix, LIVE_SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE))
    return frames


def tracking(frames: list[np.ndarray], cores: int) -> list[Row]:
    section = f"video {LIVE_SIZE[0]} x {LIVE_SIZE[1]}, one hand and one face, {cores} cores"
    with workers.ours(cores) as ours, workers.theirs(cores) as peer:
        times = interleaved((ours, peer), frames, live=True)
        seen = [worker.ask(frames[-1], live=True, few=True) for worker in (ours, peer)]
    table = [Row(section, f"{kind}s in the last frame", *(len(each[f"{kind}_points"]) for each in seen), "n", None) for kind in ("hand", "face")]
    for measured, label in TIMES.items():
        table.append(Row(section, f"frame{label}, median", *np.median(times[measured], axis=1), "ms"))
        table.append(Row(section, f"frame{label}, mean", *np.mean(times[measured], axis=1), "ms"))
    return table


def files(content: bytes, cores: int) -> list[Row]:
    """Ours, in a process of its own that is kept on `cores` CPUs."""
    done = subprocess.run([sys.executable, "-m", "tests.benchmark.video", "--alone", str(cores)], input=content, capture_output=True, check=True)
    numbers = [float(text) for text in done.stdout.split()]
    labels = "from the file to tracks", "and to annotated MP4, CSV and Parquet"
    section = f"the same, ours from file to file, {cores} cores"
    table = []
    for label, (wall, cpu) in zip(labels, zip(numbers[::2], numbers[1::2])):
        table += [Row(section, f"frame, {label}", wall, np.nan, "ms"), Row(section, f"frame, {label}, CPU time", cpu, np.nan, "ms")]
    return table


def alone(cores: int) -> None:
    """Reads the video from stdin, prints milliseconds a frame: on the clock and of CPU, without files and with them."""
    from tests.benchmark.sides import pipe

    answers = pipe.start(cores)
    from model import Landmarker
    from model.output.annotated_video import AnnotatedVideo
    from model.output.serialize_video import CsvFile, ParquetFile
    from model.output.video_pipeline import follow
    from model.video.timeline import Timeline
    from model.video.video_file import Video

    content, landmarker = sys.stdin.buffer.read(), Landmarker(threads=cores)
    landmarker.detect(np.zeros((480, 640, 3), np.uint8))
    for with_files in (False, True):
        outputs = [CsvFile(io.BytesIO()), ParquetFile(io.BytesIO())] if with_files else []
        drawn = AnnotatedVideo(io.BytesIO()) if with_files else None
        started, cpu = time.perf_counter(), time.process_time()
        with Video(content) as video:
            count = sum(1 for _ in follow("clip.mp4", video, landmarker, Timeline(), outputs, drawn))
        for writer in (*outputs, *([drawn] if drawn else [])):
            writer.close()
        passed = time.perf_counter() - started, time.process_time() - cpu
        answers.write(b"%f %f\n" % tuple(1000 * each / count for each in passed))
    answers.flush()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--frames", type=int, default=300)
    options.add_argument("--cores", type=int, default=2)
    options.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    o = options.parse_args()
    if o.alone:
        return alone(o.alone)
    workers.install_peer()
    frames = scene(o.frames + WARM)
    print(markdown([*tracking(frames, o.cores), *files(clip(frames), o.cores)]))


if __name__ == "__main__":
    main()
