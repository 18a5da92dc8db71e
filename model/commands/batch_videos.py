"""Videos in a folder of results: videos/ holds a Parquet file for each, with a row for each hand and face of each frame.

Beside the rows the file holds what the video is known by; so a run that is started again leaves out what it has, and analyses anew a video
that has changed.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ..output.serialize_video import ParquetFile
from ..output.video_pipeline import follow
from ..photo.image_file import reason
from ..runtime.landmarker import Landmarker
from ..video.timeline import Timeline
from ..video.video_file import Video
from ..video.video_limits import VideoError
from .batch import ResultsError, Source

MOST_STEM = 200  # bytes of the video's name in that of its file


class VideoResults:
    """The videos of one folder of results."""

    def __init__(self, folder: Path):
        self.folder = folder / "videos"

    def file_of(self, video: Source) -> Path:
        """Two videos of one name from two folders have two files."""
        stem = video.name.replace("\\", "/").rsplit("/", 1)[-1].encode()[:MOST_STEM].decode(errors="ignore")
        return self.folder / f"{stem}-{hashlib.sha256(video.name.encode()).hexdigest()[:12]}.parquet"

    def pending(self, videos: Sequence[Source]) -> list[Source]:
        """Those that have no file yet, or have changed since."""
        return [video for video in videos if _known_by(self.file_of(video)) != _identity(video)]

    def look_at(self, video: Source, landmarker: Landmarker, shown: Callable = lambda frame, video: None) -> str | None:
        """Writes the video's file, which is there as a whole or not at all; a sentence if the video could not be read, or not to its end.
        Of one that could not be read at all there is no file, so that the next run tries again. shown(frame, video) is called after each
        frame. Raises ResultsError if nothing can be written."""
        unfinished = self.folder / "_unfinished"  # readers leave out what begins with an underscore
        try:
            with Video(video.path) as opened:
                self.folder.mkdir(parents=True, exist_ok=True)
                known_by = {**_identity(video), "width": str(opened.width), "height": str(opened.height)}
                with unfinished.open("wb") as file, contextlib.closing(ParquetFile(file, known_by)) as rows:
                    for frame in follow(video.name, opened, landmarker, Timeline(), [rows]):
                        shown(frame, opened)
                unfinished.replace(self.file_of(video))
                return opened.note
        except VideoError as error:
            return str(error)
        except OSError as error:
            raise ResultsError(f"Results cannot be written to {self.folder} ({reason(error)}): make room or choose another folder, then start again.") from None
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)


def _identity(video: Source) -> dict[str, str]:
    return {"video": video.name, "bytes": str(video.bytes), "modified_ns": str(video.modified_ns)}


def _known_by(file: Path) -> dict[str, str] | None:
    """What the video was known by when the file was made; None if there is none, or it is damaged."""
    import pyarrow.parquet as pq

    try:
        kept = pq.read_schema(file).metadata or {}
    except (OSError, ValueError):  # pyarrow's own are of these kinds
        return None
    return {name: kept.get(name.encode(), b"").decode() for name in ("video", "bytes", "modified_ns")}
