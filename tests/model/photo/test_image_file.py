"""Whatever is given as a photo becomes upright RGB or one plain sentence."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.photo.image_file import MOST_BYTES, MOST_PIXELS, PhotoError, open_photo, rgb_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")

# Red left of green above, blue left of white below: shows any turn or flip. 48 x 32.
QUARTERS = np.zeros((32, 48, 3), np.uint8)
QUARTERS[:16, :24], QUARTERS[:16, 24:], QUARTERS[16:, :24], QUARTERS[16:, 24:] = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255),
)  # fmt: skip


def encoded(picture: np.ndarray | Image.Image, name: str = "PNG", **options) -> bytes:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    if name == "HEIF":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    picture.save(file, name, **options)
    return file.getvalue()


def quarters(rgb: np.ndarray) -> np.ndarray:
    """The colours in the middle of the four quarters, in reading order."""
    height, width = rgb.shape[:2]
    return rgb[[height // 4, height // 4, -height // 4, -height // 4], [width // 4, -width // 4, width // 4, -width // 4]]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_formats(name):
    options = {"quality": 95} if name in ("JPEG", "WEBP", "AVIF", "HEIF") else {}
    rgb = open_photo(encoded(QUARTERS, name, **options))
    assert rgb.shape == QUARTERS.shape and rgb.dtype == np.uint8 and rgb.flags.writeable
    assert np.abs(quarters(rgb).astype(int) - quarters(QUARTERS)).max() < 12


@pytest.mark.parametrize("source", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_and_paths(source, tmp_path):
    data = encoded(QUARTERS)
    (tmp_path / "a.png").write_bytes(data)
    for given_as in (source(data), tmp_path / "a.png", str(tmp_path / "a.png")):
        assert (open_photo(given_as) == QUARTERS).all()


# How the camera was held: the stored picture that the tag turns into QUARTERS.
STORED = {
    1: QUARTERS,
    2: QUARTERS[:, ::-1],
    3: QUARTERS[::-1, ::-1],
    4: QUARTERS[::-1],
    5: QUARTERS.transpose(1, 0, 2),
    6: np.rot90(QUARTERS, 1),
    7: QUARTERS[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(QUARTERS, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_exif_orientation(orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb = open_photo(encoded(np.ascontiguousarray(STORED[orientation]), name, exif=exif))
    assert rgb.shape == QUARTERS.shape
    assert np.abs(quarters(rgb).astype(int) - quarters(QUARTERS)).max() < 80  # chroma subsampling on small quarters


def test_heic_is_turned_once():
    stored = Image.fromarray(np.ascontiguousarray(STORED[6]))
    exif = stored.getexif()
    exif[0x0112] = 6
    stored.info["exif"] = exif.tobytes()  # written as the container's own rotation too
    rgb = open_photo(encoded(stored, "HEIF", quality=95))
    assert rgb.shape == QUARTERS.shape
    assert np.abs(quarters(rgb).astype(int) - quarters(QUARTERS)).max() < 12


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0" + bytes(range(200))])
def test_broken_exif_does_not_cost_the_photo(exif):
    assert open_photo(encoded(QUARTERS, "JPEG", exif=exif)).shape == QUARTERS.shape


def test_transparency_lies_on_white():
    rgba = np.dstack([QUARTERS, np.full((32, 48), 255, np.uint8)])
    rgba[:16, :24, 3] = 0
    rgba[:16, 24:, 3] = 128
    rgb = open_photo(encoded(rgba))
    assert (rgb[4, 4] == 255).all()
    assert np.abs(rgb[4, 40].astype(int) - (127, 255, 127)).max() <= 1
    assert (rgb[20, 4] == (0, 0, 255)).all()


def test_transparent_palette_lies_on_white():
    picture = Image.fromarray(QUARTERS).quantize(4)
    transparent = picture.getpixel((4, 4))
    rgb = open_photo(encoded(picture, "PNG", transparency=transparent))
    assert (rgb[4, 4] == 255).all() and (rgb[4, 40] == (0, 255, 0)).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_modes(mode):
    name = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    rgb = open_photo(encoded(Image.fromarray(QUARTERS).convert(mode), name))
    assert rgb.shape == QUARTERS.shape and rgb.dtype == np.uint8
    assert (rgb[-4, -4] > 250).all()


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bits(name):
    deep = np.linspace(0, 65535, 48 * 32).astype(np.uint16).reshape(32, 48)
    rgb = open_photo(encoded(deep, name))
    assert np.abs(rgb.astype(float) - deep[..., None] / 257).max() < 1


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_floats(top):
    grey = np.linspace(0, top, 48 * 32).astype(np.float32).reshape(32, 48)
    rgb = open_photo(encoded(grey, "TIFF"))
    assert np.abs(rgb[..., 0] - grey * 255 / top).max() < 1


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_pictures_in_memory_are_scaled_and_not_clipped(mode):
    deep = np.linspace(0, 65535, 48 * 32).reshape(32, 48).astype({"I;16": "<u2", "I;16B": ">u2", "I": "i4", "F": "f4"}[mode])
    rgb = rgb_of(Image.frombytes(mode, (48, 32), deep.tobytes()))
    assert np.abs(rgb.astype(float) - deep[..., None] / 257.0).max() < 1


def test_no_range_is_clipped():
    deep = np.linspace(0, 2**31 - 1, 48 * 32).reshape(32, 48).astype(np.int32)
    assert np.abs(rgb_of(Image.fromarray(deep))[..., 0] - deep * (255 / (2**31 - 1))).max() < 1
    strange = np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32)
    assert rgb_of(Image.fromarray(strange))[0, :, 0].tolist() == [0, 255, 0, 128]


def test_pictures_in_memory_lie_on_white_too():
    hidden = Image.new("RGBA", (4, 3), (0, 0, 0, 0))
    assert (rgb_of(hidden) == 255).all()


def test_first_picture_of_an_animation():
    other = Image.new("RGB", (48, 32), "black")
    data = encoded(Image.fromarray(QUARTERS), "GIF", save_all=True, append_images=[other])
    assert (quarters(open_photo(data)) == quarters(QUARTERS)).all()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(30_000, 30_000), (12_000, 9_000), (10_000, 6_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_decoding(size, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(PhotoError, match=f"{MOST_PIXELS // 1_000_000} megapixels"):
        open_photo(png_header(*size))


def test_too_many_bytes_are_refused(tmp_path):
    with (tmp_path / "big.jpg").open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # sparse: takes no disk
    for source in (tmp_path / "big.jpg", bytes(MOST_BYTES + 1)):
        with pytest.raises(PhotoError, match="too large"):
            open_photo(source)


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "empty"),
        (b"hello, I am a text", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"%PDF-1.7 ...", "not a picture"),
        (b"PK\x03\x04" + bytes(100), "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "damaged|not a picture"),
        (png_header(100, 100), "damaged"),
    ],
)
def test_what_is_no_picture(data, sentence):
    with pytest.raises(PhotoError, match=sentence) as caught:
        open_photo(data)
    text = str(caught.value)
    assert text.endswith(".") and text.count(". ") == 0 and "\n" not in text


VIDEOS = {
    "mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "mov": b"\0\0\0\x14ftypqt  \0\0\2\0qt  ",
    "old mov": b"\0\0\0\x08wide\0\0\xff\xffmdat",
    "3gp": b"\0\0\0\x18ftyp3gp5\0\0\2\0",
    "webm": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01",
    "avi": b"RIFF\0\1\0\0AVI LIST",
    "mpeg": b"\0\0\1\xba\x44",
    "ts": (b"G" + bytes(187)) * 3,
    "m2ts": (bytes(4) + b"G" + bytes(187)) * 3,
    "wmv": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
}


@pytest.mark.parametrize("kind", VIDEOS)
def test_a_video_is_refused_with_advice(kind, tmp_path):
    short, long = VIDEOS[kind] + bytes(500), tmp_path / "long"
    with long.open("wb") as file:
        file.write(short)
        file.truncate(MOST_BYTES + 1)  # its length is not what is wrong with it
    for source in (short, long):
        with pytest.raises(PhotoError, match="^This is a video: save single pictures of it"):
            open_photo(source)


def test_a_directory_beyond_any_file():
    """16 bytes that once raised OverflowError while the file's structure was walked."""
    for start in (2**64 - 1, 2**63 - 1, 2**63):
        with pytest.raises(PhotoError, match="damaged|not a picture"):
            open_photo(b"II\x2b\0\x08\0\0\0" + struct.pack("<Q", start))


def test_a_fault_of_the_check_is_a_sentence_too(monkeypatch):
    def fault(data):
        raise ArithmeticError("of the check itself")

    monkeypatch.setattr("model.photo.image_file.takes_too_long", fault)
    with pytest.raises(PhotoError, match="damaged"):
        open_photo(encoded(QUARTERS))


def test_what_may_pass_is_said(tmp_path, monkeypatch):
    with pytest.raises(PhotoError) as missing:
        open_photo(tmp_path / "missing.jpg")
    with pytest.raises(PhotoError) as damaged:
        open_photo(b"no picture")
    monkeypatch.setattr("model.photo.image_file.rgb_of", lambda picture: bytearray(1 << 62))
    with pytest.raises(PhotoError) as memory:
        open_photo(encoded(QUARTERS))
    assert (missing.value.again, damaged.value.again, memory.value.again) == (True, False, True)


def test_what_is_no_file(tmp_path):
    for source in (tmp_path / "missing.jpg", tmp_path, "nul\0byte.jpg", "x" * 5000):
        with pytest.raises(PhotoError):
            open_photo(source)


WHOLE = {name: encoded(QUARTERS, name) for name in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "HEIF", "AVIF")}


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=50)
@given(data=st.data())
def test_damaged_pictures(name, data):
    """Truncated or with bits flipped: pixels or a sentence, nothing else."""
    content = bytearray(WHOLE[name])
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        rgb = open_photo(content)
    except PhotoError:
        return
    assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3


@given(st.binary(max_size=300))
def test_any_bytes(content):
    try:
        open_photo(content)
    except PhotoError:
        pass
