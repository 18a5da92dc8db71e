"""The photos and videos in a ZIP that a visitor has dropped: read one by one, within limits, so that no archive fills the memory."""

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from model.constants import CONSTANTS
from model.photo.image_file import MOST_BYTES, SUFFIXES
from model.video.media_type import VIDEO_SUFFIXES

MOST_DIRECTORY: int = CONSTANTS["archive"]["most_directory"]
MOST_UNPACKED: int = CONSTANTS["archive"]["most_unpacked"]
_END = b"PK\x05\x06"  # of the record that ends a ZIP
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may take gigabytes for their dictionary

NO_PHOTO, LARGE, ENCRYPTED, UNUSUAL, DAMAGED = "no photo or video", "too large", "encrypted", "packed in an unusual way", "damaged"


def is_archive(content: bytes) -> bool:
    """Whether a file with this content is a ZIP."""
    return content.startswith((b"PK\x03\x04", _END))


class Archive:
    """One ZIP. What is skipped is counted by its reason."""

    def __init__(self, content: bytes):
        self._content = content
        self._skipped: Counter[str] = Counter()
        self._sentence = ""  # instead of what is skipped: why the archive, or its rest, cannot be used

    def photos(self) -> Iterator[tuple[str, bytes]]:
        """Path in the archive and content of each photo and video, in the archive's order; one at a time is in memory."""
        if _directory_size(self._content) > MOST_DIRECTORY:
            self._sentence = "The ZIP holds too many files, or says so: nothing of it was taken in."
            return
        try:
            archive = zipfile.ZipFile(io.BytesIO(self._content))
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            self._sentence = "The ZIP is damaged: nothing of it could be taken in."
            return
        unpacked = 0
        with archive:
            for member in archive.infolist():
                path = PurePosixPath(member.filename)
                if member.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
                    continue  # folders, and what systems keep for themselves
                if reason := _unusable(member, path):
                    self._skipped[reason] += 1
                    continue
                unpacked += member.file_size  # zipfile reads no more than a member says it has
                if unpacked > MOST_UNPACKED:
                    self._sentence = f"The ZIP is too large when unpacked: of its photos only the first {MOST_UNPACKED // 1_000_000} MB were read."
                    return
                try:
                    content = archive.read(member)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
                    self._skipped[DAMAGED] += 1
                    continue
                yield member.filename, content

    def complaint(self) -> str:
        """One sentence about what was not taken in, "" if there is nothing to say."""
        if self._sentence or not self._skipped:
            return self._sentence
        count = self._skipped.total()
        reasons = ", ".join(f"{number} {'is' if number == 1 else 'are'} {reason}" for reason, number in self._skipped.most_common())
        return f"Of the ZIP {count} file{'' if count == 1 else 's'} {'was' if count == 1 else 'were'} skipped: {reasons}."


def _unusable(member: zipfile.ZipInfo, path: PurePosixPath) -> str:
    if path.suffix.lower() not in SUFFIXES | VIDEO_SUFFIXES:
        return NO_PHOTO
    if member.file_size > MOST_BYTES:
        return LARGE
    if member.flag_bits & 1:
        return ENCRYPTED
    return "" if member.compress_type in _METHODS else UNUSUAL


def _directory_size(content: bytes) -> int:
    """Bytes of the list of members as the ZIP's end states them; zipfile would read that list whole. 0 without an end: not a ZIP."""
    place = content.rfind(_END, max(len(content) - 22 - 65535, 0))
    return int.from_bytes(content[place + 12 : place + 16], "little") if place >= 0 else 0
