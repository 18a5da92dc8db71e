"""Recognises files that would keep a decoder busy for minutes, whatever their size in pixels.

A few kilobytes are enough: a JPEG is decoded once more for every scan that it announces, and Pillow handles the parts
of a file one by one. Only the file's structure is walked here, and no further than to the limits.
"""

import re
import struct
from collections.abc import Iterator

MOST_SCANS = 30  # of a JPEG; progressive ones have about ten
MOST_PARTS = 20_000  # segments of a JPEG, chunks of a PNG, strips or tiles of a TIFF
MOST_RUN_LENGTH_BYTES = 1_000_000  # of a run-length coded BMP, which Pillow decodes byte by byte in Python

_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd9])|\xff+\xd9")  # not the stuffing and restarts inside a scan
_JPEG_SCAN = 0xDA
_TIFF_PARTS = (273, 324)  # tags StripOffsets and TileOffsets


def takes_too_long(data: bytes) -> bool:
    """Whether decoding the picture file `data` could take minutes."""
    if data.startswith(b"\xff\xd8"):
        scans = 0
        for parts, marker in enumerate(_jpeg_markers(data), 1):
            scans += marker == _JPEG_SCAN
            if scans > MOST_SCANS or parts > MOST_PARTS:
                return True
        return False
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return any(number >= MOST_PARTS for number, _ in enumerate(_png_chunks(data)))
    if data.startswith(b"BM"):
        return data[30:34] in (b"\1\0\0\0", b"\2\0\0\0") and len(data) > MOST_RUN_LENGTH_BYTES
    if data[:2] in (b"II", b"MM"):
        return any(tag in _TIFF_PARTS and count > MOST_PARTS for tag, count in _tiff_tags(data))
    return False


def _jpeg_markers(data: bytes) -> Iterator[int]:
    """The markers of the file's first picture. What follows it is not decoded: a phone's motion photo has a film there."""
    place = 2
    while found := _JPEG_MARKER.search(data, place):
        if not found[1]:  # the end of the picture
            return
        yield found[1][0]
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2])


def _png_chunks(data: bytes) -> Iterator[bytes]:
    place = 8
    while place + 8 <= len(data):
        yield data[place + 4 : place + 8]
        place += 12 + int.from_bytes(data[place : place + 4])


def _tiff_tags(data: bytes) -> Iterator[tuple[int, int]]:
    """(tag, number of values) of the first directory; the large form of TIFF too."""
    order = "<" if data.startswith(b"II") else ">"
    large = data[2:4] in (b"\x2b\0", b"\0\x2b")
    at, start, count, entry = (8, "Q", "Q", "HHQ8x") if large else (4, "I", "H", "HHI4x")
    try:
        (place,) = struct.unpack_from(order + start, data, at)
        (entries,) = struct.unpack_from(order + count, data, place)
        place += struct.calcsize(order + count)
        for number in range(min(entries, 65535)):
            tag, _, values = struct.unpack_from(order + entry, data, place + number * struct.calcsize(order + entry))
            yield tag, values
    except (struct.error, OverflowError):
        return  # cut short, or a place beyond what any file has: the decoder says so
