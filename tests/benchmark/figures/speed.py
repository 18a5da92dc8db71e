"""Speed of both sides: whole pipeline for hands and faces, runs interleaved so that a busy machine slows both alike."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice

import cv2
import numpy as np

from model.photo.image_file import open_photo
from tests.benchmark.figures.table import Row
from tests.benchmark.sides.workers import Worker
from tests.benchmark.truth.rendered import EXAMPLES

Start = Callable[[int], Worker]  # cores -> a fresh worker
WARM = 5  # runs that are not counted; for the live picture as many frames
LIVE_SIZE = (640, 480)
STARTS = 3


def live_frames(count: int) -> list[np.ndarray]:
    """A hand-held camera before the greeting person: (480, 640, 3), drifting by a few pixels and degrees."""
    picture = cv2.resize(open_photo(EXAMPLES / "greeting.webp"), LIVE_SIZE, interpolation=cv2.INTER_AREA)
    frames = []
    for number in range(count):
        phase = 2 * np.pi * number / 45
        matrix = cv2.getRotationMatrix2D((LIVE_SIZE[0] / 2, LIVE_SIZE[1] / 2), 3 * np.sin(phase), 0.95)
        matrix[:, 2] += 10 * np.sin(2 * phase), 6 * np.cos(phase)
        frames.append(cv2.warpAffine(picture, matrix, LIVE_SIZE, borderMode=cv2.BORDER_REPLICATE))
    return frames


TIMES = {"milliseconds": "", "cpu_milliseconds": ", CPU time"}  # what the workers tell -> what it is called in the table


def interleaved(workers: Sequence[Worker], pictures: Sequence[np.ndarray], live: bool) -> dict[str, np.ndarray]:
    """By TIMES: (len(workers), len(pictures) - WARM)."""
    answers = [[worker.ask(picture, live=live, few=True) for worker in workers] for picture in pictures]
    return {name: np.array([[answer[name] for answer in pair] for pair in answers[WARM:]]).T for name in TIMES}


def rows(start_ours: Start, start_peer: Start, repeats: int, sets: Mapping[str, Sequence[np.ndarray]] | None = None) -> list[Row]:
    """repeats: runs on the example photo; three times as many live frames. sets: by name further photos, each analysed once."""
    photo = open_photo(EXAMPLES / "greeting.webp")
    frames = live_frames(3 * repeats + WARM)
    examples = [open_photo(path) for path in sorted(EXAMPLES.glob("*.webp"))]
    sets = {f"{len(examples)} example photos": examples * (repeats // len(examples) + 1)} | dict(sets or {})
    table: list[Row] = []
    for cores in (1, 2):
        section = f"speed, hands and face mesh, {cores} core" + "s" * (cores > 1)
        with start_ours(cores) as ours, start_peer(cores) as peer:
            workers = (ours, peer)
            still = interleaved(workers, [photo] * (repeats + WARM), live=False)
            for time, label in TIMES.items():
                table.append(Row(section, f"photo {photo.shape[1]} x {photo.shape[0]}{label}, median", *np.median(still[time], axis=1), "ms"))
            for name, pictures in sets.items():
                still = interleaved(workers, [*islice(cycle(pictures), WARM), *pictures], live=False)
                for time, label in TIMES.items():
                    table.append(Row(section, f"{name}{label}, mean per photo", *np.mean(still[time], axis=1), "ms"))
            live = interleaved(workers, frames, live=True)
            name = f"live frame {LIVE_SIZE[0]} x {LIVE_SIZE[1]}"
            for time, label in TIMES.items():
                table.append(Row(section, f"{name}{label}, median (tracking)", *np.median(live[time], axis=1), "ms"))
                table.append(Row(section, f"{name}{label}, mean (newcomers looked for too)", *np.mean(live[time], axis=1), "ms"))
            seen = [worker.ask(photo, few=True) for worker in workers]
            if cores == 1:
                for kind, number in (("hand", 2), ("face", 1)):
                    table.append(Row(section, f"{kind}s found in the photo, of {number}", *(len(s[f"{kind}_points"]) for s in seen), "n", None))
            table.append(Row("size", f"peak memory after these, {cores} core" + "s" * (cores > 1), *(float(s["peak_mb"]) for s in seen), "MB"))
    table.append(Row("size", "model files", *(float(s["model_mb"]) for s in seen), "MB"))
    started: list[tuple[float, float]] = []
    for _ in range(STARTS):
        pair = []
        for start in (start_ours, start_peer):
            with start(2) as worker:
                worker.ask(photo, few=True)
                pair.append(worker.started)
        started.append(tuple(pair))
    table.append(Row("size", "start to first answer, 2 cores", *np.median(started, axis=0), "s"))
    # Memory was measured in the middle; a section stands together.
    return sorted(table, key=lambda row: row.section == "size")
