"""Recognises MP4 and MOV files that would fill the memory before their first frame is decoded.

Their index tells of each sample where it is. A few bytes can announce a thousand million samples of one size, and FFmpeg makes an entry of
24 bytes for each. Only the announced numbers are added up here; no more boxes are walked than real files have.
"""

import os
import struct
from typing import IO

MOST_SAMPLES = 4_000_000  # of all tracks: an hour of 60 frames a second has 216,000, its sound about as many
MOST_BOXES = 200_000  # a fragment of a second has about ten
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")


def takes_too_long(file: IO[bytes]) -> bool:
    """Whether opening it could take gigabytes or minutes; `file` is then at its start again. Other containers index what is there."""
    try:
        head = file.read(8)
        return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") and _announces_too_much(file)
    finally:
        file.seek(0)


def _announces_too_much(file: IO[bytes]) -> bool:
    samples = boxes = 0
    ends = [file.seek(0, os.SEEK_END)]
    file.seek(0)
    while ends:
        start = file.tell()
        if start + 8 > ends[-1]:
            file.seek(ends.pop())
            continue
        boxes += 1
        size, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = int.from_bytes(file.read(8)), 16
        end = ends[-1] if size == 0 else min(start + max(size, header), ends[-1])
        if name in _PARENTS and len(ends) < 8:
            ends.append(end)
            continue
        if name == b"stsz":
            fixed, count = struct.unpack(">4xII", file.read(12).ljust(12, b"\0"))
            # A size for each sample must be in the file; one size for all is written once. One or two bytes each are sound as it is, which
            # FFmpeg takes in large pieces.
            samples += count if fixed > 8 else min(count, (end - start) // 4)
        elif name == b"trun":
            flags, count = struct.unpack(">II", file.read(8).ljust(8, b"\0"))
            samples += count if not flags & 0xF00 else min(count, (end - start) // 4)
        if samples > MOST_SAMPLES or boxes > MOST_BOXES:
            return True
        file.seek(end)
    return False
