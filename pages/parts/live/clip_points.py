"""The points of a clip that the visitor's browser records from the server's stream: kept in memory until the next clip."""

import json
import threading
import zlib

from model import Result
from model.constants import CONSTANTS
from model.output.serialize_video import CSV_COLUMNS, to_csv_rows, to_frame_document
from model.video.tracks import TrackedFrame

MOST_SECONDS: int = CONSTANTS["clip"]["most_seconds"] + 5  # the browser ends the clip; its word takes a moment
MOST_BYTES = 20_000_000  # compressed; a minute of one face and two hands takes about half of it


class ClipPoints:
    """Takes in the results of one visitor's frames from any thread, while `recording` is set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recording = False
        self._documents: list[bytes] = []  # a frame's document each, compressed
        self._size = 0
        self._began = 0.0  # the first frame's time

    def __len__(self) -> int:
        """Frames of the clip."""
        return len(self._documents)

    @property
    def recording(self) -> bool:
        """Whether a clip is being recorded."""
        return self._recording

    @recording.setter
    def recording(self, wanted: bool) -> None:
        """The clip before is dropped when a new one begins."""
        with self._lock:
            if wanted and not self._recording:
                self._documents, self._size = [], 0
            self._recording = wanted

    def add(self, result: Result, seconds: float) -> None:
        """One frame's tracked hands and faces, in pixels of the unmirrored picture; seconds: its time in the stream."""
        if not self._recording:
            return
        with self._lock:
            if not self._documents:
                self._began = seconds
            elapsed = seconds - self._began
            if not 0 <= elapsed <= MOST_SECONDS or self._size > MOST_BYTES:
                return
            document = to_frame_document("pointillist", TrackedFrame(len(self._documents), elapsed, result, {}))
            self._documents.append(zlib.compress(json.dumps(document).encode(), 1))
            self._size += len(self._documents[-1])

    def json_lines(self) -> bytes:
        """A document per frame, as the command line writes for a video."""
        return b"".join(zlib.decompress(document) + b"\n" for document in self._documents)

    def csv(self) -> bytes:
        """A row per landmark and frame."""
        rows = (to_csv_rows(json.loads(zlib.decompress(document))).encode() for document in self._documents)
        return b"".join((",".join(CSV_COLUMNS).encode() + b"\n", *rows))
