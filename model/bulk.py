"""Very many photos: engines that look at them, and a folder of results that an interrupted run is continued from.

The folder holds parquet/ (part-00000.parquet ...; one row per photo: the JSON document of formats.py as columns) and, when a
run has come to its end, coco.json over all of them. pyarrow comes with Streamlit.
"""

import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from model.formats import to_coco, to_json_document, to_json_error
from model.landmarker import Landmarker
from model.photo import PhotoError, open_photo

BATCH = 16  # photos between two writes: what an interruption costs at most, for each worker

_NUMBERS, _POINTS = pa.list_(pa.float64()), pa.list_(pa.list_(pa.float64()))
_FOUND = [("score", pa.float64()), ("box", _NUMBERS), ("landmarks", _POINTS), ("sigma", _NUMBERS)]
SCHEMA = pa.schema(
    [
        ("photo", pa.string()),
        ("width", pa.int32()),  # null where there is an error, as are the following
        ("height", pa.int32()),
        ("hands", pa.list_(pa.struct([("handedness", pa.string()), ("handedness_score", pa.float64()), *_FOUND]))),
        ("faces", pa.list_(pa.struct([*_FOUND, ("ibug68", _POINTS)]))),
        ("error", pa.string()),
    ]
)


class Results:
    """The folder of results. add() may be interrupted at any moment: a part is there as a whole or not at all."""

    def __init__(self, folder: Path):
        self.coco = folder / "coco.json"
        self._parquet = folder / "parquet"
        self._parquet.mkdir(parents=True, exist_ok=True)

    @property
    def parts(self) -> list[Path]:
        return sorted(self._parquet.glob("part-*.parquet"))

    def names(self) -> set[str]:
        """The photos that have been looked at."""
        return {name for part in self.parts for name in pq.read_table(part, columns=["photo"])["photo"].to_pylist()}

    def add(self, documents: list[dict]) -> None:
        number = int(self.parts[-1].stem.removeprefix("part-")) + 1 if self.parts else 0
        unfinished = self._parquet / "_unfinished"  # readers leave out what begins with an underscore
        pq.write_table(pa.Table.from_pylist(documents, SCHEMA), unfinished, compression="zstd")
        unfinished.replace(self._parquet / f"part-{number:05d}.parquet")

    def documents(self) -> Iterator[dict]:
        """All of them, as `pointillist detect --json` prints them."""
        for part in self.parts:
            for row in pq.read_table(part).to_pylist():
                yield {name: value for name, value in row.items() if value is not None}

    def write_coco(self) -> None:
        """All photos that could be read, by name."""
        read = sorted((found for found in self.documents() if "error" not in found), key=lambda found: found["photo"])
        unfinished = self.coco.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(to_coco((found["photo"], _as_result(found)) for found in read)))
        unfinished.replace(self.coco)


def name_of(path: Path) -> str:
    """The path as text that any file format takes, whatever bytes are in it."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def plain(paths: Iterable[Path], weights: Path | None, threads: int | None) -> Iterator[list[dict]]:
    """The documents of the photos, BATCH by BATCH, one after the other in this process."""
    landmarker = Landmarker(weights, threads)
    waiting = iter(paths)
    while batch := list(islice(waiting, BATCH)):
        yield [document(name_of(path), path, landmarker) for path in batch]


def document(name: str, path: Path, landmarker: Landmarker) -> dict:
    try:
        return to_json_document(name, landmarker.detect(open_photo(path)))
    except PhotoError as error:
        return to_json_error(name, str(error))


class Worker:
    """Looks at photos in a process of its own, with one session for all of them."""

    def __init__(self, weights: str | None, threads: int):
        self._landmarker = Landmarker(weights, threads)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        photos = zip(batch["name"], batch["path"])
        texts = [json.dumps(document(str(name), Path(os.fsdecode(path)), self._landmarker)) for name, path in photos]
        return {"document": np.array(texts, dtype=object)}


def ray(paths: Iterable[Path], weights: Path | None, threads: int | None, workers: int) -> Iterator[list[dict]]:
    """The same from `workers` actors of Ray Data, in no particular order. Needs the extra `ray`.

    On a cluster (RAY_ADDRESS says which) the photos and the weights must have the same paths on all machines; otherwise
    the workers are processes of this machine.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers
    import ray as framework

    Landmarker(weights, 1)  # weights that cannot be loaded are told from here in one sentence, not by every worker
    local = {
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": 256 << 20,  # only paths and documents go through it
        "runtime_env": {"env_vars": {"PYTHONPATH": str(Path(__file__).parents[1])}},
    }
    framework.init(log_to_driver=False, logging_level="ERROR", **({} if os.environ.get("RAY_ADDRESS") else local))
    try:
        framework.data.DataContext.get_current().enable_progress_bars = False
        items = [{"name": name_of(path), "path": os.fsencode(path.absolute())} for path in paths]
        looked_at = framework.data.from_items(items, override_num_blocks=max(-(-len(items) // BATCH), 1)).map_batches(
            Worker,
            fn_constructor_args=(None if weights is None else str(weights.absolute()), threads or 1),
            concurrency=workers,
            batch_size=BATCH,
            num_cpus=1,
        )
        for batch in looked_at.iter_batches(batch_size=None):
            yield [json.loads(text) for text in batch["document"]]
    finally:
        framework.shutdown()


def _as_result(found: dict) -> SimpleNamespace:
    """What to_coco reads of a Result."""

    def things(kind: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(**thing | {"landmarks": np.array(thing["landmarks"])}) for thing in found[kind]]

    return SimpleNamespace(width=found["width"], height=found["height"], hands=things("hands"), faces=things("faces"))
