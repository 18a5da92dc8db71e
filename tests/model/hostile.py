"""Hostile and odd files, made anew each time and always the same: what strangers may hand to the photo opener.

`python -m tests.model.hostile` opens them all and prints the outcomes by class.
"""

import gzip
import io
import itertools
import random
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

PICTURE, SENTENCE, EITHER = "picture", "sentence", "either"  # what may come of a file

WIDTH, HEIGHT = 96, 64
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "HEIF", "AVIF", "BMP")
ENDINGS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "TIFF": ".tif",
    "HEIF": ".heic",
    "AVIF": ".avif",
    "BMP": ".bmp",
}


@dataclass(frozen=True)
class Case:
    group: str  # the class that it belongs to
    label: str
    make: Callable[[], bytes]
    expected: str
    size: tuple[int, int] | None = None  # width and height of the upright picture, where they are known
    costly: bool = False  # a file that is meant to use up memory or time: open it in a process of its own
    file_name: str = ""  # where the name is what is odd

    def __str__(self) -> str:
        return f"{self.group}: {self.label}".replace(" ", "-")


def scene(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """A smooth picture with some noise, so that no coder has it too easy."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(6).integers(0, 24, (height, width, 3))
    rgb = np.dstack([x * 230 // max(width - 1, 1), y * 230 // max(height - 1, 1), (x + y) % 230]) + noise
    return Image.fromarray(rgb.astype(np.uint8))


def encoded(picture: Image.Image | None = None, name: str = "PNG", **options) -> bytes:
    if name == "HEIF":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    (picture or scene()).save(file, name, **options)
    return file.getvalue()


def corpus() -> list[Case]:
    """All cases; the bytes are made when they are asked for."""
    sources = (
        truncated,
        flipped,
        wrong_ending,
        no_picture,
        bombs,
        sizes,
        colours,
        animated,
        exif,
        icc,
        thumbnails,
        metadata,
        names,
    )
    return list(itertools.chain.from_iterable(source() for source in sources))


# -- damage


def truncated() -> Iterator[Case]:
    for name in FORMATS:
        for share in (0.01, 0.1, 0.3, 0.5, 0.75, 0.95):
            expected = SENTENCE if share < 0.3 else EITHER
            yield Case("truncated", f"{name} {share:.0%}", lambda n=name, s=share: _cut(encoded(name=n), s), expected)
        yield Case("truncated", f"{name} last byte", lambda n=name: encoded(name=n)[:-1], EITHER)


def _cut(data: bytes, share: float) -> bytes:
    return data[: max(1, int(len(data) * share))]


def flipped() -> Iterator[Case]:
    for name in FORMATS:
        for number, (place, bits) in enumerate([("head", 1), ("head", 4), ("head", 16), ("body", 1), ("body", 8), ("body", 64)]):
            yield Case("bits flipped", f"{name} {bits} in the {place}", lambda n=name, p=place, b=bits, s=number: _flip(encoded(name=n), p, b, s), EITHER)


def _flip(data: bytes, place: str, bits: int, seed: int) -> bytes:
    chance, content = random.Random(seed), bytearray(data)
    low, high = (0, min(64, len(content))) if place == "head" else (len(content) // 4, len(content))
    for _ in range(bits):
        content[chance.randrange(low, high)] ^= 1 << chance.randrange(8)
    return bytes(content)


# -- what is not what it is called


def wrong_ending() -> Iterator[Case]:
    endings = list(ENDINGS.values())
    for name, ending in zip(FORMATS, endings[1:] + endings[:1]):
        yield Case(
            "wrong ending",
            f"{name} called {ending}",
            lambda n=name: encoded(name=n),
            PICTURE,
            (WIDTH, HEIGHT),
            file_name=f"photo{ending}",
        )
    yield Case("wrong ending", "JPEG called .html", lambda: encoded(name="JPEG"), PICTURE, (WIDTH, HEIGHT), file_name="photo.html")
    yield Case("wrong ending", "PNG without ending", encoded, PICTURE, (WIDTH, HEIGHT), file_name="photo")


def no_picture() -> Iterator[Case]:
    texts = {
        "empty": b"",
        "one zero byte": b"\0",
        "a megabyte of zeros": bytes(1_000_000),
        "text": b"I am not a photo.\n" * 50,
        "UTF-16 text": "No photo \U0001f4f7".encode("utf-16"),
        "HTML": b"<!doctype html><html><body><script>alert(1)</script></body></html>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "SVG with an entity bomb": b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>',
        "XML that asks for a file": b'<!DOCTYPE s [<!ENTITY f SYSTEM "file:///etc/passwd">]><svg>&f;</svg>',
        "PDF": b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n",
        "shell script": b"#!/bin/sh\nrm -rf /\n",
        "program": b"\x7fELF\x02\x01\x01" + bytes(200),
        "Windows program": b"MZ" + bytes(200),
        "JSON": b'{"photo": true}',
        "film": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(500),
        "sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(100),
        "pickle": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.",
        "Photoshop": b"8BPS\0\1" + bytes(100),
        "portable pixmap": b"P6 4 4 255\n" + bytes(48),
        "icon": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(100),
    }
    for label, data in texts.items():
        yield Case("no picture", label, lambda d=data: d, SENTENCE, file_name="photo.jpg")
    yield Case("no picture", "ZIP", _zip, SENTENCE, file_name="photo.png")
    yield Case("no picture", "gzip of a PNG", lambda: gzip.compress(encoded(), mtime=0), SENTENCE)
    yield Case("no picture", "random bytes", lambda: random.Random(1).randbytes(10_000), SENTENCE)
    starts = {
        "JPEG": b"\xff\xd8\xff\xe0",
        "PNG": b"\x89PNG\r\n\x1a\n",
        "GIF": b"GIF89a",
        "TIFF": b"II*\0",
        "BMP": b"BM",
        "HEIF": b"\0\0\0\x18ftypheic",
    }
    for name, start in starts.items():
        yield Case("no picture", f"{name}'s first bytes, then noise", lambda s=start: s + random.Random(2).randbytes(3000), SENTENCE)
    yield Case("no picture", "PNG's first bytes alone", lambda: starts["PNG"], SENTENCE)
    yield Case("no picture", "JPEG's start and end", lambda: b"\xff\xd8\xff\xd9", SENTENCE)


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("photo.png", encoded())
    return file.getvalue()


# -- bombs: little to send, much to decode


def bombs() -> Iterator[Case]:
    side = 30_000

    def bomb(label: str, make: Callable[[], bytes], expected: str = SENTENCE) -> Case:
        return Case("bomb", label, make, expected, costly=True)

    yield bomb("PNG 30,000 x 30,000, complete", lambda: png(side, side, zeros(side * (side // 8 + 1)), depth=1, colour=0))
    yield bomb("PNG 30,000 x 30,000, header only", lambda: png(side, side, b""))
    yield bomb("PNG of 2**31 - 1 squared", lambda: png(2**31 - 1, 2**31 - 1, b""))
    yield bomb("PNG of 4 GB in one column", lambda: png(1, 2**31 - 1, b""))
    yield bomb("PNG with data that go on for 200 MB", lambda: png(64, 64, zeros(200_000_000)), EITHER)
    yield bomb("PNG with a text of 500 MB", lambda: with_chunk(b"zTXt", b"Comment\0\0" + zeros(500_000_000)), EITHER)
    yield bomb("PNG with a colour profile of 500 MB", lambda: with_chunk(b"iCCP", b"icc\0\0" + zeros(500_000_000)), EITHER)
    yield bomb("PNG of a million chunks", lambda: with_chunk(b"prVt", b"", 1_000_000))
    yield bomb("PNG with 50 MB of EXIF", lambda: encoded(name="PNG", exif=large_exif(25_000_000)), EITHER)
    yield bomb(
        "GIF 30,000 x 30,000",
        lambda: b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + b",\0\0\0\0" + struct.pack("<HHB", side, side, 0) + b"\2\2L\1\0;",
    )
    yield bomb(
        "GIF with a picture larger than its screen",
        lambda: b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(6) + b",\0\0\0\0" + struct.pack("<HHB", 65535, 65535, 0) + b"\2\2L\1\0;",
    )
    yield bomb("GIF with 20 MB of comments", gif_comments, EITHER)
    yield bomb("BMP 30,000 x 30,000", lambda: bmp(side, side, 0, b""))
    yield bomb("BMP with a jump over 12 GB", lambda: bmp(50_000_000, 1, 1, b"\0\2\0\xff\0\1"))
    yield bomb("BMP of ten million runs", lambda: bmp(5000, 2000, 1, b"\1\7" * 10_000_000))
    yield bomb("BMP of negative height", lambda: bmp(side, -side, 0, b""))
    yield bomb("TIFF 30,000 x 30,000", lambda: tiff(side, side))
    yield bomb("TIFF of a million strips", lambda: tiff(1, 1_000_000, strips=1_000_000))
    yield bomb("TIFF with a directory that leads to itself", lambda: tiff(8, 8, next_directory=8), EITHER)
    yield bomb("TIFF of a billion samples", lambda: tiff(8, 8, samples=65535))
    yield bomb("JPEG 65,500 x 65,500", lambda: with_jpeg_size(65_500, 65_500))
    yield bomb("JPEG of 10,000 scans", lambda: many_scans(10_000))
    yield bomb("JPEG of two million segments", lambda: after_start(b"\xff\xe5\0\2" * 2_000_000))
    yield bomb("WebP 16,383 x 16,383", lambda: webp_size(16_383, 16_383))
    yield bomb("HEIC 30,000 x 30,000", lambda: with_ispe(side, side), EITHER)  # libheif may go by the coded size
    yield bomb("AVIF 30,000 x 30,000", lambda: with_ispe(side, side, "AVIF"), EITHER)
    yield bomb("108 megapixels", lambda: encoded(Image.new("L", (12_000, 9_000), 90), "JPEG"))
    yield bomb(
        "50 megapixels, every point transparent",
        lambda: encoded(Image.new("RGBA", (10_000, 5_000), (9, 99, 9, 99)), "PNG", compress_level=1),
        PICTURE,
    )
    yield bomb("50 megapixels, 16 bits", lambda: encoded(Image.new("I;16", (10_000, 5_000), 999), "PNG", compress_level=1), PICTURE)
    yield bomb(
        "50 megapixels, floats",
        lambda: encoded(Image.new("F", (10_000, 5_000), 0.5), "TIFF", compression="tiff_adobe_deflate"),
        PICTURE,
    )
    yield bomb(
        "50 megapixels, progressive CMYK",
        lambda: encoded(Image.new("CMYK", (10_000, 5_000), (9, 99, 9, 9)), "JPEG", progressive=True),
        PICTURE,
    )
    yield bomb(
        "50 megapixels, to be turned",
        lambda: encoded(Image.new("RGB", (10_000, 5_000), (9, 99, 9)), "JPEG", exif=orientation(6)),
        PICTURE,
    )


def zeros(count: int) -> bytes:
    """`count` zero bytes, deflated, without ever holding them."""
    deflate, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [deflate.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, deflate.compress(bytes(count & 0xFFFFF)), deflate.flush()])


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, deflated: bytes, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", deflated) + chunk(b"IEND", b"")


def with_chunk(name: bytes, body: bytes, times: int = 1) -> bytes:
    data = encoded()
    return data[:33] + chunk(name, body) * times + data[33:]  # after the header


def gif_comments() -> bytes:
    data = encoded(name="GIF")
    palette = 3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0
    return data[: 13 + palette] + b"\x21\xfe" + (b"\xff" + b"c" * 255) * 80_000 + b"\0" + data[13 + palette :]


def bmp(width: int, height: int, compression: int, body: bytes) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(body), 0, 0, 54 + 1024) + header + bytes(1024) + body


def tiff(width: int, height: int, strips: int = 1, samples: int = 1, next_directory: int = 0) -> bytes:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: samples, 278: height // strips, 279: width * height}
    entries = [struct.pack("<HHII", tag, 4, 1, value & 0xFFFFFFFF) for tag, value in tags.items()]
    end = 8 + 2 + 12 * (len(entries) + 1) + 4
    entries.insert(5, struct.pack("<HHII", 273, 4, strips, end))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", next_directory)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 8) * strips


def with_jpeg_size(width: int, height: int) -> bytes:
    data = encoded(name="JPEG")
    frame = data.index(b"\xff\xc0") + 5
    return data[:frame] + struct.pack(">HH", height, width) + data[frame + 4 :]


def many_scans(count: int) -> bytes:
    """7,000 x 7,000 points in 200 kB; the last scan comes `count` times."""
    data = encoded(Image.new("L", (7000, 7000), 128), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + b"\xff\xd9"


def after_start(segments: bytes) -> bytes:
    data = encoded(name="JPEG")
    return data[:2] + segments + data[2:]


def webp_size(width: int, height: int) -> bytes:
    body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(32)
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def with_ispe(width: int, height: int, name: str = "HEIF") -> bytes:
    data = encoded(name=name)
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]


# -- odd, but photos


def sizes() -> Iterator[Case]:
    for width, height in [(1, 1), (2, 1), (1, 2), (3, 3), (1, 10_000), (10_000, 1), (1, 65_500), (17, 4_001)]:
        for name in ("PNG", "JPEG"):
            size = (width, height)
            yield Case("size", f"{name} {width} x {height}", lambda s=size, n=name: encoded(scene(*s), n), PICTURE, size)
    yield Case("size", "PNG 65,536 x 1", lambda: encoded(Image.new("L", (65_536, 1))), SENTENCE)
    yield Case("size", "PNG 0 x 0", lambda: png(0, 0, zlib.compress(b"")), SENTENCE)
    yield Case("size", "BMP 0 x 5", lambda: bmp(0, 5, 0, b""), SENTENCE)


def colours() -> Iterator[Case]:
    modes = {
        "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
        "JPEG": ["L", "RGB", "CMYK", "YCbCr"],
        "TIFF": ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "I", "I;16", "I;16B", "F"],
        "WEBP": ["RGB", "RGBA"],
        "GIF": ["1", "L", "P", "RGBA"],
        "BMP": ["1", "L", "P", "RGB", "RGBA"],
        "HEIF": ["L", "RGBA", "I;16"],
        "AVIF": ["L", "RGBA"],
    }
    for name, own in modes.items():
        for mode in own:
            yield Case("colour", f"{name} {mode}", lambda n=name, m=mode: encoded(in_mode(m), n), PICTURE, (WIDTH, HEIGHT))
    yield Case("colour", "PNG of 16 bits a colour", deep_png, PICTURE, (4, 4))
    yield Case(
        "colour",
        "palette with a transparent colour",
        lambda: encoded(scene().quantize(8), "PNG", transparency=3),
        PICTURE,
        (WIDTH, HEIGHT),
    )
    yield Case("colour", "palette that is too short", short_palette, EITHER)
    for what, value in (("a number", np.nan), ("an end", np.inf)):
        flat = np.full((4, 4), value, np.float32)
        yield Case("colour", f"floats without {what}", lambda f=flat: encoded(Image.fromarray(f), "TIFF"), PICTURE, (4, 4))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield Case("colour", f"TIFF {compression}", lambda c=compression: encoded(name="TIFF", compression=c), PICTURE, (WIDTH, HEIGHT))


def in_mode(mode: str) -> Image.Image:
    if mode.startswith("I;16"):
        picture = Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)
        return picture.convert("I;16B") if mode == "I;16B" else picture
    if mode == "LAB":
        change = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        return ImageCms.applyTransform(scene(), change)
    if mode in ("I", "F"):
        return scene().convert("L").convert(mode)
    return scene().convert(mode)


def deep_png() -> bytes:
    return png(4, 4, zlib.compress((b"\0" + bytes(range(24))) * 4), depth=16)


def short_palette() -> bytes:
    data = png(4, 4, zlib.compress((b"\0" + b"\xff" * 4) * 4), depth=8, colour=3)
    return data[:33] + chunk(b"PLTE", bytes(3)) + data[33:]


def animated() -> Iterator[Case]:
    def others() -> list[Image.Image]:  # new ones each time: Pillow keeps a format's settings with a picture
        return [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("red", "green")]

    for name in ("GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"):
        yield Case("animated", name, lambda n=name: encoded(scene(), n, save_all=True, append_images=others()), PICTURE, (WIDTH, HEIGHT))
    yield Case(
        "animated",
        "GIF of 500 pictures",
        lambda: encoded(
            scene(),
            "GIF",
            save_all=True,
            append_images=[Image.new("RGB", (WIDTH, HEIGHT), (i % 256, i // 2, 7)) for i in range(500)],
        ),
        PICTURE,
        (WIDTH, HEIGHT),
    )
    yield Case(
        "animated",
        "photo with a film behind it",
        lambda: encoded(name="JPEG") + b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 5000,
        PICTURE,
        (WIDTH, HEIGHT),
    )


# -- EXIF, profiles, thumbnails, other metadata


def orientation(value: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = value
    return block.tobytes()


def large_exif(values: int) -> bytes:
    """Turned by 90 degrees, and a tag of `values` numbers."""
    head = struct.pack("<HHHII", 2, 0x0112, 3, 1, 6) + struct.pack("<HHII", 0xC4A5, 3, values, 38) + bytes(4)
    return b"II*\0\x08\0\0\0" + head + b"\1\0" * values


def exif() -> Iterator[Case]:
    for value in range(1, 9):
        for name in ("JPEG", "PNG", "WEBP", "TIFF"):
            size = (HEIGHT, WIDTH) if value > 4 else (WIDTH, HEIGHT)
            yield Case("EXIF", f"{name} orientation {value}", lambda n=name, v=value: encoded(name=n, exif=orientation(v)), PICTURE, size)
    for value in (0, 9, 65535):
        yield Case("EXIF", f"orientation {value}", lambda v=value: encoded(name="JPEG", exif=orientation(v)), PICTURE, (WIDTH, HEIGHT))
    entry = struct.Struct("<HHII").pack
    broken = {
        "nothing": b"",
        "no directory": b"II*\0\x08\0\0\0",
        "not EXIF at all": b"hello",
        "directory outside": b"II*\0\xff\xff\xff\x7f" + bytes(20),
        "directory that leads to itself": b"II*\0\x08\0\0\0\1\0" + entry(0x8769, 4, 1, 8) + b"\x08\0\0\0",
        "65,535 entries": b"II*\0\x08\0\0\0\xff\xff" + entry(0x0112, 3, 1, 1),
        "orientation as text": b"II*\0\x08\0\0\0\1\0" + entry(0x0112, 2, 4, 0x36363636) + bytes(4),
        "orientation of 4 billion values": b"II*\0\x08\0\0\0\1\0" + entry(0x0112, 3, 0xFFFFFFFF, 6) + bytes(4),
        "orientation as a fraction of zero": b"II*\0\x08\0\0\0\1\0" + entry(0x0112, 5, 1, 26) + bytes(12),
        "unknown type": b"II*\0\x08\0\0\0\1\0" + entry(0x0112, 99, 1, 6) + bytes(4),
        "wrong byte order": b"XX*\0\x08\0\0\0" + bytes(30),
        "big-endian, cut short": b"MM\0*\0\0\0\x08\0\5\1\x12",
    }
    for label, block in broken.items():
        for name in ("JPEG", "PNG", "WEBP"):
            yield Case("EXIF", f"{name}, broken: {label}", lambda n=name, b=block: encoded(name=n, exif=b"Exif\0\0" + b), PICTURE)


def icc() -> Iterator[Case]:
    profiles = {
        "sRGB": lambda: ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "LAB": lambda: ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        "cut short": lambda: ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()[:100],
        "noise": lambda: random.Random(3).randbytes(3000),
        "3 MB": lambda: bytes(3_000_000),
    }
    for label, make in profiles.items():
        for name in ("JPEG", "PNG", "WEBP", "TIFF"):
            # Pillow takes no profile above 1 MB from a PNG.
            expected = EITHER if (label, name) == ("3 MB", "PNG") else PICTURE
            yield Case("ICC", f"{name} {label}", lambda n=name, m=make: encoded(name=n, icc_profile=m()), expected, (WIDTH, HEIGHT))


def thumbnails() -> Iterator[Case]:
    small = encoded(scene(16, 12), "JPEG")
    kinds = {
        "of the photo": (small, 0),
        "that is damaged": (small[: len(small) // 2], 0),
        "that is no picture": (b"<script>alert(1)</script>", 0),
        "outside of the block": (small, 50_000),
        "that claims 65,500 x 65,500": (with_jpeg_size(65_500, 65_500), 0),
    }
    for label, (thumbnail, off) in kinds.items():
        yield Case(
            "thumbnail",
            label,
            lambda t=thumbnail, o=off: encoded(name="JPEG", exif=with_thumbnail(t, o)),
            PICTURE,
            (WIDTH, HEIGHT),
        )


def with_thumbnail(thumbnail: bytes, off: int) -> bytes:
    entry = struct.Struct("<HHII").pack
    first = struct.pack("<H", 1) + entry(0x0112, 3, 1, 1) + struct.pack("<I", 26)
    second = struct.pack("<H", 2) + entry(0x0201, 4, 1, 56 + off) + entry(0x0202, 4, 1, len(thumbnail)) + bytes(4)
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second + thumbnail


MARKUP = "<img src=x onerror=document.title='owned'> **bold** [link](javascript:alert(1)) :red[x] $\\frac{1}{0}$ {{7*7}}"


def metadata() -> Iterator[Case]:
    block = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x013B, 0x8298):  # description, maker, model, artist, copyright
        block[tag] = MARKUP
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{MARKUP}</x:xmpmeta>".encode()
    for name in ("JPEG", "PNG", "WEBP", "TIFF"):
        yield Case(
            "metadata",
            f"{name} with markup",
            lambda n=name: encoded(name=n, exif=block.tobytes(), xmp=xmp),
            PICTURE,
            (WIDTH, HEIGHT),
        )
    yield Case("metadata", "JPEG comment with markup", lambda: encoded(name="JPEG", comment=MARKUP), PICTURE, (WIDTH, HEIGHT))
    yield Case("metadata", "PNG text with markup", lambda: with_chunk(b"tEXt", b"Title\0" + MARKUP.encode()), PICTURE, (WIDTH, HEIGHT))
    yield Case(
        "metadata",
        "page behind the picture",
        lambda: encoded(name="GIF") + b"<script>alert(1)</script>",
        PICTURE,
        (WIDTH, HEIGHT),
    )


# -- names: the content is a small photo

NAMES = {
    "markup": MARKUP.replace("/", "") + ".png",
    "script": "<script>alert(1)<script>.png",
    "emoji short code and icon": ":skull: :material/home:.png",
    "formula": "=HYPERLINK(1).png",
    "quotes": "\"'`;--.png",
    "percent and format": "%s%n{0}${x}.png",
    "right to left": "photo\u202egnp.exe",
    "right to left script": "\u05ea\u05de\u05d5\u05e0\u05d4.png",
    "combining characters": "a" + "\u0300" * 100 + ".png",
    "255 bytes": "n" * 251 + ".png",
    "255 bytes of emoji": "\U0001f590" * 62 + ".png",
    "up the tree": "../../../etc/passwd",
    "up the tree, Windows": "..\\..\\windows\\system.ini",
    "absolute": "/etc/shadow",
    "drive": "C:\\photo.png",
    "only dots": "...",
    "hidden": ".htaccess",
    "Windows device": "CON.png",
    "line break": "a\nSet-Cookie: x=1\r\n.png",
    "zero byte": "a.png\0.exe",
    "control characters": "\x1b[31mred\x07.png",
    "blank": " ",
    "lone surrogate": "\ud800.png",
}


def names() -> Iterator[Case]:
    for label, name in NAMES.items():
        yield Case("name", label, lambda: encoded(scene(8, 8)), PICTURE, (8, 8), file_name=name)


def main() -> None:
    from model.photo.image_file import PhotoError, open_photo

    outcomes: dict[str, Counter] = {}
    for case in corpus():
        own = outcomes.setdefault(case.group, Counter())
        try:
            open_photo(case.make())
            own["a picture"] += 1
        except PhotoError as error:
            own[str(error)] += 1
    for group, own in outcomes.items():
        print(f"{group}: {own.total()} files")
        for outcome, count in own.most_common():
            print(f"  {count:4}  {outcome}")
    print(f"{sum(own.total() for own in outcomes.values())} files")


if __name__ == "__main__":
    main()
