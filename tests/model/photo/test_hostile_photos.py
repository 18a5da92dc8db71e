"""Every hostile or odd file gives a picture or one clear sentence, in bounded time and memory."""

import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from model.output.draw import draw
from model.photo.image_file import PhotoError, open_photo
from tests.model.hostile import EITHER, PICTURE, SENTENCE, Case, corpus

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")

ROOT = Path(__file__).parents[3]
CASES = corpus()
MOST_MEGABYTES = 900  # of a process that opens one photo, with Python and its libraries
MOST_SECONDS = 15  # of CPU; a full 50 megapixels take two

# Opens the file of standard input and prints what came of it, then the CPU seconds and the peak memory in kB.
OPEN_APART = """
import sys, time
from pathlib import Path
from model.output.draw import draw
from model.photo.image_file import PhotoError, open_photo
data, before = sys.stdin.buffer.read(), time.process_time()
try:
    print(open_photo(data).shape)
except PhotoError as error:
    print(error)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(time.process_time() - before, status["VmHWM"].split()[0])  # getrusage's peak would begin with that of the tests, who forked it
"""


def is_one_clear_sentence(text: str) -> bool:
    return re.fullmatch(r"[A-Z][A-Za-z0-9 ,;:.]{10,150}\.", text) is not None and "Error" not in text


def ids(cases: list[Case]) -> list[str]:
    return [str(case) for case in cases]


def test_the_corpus_is_large_and_always_the_same():
    assert len(CASES) >= 200 and len(set(ids(CASES))) == len(CASES)
    for case in CASES[::10]:
        assert case.costly or case.make() == case.make(), case


ORDINARY = [case for case in CASES if not case.costly]
COSTLY = [case for case in CASES if case.costly]


@pytest.mark.parametrize("case", ORDINARY, ids=ids(ORDINARY))
def test_picture_or_sentence(case):
    data, started = case.make(), time.process_time()
    try:
        rgb = open_photo(data)
    except PhotoError as error:
        assert case.expected in (SENTENCE, EITHER), error
        assert is_one_clear_sentence(str(error)), error
    else:
        assert case.expected in (PICTURE, EITHER)
        assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3
        assert case.size is None or rgb.shape[1::-1] == case.size
    assert time.process_time() - started < MOST_SECONDS


@pytest.mark.parametrize("case", COSTLY, ids=ids(COSTLY))
def test_bombs_in_a_process_of_their_own(case):
    def bound() -> None:  # so that a failure costs the process and not the machine
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    run = {"input": case.make(), "capture_output": True, "cwd": ROOT, "timeout": 300, "preexec_fn": bound}
    done = subprocess.run([sys.executable, "-c", OPEN_APART], **run)
    assert done.returncode == 0, done.stderr.decode()
    outcome, spent = done.stdout.decode().splitlines()
    seconds, kilobytes = map(float, spent.split())
    is_picture = outcome.startswith("(")
    assert case.expected in ((PICTURE, EITHER) if is_picture else (SENTENCE, EITHER)), outcome
    assert is_picture or is_one_clear_sentence(outcome), outcome
    assert kilobytes / 1000 < MOST_MEGABYTES and seconds < MOST_SECONDS


@pytest.mark.parametrize("case", [case for case in ORDINARY if case.group == "wrong ending"], ids=str)
def test_the_ending_of_a_name_does_not_count(case, tmp_path):
    path = tmp_path / case.file_name
    path.write_bytes(case.make())
    assert open_photo(path).shape[1::-1] == case.size


@pytest.mark.parametrize("case", [case for case in ORDINARY if case.group == "size" and case.expected == PICTURE], ids=str)
def test_landmarks_of_odd_sizes(case, real_landmarker):
    rgb = open_photo(case.make())
    result = real_landmarker.detect(rgb)
    assert (result.width, result.height) == case.size
    for instance in result.hands + result.faces:
        assert np.isfinite(instance.landmarks).all()
    assert draw(rgb, result).shape == rgb.shape
