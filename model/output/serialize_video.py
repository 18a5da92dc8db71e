"""What was found in a video as files: JSON lines, CSV and Parquet. Units and frame as in result.py (pixels of the upright frame).

All are made of one document for each frame, while the video is analysed: no more than some seconds of it are in memory.
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from ..runtime.geometry import roi_from_points
from ..runtime.result import Face, Hand, Result
from ..runtime.topology import POINT_NAMES
from ..video.tracks import TrackedFrame, instances_of, number_of
from .serialize import to_json_document

CSV_COLUMNS = ("video", "frame", "time", "track", "kind", "score", "handedness", "handedness_score", "point", "name", "x", "y", "z", "sigma")
_LISTS = {"hand": "hands", "face": "faces"}  # kind -> its list in a document
_INSTANCE = ("track", "handedness", "handedness_score", "score", "box", "landmarks", "ibug68", "sigma", "fingertip_speed")
ROWS = 300  # of Parquet that are kept until they are written together


def to_frame_document(name: str, frame: TrackedFrame) -> dict:
    """What `pointillist detect --json` prints for one frame of a video: that of a photo, with `frame` (its number, from 0), `time`
    (seconds since the first frame) and the `track` of each hand and face; `fingertip_speed` of a hand in pixels a second, or null."""
    photo = to_json_document(name, frame.result)
    document: dict[str, Any] = {"video": photo.pop("photo"), "frame": frame.number, "time": round(frame.seconds, 4), **photo}
    for instance, entry in zip(instances_of(frame.result), [*document["hands"], *document["faces"]]):
        entry["track"] = number_of(instance)
    for entry in document["hands"]:
        speed = frame.speeds.get(entry["track"])
        entry["fingertip_speed"] = None if speed is None else round(speed, 2)
    return document


def to_video_error(name: str, message: str) -> dict:
    """The document of a video that could not be read, or not all of it."""
    return {"video": name, "error": message}


def to_csv_rows(document: dict) -> str:
    """CSV, without header, of a frame's document: one row per point of every hand and face. A name that a spreadsheet would take for a
    formula is preceded by an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    name = document["video"]
    name = f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
    for kind, instances in _LISTS.items():
        for instance in document[instances]:
            side = instance.get("handedness", ""), instance.get("handedness_score", "")
            head = name, document["frame"], document["time"], instance["track"], kind, instance["score"], *side
            points = zip(POINT_NAMES[kind], instance["landmarks"], instance["sigma"])
            writer.writerows((*head, place, label, *xyz, sigma) for place, (label, xyz, sigma) in enumerate(points))
    return text.getvalue()


class JsonLines:
    """Writes one document a line, UTF-8."""

    def __init__(self, file: IO[bytes]):
        self._file = file

    def add(self, document: dict) -> None:
        """Writes a frame's document as one line."""
        self._file.write(json.dumps(document).encode() + b"\n")

    def close(self) -> None:
        """Nothing is kept back."""


class CsvFile:
    """Writes to_csv_rows of each document, UTF-8; the names of the columns before them."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        file.write(",".join(CSV_COLUMNS).encode() + b"\n")

    def add(self, document: dict) -> None:
        """Writes the rows of a frame's document."""
        self._file.write(to_csv_rows(document).encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Nothing is kept back."""


class ParquetFile:
    """Writes one row per hand and face of a frame. close() makes the file complete, and leaves `file` open.

    metadata: kept in the file, beside what Parquet tells of itself.
    """

    def __init__(self, file: IO[bytes], metadata: dict[str, str] | None = None):
        import pyarrow.parquet as pq  # only then: it is slow to import

        self._schema = _schema().with_metadata(metadata)
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict] = []

    def add(self, document: dict) -> None:
        """Takes the rows of a frame's document; they are written some thousand at a time."""
        for kind, instances in _LISTS.items():
            head = {"video": document["video"], "frame": document["frame"], "time": document["time"], "kind": kind}
            self._rows += [head | instance for instance in document[instances]]
        if len(self._rows) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []

    def close(self) -> None:
        """Writes the last rows and ends the file."""
        self._flush()
        self._writer.close()


def _schema():
    import pyarrow as pa

    numbers, points = pa.list_(pa.float32()), pa.list_(pa.list_(pa.float32()))
    columns = {"video": pa.string(), "frame": pa.int32(), "time": pa.float64(), "track": pa.int32(), "kind": pa.string(), "handedness": pa.string()}
    columns |= {"handedness_score": pa.float32(), "score": pa.float32(), "fingertip_speed": pa.float32(), "box": numbers}
    return pa.schema(list((columns | {"landmarks": points, "sigma": numbers, "ibug68": points}).items()))


def documents(file: IO[bytes], name: str, size: tuple[int, int], seconds: list[float]) -> Iterator[dict]:
    """The frames' documents that a ParquetFile was made of. size: width and height; seconds: of each frame, those without a hand or face too."""
    import pyarrow.parquet as pq

    rows = _rows(pq.ParquetFile(file))
    row = next(rows, None)
    for number, time in enumerate(seconds):
        document = _empty(name, size, number, time)
        while row is not None and row["frame"] == number:
            document[_LISTS[row["kind"]]].append(_instance(row))
            row = next(rows, None)
        yield document


def _empty(name: str, size: tuple[int, int], number: int, seconds: float) -> dict[str, Any]:
    return {"video": name, "frame": number, "time": round(seconds, 4), "width": size[0], "height": size[1], "hands": [], "faces": []}


def document_at(file: IO[bytes], name: str, size: tuple[int, int], number: int, seconds: float) -> dict:
    """The document of one frame, of those that `documents` gives."""
    import pyarrow.parquet as pq

    document = _empty(name, size, number, seconds)
    for row in pq.read_table(file, filters=[("frame", "==", number)]).to_pylist():
        document[_LISTS[row["kind"]]].append(_instance(row))
    return document


def to_result(document: dict) -> Result:
    """A frame's document as a result again: points with two digits, ROIs as the next frame would have them."""
    hands = tuple(Hand(**_fields(each, "hand"), handedness=each["handedness"], handedness_score=each["handedness_score"]) for each in document["hands"])
    faces = tuple(Face(**_fields(each, "face"), ibug68=np.array(each["ibug68"], np.float32)) for each in document["faces"])
    return Result(document["width"], document["height"], hands, faces, {})


def _fields(entry: dict, kind: str) -> dict[str, Any]:
    landmarks = np.array(entry["landmarks"], np.float32)
    known = {"score": entry["score"], "box": tuple(entry["box"]), "sigma": np.array(entry["sigma"], np.float32)}
    return known | {"landmarks": landmarks, "roi": roi_from_points(kind, landmarks)}


def _rows(parquet) -> Iterator[dict]:
    for group in range(parquet.num_row_groups):
        yield from parquet.read_row_group(group).to_pylist()


def _instance(row: dict) -> dict:
    """A hand or face as a document has it: numbers of 32 bits get their two or four digits back."""
    absent = ("ibug68",) if row["kind"] == "hand" else ("handedness", "handedness_score", "fingertip_speed")
    own = [name for name in _INSTANCE if name not in absent]
    return {name: _rounded(row[name], 4 if name in ("score", "handedness_score") else 2) for name in own}


def _rounded(value, digits: int):
    if isinstance(value, list):
        return [_rounded(each, digits) for each in value]
    return round(value, digits) if isinstance(value, float) else value
