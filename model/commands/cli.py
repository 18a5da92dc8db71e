"""The command `pointillist`: landmarks of photos and videos on the command line."""

import argparse
import contextlib
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from PIL import Image

from ..constants import KINDS
from ..output.serialize import distinct, to_csv, to_json_document, to_json_error, unexpected
from ..photo.image_file import SUFFIXES, PhotoError, open_photo
from ..runtime.landmarker import Landmarker, WeightsError
from ..runtime.result import Result
from ..video.media_type import VIDEO_SUFFIXES, is_video
from . import app
from .label_files import LabelFiles
from .writing import CannotWrite, writing

NO_PHOTO = "No photo or video found in the given folders."
MOST_NAME = 255  # bytes of a file's name
MOST_THREADS = 1024  # and workers


class WrongUse(ValueError):
    """Options that do not go with the files; its text says which."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 = all photos were read, 1 = some were not, or something stood in the way (weights, a full disk ...), 2 = wrong use,
    130 = interrupted."""
    parser = _parser()
    options, others = parser.parse_known_args(arguments)
    if options.command == "serve":
        return app.serve(options.weights, others)
    if others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    if options.command == "prepare":
        return app.prepare(options.weights)
    if options.engine == "ray" and not options.results:
        parser.error("--engine ray writes to a folder: say --results FOLDER")
    if options.results and (options.json or options.out or options.csv or options.parquet or options.yolo or options.label_studio):
        parser.error("--results is instead of --json, --out, --csv, --parquet, --yolo and --label-studio")
    if options.results and (options.min_confidence is not None or options.max_hands is not None or options.max_faces is not None):
        parser.error("--results keeps what the released minimum confidence accepts: leave out --min-confidence, --max-hands and --max-faces")
    # File names may hold bytes that are no text in this terminal's encoding; they must not end the run.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return detect(options)
    except WrongUse as error:
        parser.error(str(error))
    except (WeightsError, CannotWrite) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # `pointillist ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        kept = f" What was found so far is in {options.results}; the same command goes on from there." if options.results else ""
        print(f"\nInterrupted.{kept}", file=sys.stderr)
        return 130


def detect(options: argparse.Namespace) -> int:
    """Runs `pointillist detect`; the exit status: 0 if every photo and video was read, 1 if not."""
    paths = list(photos_in(options.photos))
    if options.results:
        return detect_many(paths, options)
    videos = {path for path in paths if is_video(path)}
    _check(options, paths, videos)
    landmarker = Landmarker(options.weights, options.threads)
    pictures = _picture_names(paths, videos)
    if options.out:
        with _pictures_into(options.out):
            options.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    limits = _limits(options)
    add_rows = _csv_file(options.csv) if options.csv and not videos else lambda name, result: None
    with _video_detection(landmarker, options) if videos else contextlib.nullcontext() as detect_video, LabelFiles(options, paths) as labels:
        for number, (path, name) in enumerate(zip(paths, distinct(map(str, paths))), 1):
            if detect_video and path in videos:
                failed += not detect_video(path, name, pictures[path])
                continue
            _progress(number, len(paths), path)
            try:
                rgb = open_photo(path)
                result = landmarker.detect(rgb, **limits)
                picture = _drawn(rgb, result) if options.out else None
            except Exception as error:  # one photo does not end a run, whatever is wrong
                failed += 1
                sentence = str(error) if isinstance(error, PhotoError) else unexpected(error)
                document, row = to_json_error(str(path), sentence), f"{path}: {sentence}"
            else:
                if picture:
                    with _pictures_into(options.out):
                        picture.save(options.out / pictures[path])
                document, row = to_json_document(str(path), result), table(str(path), result)
                add_rows(name, result)
                labels.add(number - 1, result)
            with writing("The output cannot be written", "send it to a place with room for it"):
                print(json.dumps(document) if options.json else row, flush=True)
    _progress(None, len(paths))
    if not paths:
        print(NO_PHOTO, file=sys.stderr)
    return 1 if failed or not paths else 0


def _video_detection(landmarker: Landmarker, options: argparse.Namespace) -> contextlib.AbstractContextManager:
    from .cli_video import VideoDetection  # only then: it brings FFmpeg

    return VideoDetection(landmarker, options)


def _check(options: argparse.Namespace, paths: list[Path], videos: Collection[Path]) -> None:
    """WrongUse if the options do not go with what is to be analysed."""
    if options.csv and 0 < len(videos) < len(set(paths)):
        raise WrongUse("--csv has other columns for videos than for photos: give photos or videos, not both")
    if options.parquet and len(videos) < len(set(paths)):
        raise WrongUse("--parquet is for videos; of photos say --results FOLDER")
    if videos and (options.yolo or options.label_studio):
        raise WrongUse("--yolo and --label-studio are for photos: leave them out for videos")
    if videos and _limits(options):
        raise WrongUse("--min-confidence, --max-hands and --max-faces are for photos: leave them out for videos")


def _limits(options: argparse.Namespace) -> dict:
    """Keyword arguments of Landmarker.detect; empty where no option is given."""
    limits = {}
    if options.min_confidence is not None:
        limits["min_confidence"] = dict.fromkeys(KINDS, options.min_confidence)
    if options.max_hands is not None or options.max_faces is not None:
        limits["max_count"] = {"hand": options.max_hands, "face": options.max_faces}
    return limits


def detect_many(paths: list[Path], options: argparse.Namespace) -> int:
    """Results into the folder options.results; photos that have theirs there already are left out."""
    from . import batch  # only then: pyarrow is slow to import

    engine = batch.plain
    if options.engine == "ray":
        try:
            import ray  # noqa: F401
        except ImportError:
            print("The engine ray is not installed: pip install 'pointillist[ray]'.", file=sys.stderr)
            return 2
        engine = functools.partial(batch.ray, workers=options.workers)
    try:
        results = batch.Results(options.results)
        with results.alone():
            films = {path for path in paths if is_video(path)}
            photos = [path for path in paths if path not in films]
            status = _look_at_many(batch.sources(photos), results, engine, options) if photos or not films else 0
            return max(status, _look_at_videos(batch.sources(films), options)) if films else status
    except batch.ResultsError as error:
        print(error, file=sys.stderr)
        return 1


def _look_at_many(photos: list, results, engine: Callable, options: argparse.Namespace) -> int:
    missing = results.pending(photos)
    print(f"{len(photos)} photos, {len(photos) - len(missing)} of them processed before", file=sys.stderr)
    started, count = time.perf_counter(), 0
    for documents in engine(missing, options.weights, options.threads) if missing else ():
        results.add(documents, missing)
        count += len(documents)
        _progress(count, len(missing), Path(documents[-1]["photo"]))
    _progress(None, len(missing))
    if count:
        print(f"{count / (time.perf_counter() - started):.1f} photos a second", file=sys.stderr)
    results.write_coco()
    errors = results.errors()
    failed = sum(error is not None for error in errors.values())
    print(f"{results.coco}: {len(errors) - failed} photos; {failed} could not be read", file=sys.stderr)
    if not photos:
        print(NO_PHOTO, file=sys.stderr)
    return 1 if not photos or any(errors.get(photo.name, "not processed") for photo in photos) else 0


def _look_at_videos(videos: list, options: argparse.Namespace) -> int:
    from .batch_videos import VideoResults
    from .cli_video import Progress

    results, failed = VideoResults(options.results), 0
    missing = results.pending(videos)
    print(f"{len(videos)} videos, {len(videos) - len(missing)} of them processed before", file=sys.stderr)
    if not missing:
        return 0
    landmarker = Landmarker(options.weights, options.threads)
    for video in missing:
        with Progress(video.path.name) as progress:
            note = results.look_at(video, landmarker, progress.show)
        if note:
            failed += 1
            print(f"{video.name}: {note}", file=sys.stderr)
    return 1 if failed else 0


def _pictures_into(folder: Path) -> contextlib.AbstractContextManager:
    return writing(f"Pictures cannot be written to {folder}", "say --out with a folder that you may write to and that has room")


def _csv_file(path: Path) -> Callable[[str, Result], None]:
    """Begins the file, so that one that cannot be written is reported before a photo is processed; add(name, result) appends a photo's rows."""

    def write(text: str, mode: str) -> None:
        advice = "say --csv with a file that you may write and that has room"
        with writing(f"{path} cannot be written", advice), path.open(mode, encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)

    write(to_csv([]), "w")
    return lambda name, result: write(to_csv([(name, result)], header=False), "a")


def photos_in(paths: list[Path]) -> Iterator[Path]:
    """Files as given; folders give all their photos and videos, at any depth, by name."""
    # os.path: what the system cannot say of a path, Path.is_dir() may raise. "._a.jpg" is where a Mac keeps what it knows of a.jpg.
    for path in paths:
        if os.path.isdir(path):
            photos = (file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES and not file.name.startswith("._"))
            yield from sorted(file for file in photos if os.path.isfile(file))
        else:
            yield path


def table(name: str, result: Result) -> str:
    """What a person reads about one photo: a line for the photo, one for each hand and face."""
    lines = [f"{name}: {result.width} x {result.height}, {_count(result.hands, 'hand')}, {_count(result.faces, 'face')}"]
    for hand in result.hands:
        side = f"{hand.handedness} hand ({hand.handedness_score:.0%})"
        lines.append(_row(side, hand))
    lines += [_row("face", face) for face in result.faces]
    return "\n".join(lines)


def _row(label: str, instance) -> str:
    x, y, w, h = (round(value) for value in instance.box)
    return f"  {label:<18} score {instance.score:.2f}   at {x}, {y}   size {w} x {h}   points within {instance.sigma.mean():.1f} px"


def _count(instances: tuple, word: str) -> str:
    return f"{len(instances) or 'no'} {word}{'' if len(instances) == 1 else 's'}"


def _picture_names(paths: list[Path], videos: Collection[Path] = ()) -> dict[Path, str]:
    """A file name for each annotated picture or video; those of one name from several folders are numbered."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        suffix = "mp4" if path in videos else "png"
        name, number = _picture_name(path, f"_landmarks.{suffix}"), 2
        while name.lower() in taken:
            name, number = _picture_name(path, f"_{number}_landmarks.{suffix}"), number + 1
        taken.add(name.lower())
        names[path] = name
    return names


def _picture_name(path: Path, ending: str) -> str:
    """The photo's name with another ending, cut where it would be too long for a file system."""
    stem, room = os.fsencode(path.stem), MOST_NAME - len(ending)
    return (path.stem if len(stem) <= room else stem[:room].decode(errors="ignore")) + ending


def _drawn(rgb: np.ndarray, result: Result) -> Image.Image:
    from ..output.draw import draw  # only then: drawing needs fonts and is slow to import

    return Image.fromarray(draw(rgb, result))


def _progress(number: int | None, total: int, path: Path | None = None) -> None:
    """A line that rewrites itself on a terminal; nothing when stderr goes elsewhere."""
    if total > 1 and sys.stderr.isatty():
        text = "" if number is None or path is None else f"{number}/{total} {path.name}"[:78]
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pointillist", description="Landmarks of the hands and faces in photos and videos.")
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    serving = commands.add_parser(
        "serve", help="start the app; what follows goes to `streamlit run`, such as --server.port 9000", add_help=False, allow_abbrev=False
    )
    serving.add_argument("--weights", type=Path, metavar="FILE", help="a network of one's own: an ONNX file, or the ZIP that teaching one gives")
    preparing = commands.add_parser("prepare", help="prepare another network's ONNX file for --weights")
    preparing.add_argument("weights", type=Path, metavar="FILE", help="an ONNX file as `python -m export` writes it")
    command = commands.add_parser("detect", help="detect the hands and faces in photos and videos")
    command.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="a photo or video, or a folder of them")
    command.add_argument("--json", action="store_true", help="print one JSON document per line: one for each photo, one for each frame of a video")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write an annotated PNG of each photo, an annotated MP4 of each video there")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write a CSV file: a row for each landmark of all photos, or of all frames")
    command.add_argument("--parquet", type=Path, metavar="FILE", help="videos: write a Parquet file, a row for each hand and face of each frame")
    command.add_argument("--yolo", type=Path, metavar="FOLDER", help="photos: write YOLO-pose labels there, a set of hands and one of faces")
    command.add_argument(
        "--label-studio", type=Path, metavar="FILE", help="photos: write tasks for Label Studio, and beside them the interface (FILE_interface.xml)"
    )
    command.add_argument("--min-confidence", type=_share, metavar="X", help="lowest confidence of a hand or face, 0 to 1 (default: the released)")
    command.add_argument("--max-hands", type=_most, metavar="N", help="only the N most confident hands of a photo")
    command.add_argument("--max-faces", type=_most, metavar="N", help="only the N most confident faces of a photo")
    command.add_argument("--results", type=Path, metavar="FOLDER", help="many photos: Parquet and coco.json; resumable")
    command.add_argument("--engine", choices=["plain", "ray"], default="plain", help="ray: several processes")
    command.add_argument("--workers", type=_count_of, default=2, metavar="N", help="processes of the engine ray (default: 2)")
    command.add_argument("--weights", type=Path, metavar="FILE", help="another ONNX file than the one that comes along")
    command.add_argument("--threads", type=_count_of, metavar="N", help="CPU threads (default: all, at most 4)")
    return parser


def _count_of(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"give a whole number from 1 to {MOST_THREADS}, not '{text[:40]}'")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # NaN too
        raise argparse.ArgumentTypeError(f"give a number from 0 to 1, not '{text[:40]}'")
    return value


def _most(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"give a whole number, 0 or more, not '{text[:40]}'")
    return int(text[:9])


def _version() -> str:
    try:
        return version("pointillist")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
