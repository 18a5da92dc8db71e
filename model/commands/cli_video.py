"""Videos on the command line: `pointillist detect clip.mp4`."""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol, TypeVar

from ..output.annotated_video import AnnotatedVideo
from ..output.serialize import unexpected
from ..output.serialize_video import CsvFile, ParquetFile, to_video_error
from ..output.video_pipeline import Output, follow
from ..runtime.landmarker import Landmarker
from ..video.timeline import Timeline, Track
from ..video.tracks import TrackedFrame
from ..video.video_file import Video
from ..video.video_limits import VideoError, in_words
from .writing import CannotWrite, writing

EVERY = 0.2  # seconds between two changes of the progress line


class _Closed(Protocol):
    def close(self) -> None: ...


_Writer = TypeVar("_Writer", bound=_Closed)


class Printed:
    """Prints each document on a line of its own."""

    def add(self, document: dict) -> None:
        """Prints a frame's document as one line of JSON."""
        _say(json.dumps(document))


@contextlib.contextmanager
def written(path: Path, option: str, make: Callable[[IO[bytes]], _Writer]) -> Iterator[_Writer]:
    """make(file), closed at the end: after Ctrl-C, too, the file is complete up to there. CannotWrite, and no file, if it cannot be written."""
    try:
        with writing(f"{path} cannot be written", f"say {option} with a place that you may write to and that has room"), path.open("wb") as file:
            writer = make(file)
            try:
                yield writer
            except OSError:  # what does not take a frame takes no end either
                with contextlib.suppress(Exception):
                    writer.close()
                raise
            except BaseException:
                writer.close()
                raise
            writer.close()
    except CannotWrite:
        if path.is_file():  # not a device
            with contextlib.suppress(OSError):
                path.unlink()
        raise


class VideoDetection:
    """The videos of one run: call it with each of them, inside a `with`, which closes the tables over all of them."""

    def __init__(self, landmarker: Landmarker, options: argparse.Namespace):
        self._landmarker, self._options = landmarker, options
        self._opened = contextlib.ExitStack()
        self._outputs: list[Output] = [Printed()] if options.json else []

    def __enter__(self) -> "VideoDetection":
        if self._options.csv:
            self._outputs.append(self._opened.enter_context(written(self._options.csv, "--csv", CsvFile)))
        if self._options.parquet:
            self._outputs.append(self._opened.enter_context(written(self._options.parquet, "--parquet", ParquetFile)))
        return self

    def __exit__(self, *error) -> None:
        self._opened.__exit__(*error)

    def __call__(self, path: Path, name: str, drawing: str) -> bool:
        """Prints what is in the video at `path`, as `name`; False if it could not be read to its end. drawing: the annotated video's file
        name in the folder of --out, if that is asked for."""
        timeline, note = look_at(path, name, self._landmarker, self._outputs, self._options.out and self._options.out / drawing)
        if not self._options.json:
            _say(table(name, timeline, note))
        elif note:
            _say(json.dumps(to_video_error(name, note)))
        return note is None


def look_at(path: Path, name: str, landmarker: Landmarker, outputs: Sequence[Output], drawing: Path | None = None) -> tuple[Timeline, str | None]:
    """The tracks of the video at `path`, and a sentence if it could not be read to its end or at all.

    name: what it is called in the outputs. drawing: where the annotated video is written to. Raises CannotWrite.
    """
    timeline = Timeline()
    try:
        with Video(path) as video, contextlib.ExitStack() as opened, Progress(path.name) as progress:
            drawn = opened.enter_context(written(drawing, "--out", AnnotatedVideo)) if drawing else None
            for frame in follow(name, video, landmarker, timeline, outputs, drawn):
                progress.show(frame, video)
        return timeline, video.note
    except (CannotWrite, OSError):
        raise
    except VideoError as error:
        return timeline, str(error)
    except Exception as error:  # one video does not end a run, whatever is wrong
        return timeline, unexpected(error).replace("photo", "video")


def table(name: str, timeline: Timeline, note: str | None) -> str:
    """What a person reads about one video: a line for the video, one for each track."""
    if not timeline.seconds:
        return f"{name}: {note}"
    tracks = list(timeline.tracks.values())
    count = f"{len(timeline.seconds)} frame{'' if len(timeline.seconds) == 1 else 's'}"
    lines = [f"{name}: {in_words(timeline.seconds[-1])}, {count}, {_count(tracks, 'hand')}, {_count(tracks, 'face')}"]
    for track in tracks:
        span = f"{track.seconds[0]:.2f} to {track.seconds[-1]:.2f} s"
        lines.append(f"  {track.title:<16} {span:<20} in {len(track.frames)} frames   confidence {track.confidence:.2f}")
    return "\n".join(lines + [f"  {note}"] * bool(note))


def _say(text: str) -> None:
    with writing("The output cannot be written", "send it to a place with room for it"):
        print(text, flush=True)


def _count(tracks: Sequence[Track], kind: str) -> str:
    number = sum(track.kind == kind for track in tracks)
    return f"{number or 'no'} {kind}{'' if number == 1 else 's'}"


class Progress:
    """A line on a terminal that rewrites itself: how much of the video is done, how fast, how long it still takes. Elsewhere nothing."""

    def __init__(self, name: str):
        self._name = name[:40]
        self._began = self._shown = time.monotonic()

    def show(self, frame: TrackedFrame, video: Video) -> None:
        """Says, now and then and on a terminal only, how far the video is and how long it will take."""
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._shown >= EVERY:
            self._shown = now
            passed = max(now - self._began, 1e-6)
            text = f"{self._name} {in_words(frame.seconds)}, {(frame.number + 1) / passed:.0f} frames/s"
            if share := video.share(frame.number, frame.seconds):
                text += f", {share:.0%}, {in_words(passed / share - passed)} left"
            print(f"\r\033[K{text[:78]}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
