"""Opens whatever a person calls a photo as upright RGB, or says in one sentence why it cannot."""

import contextlib
import io
import os
import re
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from ..constants import CONSTANTS
from .decode_limits import takes_too_long

MOST_BYTES: int = CONSTANTS["photo"]["most_bytes"]
MOST_PIXELS: int = CONSTANTS["photo"]["most_pixels"]

MOST_SIDE = 65_535  # pixels; JPEG's own limit

# Only formats that cameras, phones and browsers write. Pillow would also hand PostScript to another program.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
SUFFIXES: frozenset[str] = frozenset(CONSTANTS["photo"]["suffixes"])

# Pillow warns of damaged tags and of pictures above its own limit: nothing that a reader of the log could act on.
# Once and for all, because warnings.catch_warnings is not safe under threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

# EXIF's value -> what turns the stored picture upright
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")


# What the first bytes of a video are: its container's own mark, or one of the brands of ISO base media ("ftyp" is shared with HEIF).
_VIDEO_BRANDS = re.compile(rb"isom|iso\d|mp4\d|avc1|qt  |M4V.|3g[p2g].|MSNV|dash|f4v |mmp4|XAVC")
_VIDEO_MARKS = re.compile(
    rb"\x1a\x45\xdf\xa3"  # Matroska, WebM
    rb"|RIFF....AVI "
    rb"|....(?:moov|mdat|wide)"  # QuickTime without brands
    rb"|\x00\x00\x01[\xb3\xba]"  # MPEG
    rb"|(?:.{4})?G.{187}(?:.{4})?G.{187}(?:.{4})?G"  # MPEG transport stream, of a camera with times between
    rb"|FLV\x01"
    rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11"  # ASF: WMV
    rb"|OggS",
    re.DOTALL,
)
_HEAD = 1024  # bytes that tell a video
_VIDEO = "This is a video: save single pictures of it, as JPEG or PNG for example, and use those."


class PhotoError(ValueError):
    """A photo that cannot be used; its text is one plain sentence for the person who chose the photo.

    again: the file's content is not to blame (it could not be read, memory was short), so trying again may help.
    """

    def __init__(self, sentence: str, again: bool = False):
        super().__init__(sentence)
        self.again = again


def open_photo(source: bytes | bytearray | memoryview | str | os.PathLike) -> np.ndarray:
    """The photo in `source` (the file's bytes, or its path) as uint8 (H, W, 3) RGB, turned upright by its EXIF tag.

    Transparency is laid on white; greyscale, palette, CMYK, 16-bit and HEIC become 8-bit RGB; of an animation the
    first picture is taken. Refused before they are decoded: files above MOST_BYTES, pictures above MOST_PIXELS or with
    a side above MOST_SIDE, and files built so that decoding takes minutes. Raises PhotoError.

    >>> open_photo("model/examples/greeting.webp").shape
    (600, 800, 3)
    >>> open_photo(b"no photo")
    Traceback (most recent call last):
    model.photo.image_file.PhotoError: This file is not a picture in a format that can be opened.
    """
    data = _read(source)
    if not data:
        raise PhotoError("The file is empty.")
    if looks_like_video(data):
        raise PhotoError(_VIDEO)
    try:
        if takes_too_long(data):
            raise PhotoError("This file is built in an unusual way and would take too long to open.")
        with _open(data) as picture:
            if picture.width * picture.height > MOST_PIXELS or max(picture.size) > MOST_SIDE:
                raise PhotoError(_too_many_pixels(picture.width, picture.height))
            return _upright_rgb(picture)
    except PhotoError:
        raise
    except Image.DecompressionBombError:
        raise PhotoError(_too_many_pixels()) from None
    except MemoryError:
        raise PhotoError("There is not enough memory to open this picture.", again=True) from None
    except Image.UnidentifiedImageError:
        raise PhotoError("This file is not a picture in a format that can be opened.") from None
    except Exception:  # decoders raise many kinds of exception on damaged files: OSError, SyntaxError, struct.error, EOFError ...
        raise PhotoError("The picture is damaged or incomplete and cannot be opened.") from None


def _read(source: bytes | bytearray | memoryview | str | os.PathLike) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        size, data = len(source), source
    else:
        try:
            path = Path(source)
            # A device or a pipe has no size to check, and reading it may never end.
            if path.exists() and not path.is_file():
                raise PhotoError("This is not a file.")
            size = path.stat().st_size
            with path.open("rb") as file:  # of what is too large only as much as identifies a video
                data = file.read(size if size <= MOST_BYTES else _HEAD)
        except (OSError, ValueError) as error:
            if isinstance(error, PhotoError):
                raise
            raise PhotoError(f"The file cannot be read: {reason(error)}.", again=True) from None
    if size > MOST_BYTES and not looks_like_video(data):
        raise PhotoError(f"The file is too large: {size / 1e6:.0f} MB, the limit is {MOST_BYTES / 1e6:.0f} MB.")
    return bytes(data)


def looks_like_video(data: bytes | bytearray | memoryview) -> bool:
    """Whether a file that begins so is a video; animated pictures are not."""
    head = bytes(data[:_HEAD])
    return bool(_VIDEO_MARKS.match(head) or (head[4:8] == b"ftyp" and _VIDEO_BRANDS.match(head, 8)))


def reason(error: Exception) -> str:
    """What the system says of a file, as the end of a sentence."""
    number = getattr(error, "errno", None)
    text = os.strerror(number) if number else str(error)
    return text[:1].lower() + text[1:]


def _too_many_pixels(width: int | None = None, height: int | None = None) -> str:
    limit = f"the limit is {MOST_PIXELS // 1_000_000} megapixels and {MOST_SIDE:,} pixels a side"
    if width is None:
        return f"The picture has too many pixels; {limit}."
    return f"The picture is too large: {width} x {height} pixels; {limit}."


def _open(data: bytes) -> Image.Image:
    if data[4:8] == b"ftyp" and any(brand in data[8:64] for brand in _HEIF_BRANDS):
        import pillow_heif  # only then: importing it takes a while

        pillow_heif.register_heif_opener()
    Image.init()
    return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])


def _upright_rgb(picture: Image.Image) -> np.ndarray:
    picture.load()
    # Not ImageOps.exif_transpose: it also writes a new EXIF block, which takes minutes where a hostile one is large.
    with contextlib.suppress(Exception):  # a broken EXIF block must not cost the photo; it is shown as stored
        picture = picture.transpose(_TURNS[picture.getexif()[ExifTags.Base.Orientation]])
    return rgb_of(picture)


def rgb_of(picture: Image.Image) -> np.ndarray:
    """A picture of any mode as uint8 (H, W, 3) RGB: transparency is laid on white, more than 8 bits are scaled and not clipped, as
    Image.convert() would. ValueError for a mode that has no way to RGB."""
    if picture.mode.startswith(("I", "F")):
        return _from_deep_grey(np.asarray(picture))
    if picture.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in picture.info:
        if picture.mode != "RGBA":
            picture = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    elif picture.mode != "RGB":
        picture = picture.convert("RGB")
    return np.array(picture)  # a copy: Pillow's own memory may not be written to


def _from_deep_grey(values: np.ndarray) -> np.ndarray:
    """Greyscale of more than 8 bits (H, W) -> uint8 (H, W, 3). Floats and 32 bits do not say their range: guess it."""
    if values.dtype.itemsize == 2:
        top = 65535.0
    else:
        largest = float(np.max(values, initial=0, where=np.isfinite(values)))
        top = next((limit for limit in (1.0, 255.0, 65535.0) if largest <= limit), largest)
    rgb = np.empty((*values.shape, 3), np.uint8)
    for start in range(0, len(values), 256):  # by bands of rows: a whole picture of floats would take 200 MB a step
        band = slice(start, start + 256)
        grey = np.nan_to_num(values[band].astype(np.float32), posinf=top, neginf=0) * np.float32(255 / top)
        rgb[band] = np.clip(grey, 0, 255).round()[..., None]
    return rgb
