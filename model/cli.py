"""The command `pointillist`: landmarks of photos on the command line."""

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PIL import Image

from model.formats import to_json_document, to_json_error
from model.landmarker import Landmarker, WeightsError
from model.photo import SUFFIXES, PhotoError, open_photo
from model.result import Result


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 = all photos were read, 1 = some were not (or the weights could not be loaded), 2 = wrong use."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.engine == "ray" and not options.results:
        parser.error("--engine ray writes to a folder: say --results FOLDER")
    if options.results and (options.json or options.out):
        parser.error("--results is instead of --json and --out")
    # File names may hold bytes that are no text in this terminal's encoding; they must not end the run.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return detect(options)
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # `pointillist ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def detect(options: argparse.Namespace) -> int:
    paths = list(photos_in(options.photos))
    if options.results:
        return detect_many(paths, options)
    landmarker = Landmarker(options.weights, options.threads)
    pictures = _picture_names(paths)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for number, path in enumerate(paths, 1):
        _progress(number, len(paths), path)
        try:
            rgb = open_photo(path)
            result = landmarker.detect(rgb)
            if options.out:
                _annotate(rgb, result, options.out / pictures[path])
        except PhotoError as error:
            failed += 1
            document, row = to_json_error(str(path), str(error)), f"{path}: {error}"
        else:
            document, row = to_json_document(str(path), result), table(str(path), result)
        print(json.dumps(document) if options.json else row, flush=True)
    _progress(None, len(paths))
    if not paths:
        print("No photo found in the given folders.", file=sys.stderr)
    return 1 if failed or not paths else 0


def detect_many(paths: list[Path], options: argparse.Namespace) -> int:
    """Results into the folder options.results; photos that have theirs there already are left out."""
    from model import bulk  # only then: pyarrow is slow to import

    results = bulk.Results(options.results)
    done = results.names()
    missing = [path for path in paths if bulk.name_of(path) not in done]
    print(f"{len(paths)} photos, {len(paths) - len(missing)} of them looked at before", file=sys.stderr)
    engine = bulk.plain
    if options.engine == "ray":
        try:
            import ray  # noqa: F401
        except ImportError:
            print("The engine ray is not installed: pip install 'pointillist[ray]'.", file=sys.stderr)
            return 2
        engine = functools.partial(bulk.ray, workers=options.workers)
    started, count = time.perf_counter(), 0
    for documents in engine(missing, options.weights, options.threads) if missing else ():
        results.add(documents)
        count += len(documents)
        _progress(count, len(missing), Path(documents[-1]["photo"]))
    _progress(None, len(missing))
    if count:
        print(f"{count / (time.perf_counter() - started):.1f} photos a second", file=sys.stderr)
    failed = sum("error" in document for document in results.documents())
    results.write_coco()
    print(f"{results.coco}: {len(results.names()) - failed} photos; {failed} could not be read", file=sys.stderr)
    return 1 if failed or not paths else 0


def photos_in(paths: list[Path]) -> Iterator[Path]:
    """Files as given; folders give all their photos, at any depth, by name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
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


def _row(label: str, thing) -> str:
    x, y, w, h = (round(value) for value in thing.box)
    return f"  {label:<18} score {thing.score:.2f}   at {x}, {y}   size {w} x {h}   points within {thing.sigma.mean():.1f} px"


def _count(things: tuple, word: str) -> str:
    return f"{len(things) or 'no'} {word}{'' if len(things) == 1 else 's'}"


def _picture_names(paths: list[Path]) -> dict[Path, str]:
    """A file name for each annotated picture; photos of one name from several folders are numbered."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        name, number = f"{path.stem}_landmarks.png", 2
        while name.lower() in taken:
            name, number = f"{path.stem}_{number}_landmarks.png", number + 1
        taken.add(name.lower())
        names[path] = name
    return names


def _annotate(rgb, result: Result, path: Path) -> None:
    from model.draw import draw  # only then: drawing needs fonts and is slow to import

    Image.fromarray(draw(rgb, result)).save(path)


def _progress(number: int | None, total: int, path: Path | None = None) -> None:
    """A line that rewrites itself on a terminal; nothing when stderr goes elsewhere."""
    if total > 1 and sys.stderr.isatty():
        text = "" if number is None else f"{number}/{total} {path.name}"[:78]
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pointillist", description="Landmarks of the hands and faces in photos.")
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("detect", help="find the hands and faces in photos")
    command.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="a photo, or a folder of photos")
    command.add_argument("--json", action="store_true", help="print one JSON document per line and photo")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write an annotated PNG of each photo there")
    command.add_argument("--results", type=Path, metavar="FOLDER", help="many photos: Parquet and coco.json; resumable")
    command.add_argument("--engine", choices=["plain", "ray"], default="plain", help="ray: several processes")
    command.add_argument("--workers", type=_at_least_one, default=2, metavar="N", help="processes of the engine ray (default: 2)")
    command.add_argument("--weights", type=Path, metavar="FILE", help="another ONNX file than the one that comes along")
    command.add_argument("--threads", type=_at_least_one, metavar="N", help="CPU threads (default: all, at most 4)")
    return parser


def _at_least_one(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _version() -> str:
    try:
        return version("pointillist")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
