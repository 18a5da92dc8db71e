"""Very many photos: engines that process them, and a folder of results that an interrupted run is continued from.

The folder holds parquet/ (one row per photo: the JSON document of serialize.py as columns, beside what the photo is known by) and,
when a run has come to its end, coco.json over all of them. pyarrow comes with Streamlit.
"""

import contextlib
import functools
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ..output.serialize import coco_annotations, coco_frame, coco_image, from_json_document, to_json_document, to_json_error, unexpected
from ..photo.image_file import PhotoError, open_photo, reason
from ..runtime.landmarker import Landmarker

BATCH = 16  # photos between two writes: what an interruption costs at most, for each worker

_NUMBERS, _POINTS = pa.list_(pa.float64()), pa.list_(pa.list_(pa.float64()))
_FOUND = [("score", pa.float64()), ("box", _NUMBERS), ("landmarks", _POINTS), ("sigma", _NUMBERS)]
SCHEMA = pa.schema(
    [
        ("photo", pa.string()),  # its absolute path
        ("bytes", pa.int64()),  # these two are of the file that was processed; null if there was none
        ("modified_ns", pa.int64()),
        ("again", pa.bool_()),  # true: the error was not the file's fault, so the next run processes it again
        ("width", pa.int32()),  # null where there is an error, as are the following
        ("height", pa.int32()),
        ("hands", pa.list_(pa.struct([("handedness", pa.string()), ("handedness_score", pa.float64()), *_FOUND]))),
        ("faces", pa.list_(pa.struct([*_FOUND, ("ibug68", _POINTS)]))),
        ("error", pa.string()),
    ]
)


class ResultsError(RuntimeError):
    """The folder of results cannot be used, or an engine has failed; its text is one plain sentence."""


@dataclass(frozen=True)
class Source:
    """A photo to process, identified by its absolute path, size and time: another file of the same name is another photo."""

    name: str  # the path as text that any file format takes, whatever bytes are in it
    path: Path
    bytes: int | None
    modified_ns: int | None


def sources(paths: Iterable[Path]) -> list[Source]:
    """Each once, however often and by whatever path it is named."""
    found: dict[str, Source] = {}
    for path in paths:
        size: int | None
        modified: int | None
        path = _real_folder(path.parent) / path.name
        try:
            status = os.stat(path)
            size, modified = status.st_size, status.st_mtime_ns
        except (OSError, ValueError):
            size = modified = None  # opening it will say why
        name = name_of(path)
        found[name] = Source(name, path, size, modified)
    return list(found.values())


@functools.lru_cache(maxsize=1000)
def _real_folder(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


class Results:
    """The folder of results, one row per photo. add() may be interrupted at any moment: a part is there as a whole or not at all."""

    def __init__(self, folder: Path):
        self.coco = folder / "coco.json"
        self._folder = folder
        self._parquet = folder / "parquet"
        self._next: int | None = None  # number of the next part
        with self._writing():
            self._parquet.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other runs out while the body runs; ResultsError if another one is at work."""
        lock = filelock.FileLock(self._folder / ".lock")
        with self._writing():
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                raise ResultsError(f"Another run is writing to {self._folder}: wait until it has ended, or choose another folder.") from None
        try:
            yield
        finally:
            lock.release()

    @property
    def parts(self) -> list[Path]:
        """The Parquet files that hold rows."""
        return [Path(file) for file in ds.dataset(self._parquet, schema=SCHEMA, format="parquet").files]

    def pending(self, photos: Iterable[Source]) -> list[Source]:
        """Those of the photos that must be processed: new ones, ones that have changed, and ones that could not be read for a reason
        that may have passed. Their old rows go."""
        wanted = {photo.name: photo for photo in photos}
        stale = set()
        for row in self._rows(["photo", "bytes", "modified_ns", "again"]):
            if photo := wanted.get(row["photo"]):
                if row["again"] or (row["bytes"], row["modified_ns"]) != (photo.bytes, photo.modified_ns):
                    stale.add(photo.name)
                else:
                    del wanted[photo.name]
        self._forget(stale)
        return list(wanted.values())

    def add(self, documents: list[dict], photos: Iterable[Source] = ()) -> None:
        """The documents of document(), and the photos that they are of."""
        known_by = {photo.name: {"bytes": photo.bytes, "modified_ns": photo.modified_ns} for photo in photos}
        if self._next is None:
            self._next = max((int(part.stem[5:]) for part in self.parts if part.stem[5:].isdigit()), default=-1) + 1
        rows = [document | known_by.get(document["photo"], {}) for document in documents]
        self._write(pa.Table.from_pylist(rows, SCHEMA), self._parquet / f"part-{self._next:05d}.parquet")
        self._next += 1

    def documents(self) -> Iterator[dict]:
        """All of them, as `pointillist detect --json` prints them."""
        names = [name for name in SCHEMA.names if name not in ("bytes", "modified_ns", "again")]
        for row in self._rows(names):
            yield {name: value for name, value in row.items() if value is not None}

    def errors(self) -> dict[str, str | None]:
        """All photos, and why they could not be read."""
        return {row["photo"]: row["error"] for row in self._rows(["photo", "error"])}

    def write_coco(self) -> None:
        """All photos that could be read, by name. Only their names are in memory, one part's points at a time."""
        sizes = [row for row in self._rows(["photo", "width", "height", "error"]) if row["error"] is None]
        sizes.sort(key=lambda row: row["photo"])
        ids = {row["photo"]: number for number, row in enumerate(sizes, 1)}
        images = (coco_image(ids[row["photo"]], row["photo"], row["width"], row["height"]) for row in sizes)
        unfinished = self.coco.with_suffix(".unfinished")
        with self._writing(unfinished):
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(json.dumps(coco_frame())[:-1])
                _write_list(file, "images", images)
                _write_list(file, "annotations", self._annotations(ids))
                file.write("}\n")
            unfinished.replace(self.coco)

    def _annotations(self, ids: dict[str, int]) -> Iterator[dict]:
        last = 0
        for found in self.documents():
            if "error" not in found:
                annotations = coco_annotations(ids[found["photo"]], from_json_document(found), last + 1)
                last += len(annotations)
                yield from annotations

    def _rows(self, columns: list[str]) -> Iterator[dict]:
        """One part after the other is in memory."""
        for part in self.parts:
            yield from self._read(part, columns).to_pylist()

    def _read(self, part: Path, columns: list[str]) -> pa.Table:
        try:
            with pq.ParquetFile(part) as file:
                return file.read(columns).cast(pa.schema([SCHEMA.field(name) for name in columns]))
        except (OSError, ValueError) as error:  # pyarrow's own are of these kinds
            if isinstance(error, OSError) and error.errno:
                raise ResultsError(f"{part} cannot be read ({reason(error)}): put that right and start again.") from None
            raise ResultsError(f"{part} is damaged or of another version: remove this file and start again, its photos are then processed again.") from None

    def _forget(self, names: set[str]) -> None:
        for part in self.parts if names else ():
            kept = [photo not in names for photo in self._read(part, ["photo"])["photo"].to_pylist()]
            if not any(kept):
                with self._writing():
                    part.unlink()
            elif not all(kept):
                self._write(self._read(part, SCHEMA.names).filter(pa.array(kept)), part)

    def _write(self, table: pa.Table, part: Path) -> None:
        unfinished = self._parquet / "_unfinished"  # readers leave out what begins with an underscore
        with self._writing(unfinished):
            pq.write_table(table, unfinished, compression="zstd")
            unfinished.replace(part)

    @contextlib.contextmanager
    def _writing(self, unfinished: Path | None = None) -> Iterator[None]:
        """What the system has against it becomes a ResultsError; an unfinished file goes, for the disk may be full."""
        try:
            yield
        except OSError as error:
            if unfinished:
                with contextlib.suppress(OSError):
                    unfinished.unlink(missing_ok=True)
            raise ResultsError(
                f"Results cannot be written to {self._folder} ({reason(error)}): make room or choose another folder, then start again."
            ) from None


def _write_list(file: TextIO, key: str, items: Iterable[dict]) -> None:
    """One more entry of the JSON object that is being written: its list is never in memory."""
    file.write(f', "{key}": [')
    for number, item in enumerate(items):
        file.write((",\n" if number else "\n") + json.dumps(item))
    file.write("]")


def name_of(path: Path) -> str:
    """The path as text that any file format takes, whatever bytes are in it."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def plain(photos: Iterable[Source], weights: Path | None, threads: int | None) -> Iterator[list[dict]]:
    """The documents of the photos, BATCH by BATCH, one after the other in this process."""
    landmarker = Landmarker(weights, threads)
    waiting = iter(photos)
    while batch := list(islice(waiting, BATCH)):
        yield [document(photo.name, photo.path, landmarker) for photo in batch]


def document(name: str, path: Path, landmarker: Landmarker) -> dict:
    """The photo's JSON document; where there is an error, with `again`. One photo does not end a run, whatever is wrong."""
    try:
        return to_json_document(name, landmarker.detect(open_photo(path)))
    except PhotoError as error:
        return to_json_error(name, str(error)) | {"again": error.again}
    except Exception as error:
        return to_json_error(name, unexpected(error)) | {"again": True}


class Worker:
    """Processes photos in a process of its own, with one session for all of them."""

    def __init__(self, weights: str | None, threads: int):
        self._landmarker = Landmarker(weights, threads)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The photos' documents as JSON texts, in the batch's order."""
        photos = zip(batch["name"], batch["path"])
        texts = [json.dumps(document(str(name), Path(os.fsdecode(path)), self._landmarker)) for name, path in photos]
        return {"document": np.array(texts, dtype=object)}


def ray(photos: Iterable[Source], weights: Path | None, threads: int | None, workers: int) -> Iterator[list[dict]]:
    """The same from `workers` actors of Ray Data, in no particular order. Needs the extra `ray`.

    On a cluster (RAY_ADDRESS says which) the photos and the weights must have the same paths on all machines; otherwise
    the workers are processes of this machine.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers
    import ray as framework

    Landmarker(weights, 1)  # weights that cannot be loaded are reported here in one sentence, not by every worker
    local: dict[str, Any] = {
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": 256 << 20,  # only paths and documents go through it
        "runtime_env": {"env_vars": {"PYTHONPATH": str(Path(__file__).parents[2])}},
    }
    framework.init(log_to_driver=False, logging_level=logging.ERROR, **({} if os.environ.get("RAY_ADDRESS") else local))
    try:
        framework.data.DataContext.get_current().enable_progress_bars = False
        items = [{"name": photo.name, "path": os.fsencode(photo.path)} for photo in photos]
        analysed = framework.data.from_items(items, override_num_blocks=max(-(-len(items) // BATCH), 1)).map_batches(
            Worker,
            fn_constructor_args=(None if weights is None else str(weights.absolute()), threads or 1),
            concurrency=workers,
            batch_size=BATCH,
            num_cpus=1,
        )
        for batch in analysed.iter_batches(batch_size=None):
            yield [json.loads(text) for text in batch["document"]]
    except framework.exceptions.RayError as error:
        raise ResultsError(f"A worker of Ray ended before its time ({type(error).__name__}): start again with fewer workers.") from error
    finally:
        framework.shutdown()
