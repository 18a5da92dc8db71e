"""The files of a video that a visitor can take home. CSV and JSON are made of the table while they are sent."""

import io
import json
from collections.abc import Callable, Iterator

from model.output.serialize_video import CSV_COLUMNS, documents, to_csv_rows
from pages.parts.album.clip import Clip

TYPES = {"mp4": "video/mp4", "csv": "text/csv", "parquet": "application/vnd.apache.parquet", "jsonl": "application/jsonl"}


def pieces(clip: Clip, suffix: str) -> Iterator[bytes]:
    """The file of this ending (TYPES), piece by piece."""
    makers: dict[str, Callable[[], Iterator[bytes]]] = {
        "mp4": lambda: iter([clip.drawing]),
        "parquet": lambda: iter([clip.table]),
        "csv": lambda: _csv(clip),
        "jsonl": lambda: ((json.dumps(document, ensure_ascii=False) + "\n").encode() for document in _documents(clip)),
    }
    return makers[suffix]()


def file_name(clip: Clip, suffix: str) -> str:
    """The name of a file made of the video."""
    return f"{clip.stem}_landmarks.{suffix}"


def _csv(clip: Clip) -> Iterator[bytes]:
    yield ",".join(CSV_COLUMNS).encode() + b"\n"
    for document in _documents(clip):
        if rows := to_csv_rows(document):
            yield rows.encode()


def _documents(clip: Clip) -> Iterator[dict]:
    return documents(io.BytesIO(clip.table), clip.label, clip.size_px, list(clip.timeline.seconds))
