"""ZIPs that visitors drop: what is taken in, what is skipped and why, and that no archive fills the memory."""

import io
import struct
import tracemalloc
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.inputs import archive as module
from pages.parts.inputs.archive import Archive, is_archive
from tests.pages.test_upload import EXAMPLES, ROOT, png, upload


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as files:
        for name, data in members:
            files.writestr(name, data)
    return content.getvalue()


def read(content: bytes) -> tuple[list[str], str]:
    found = Archive(content)
    return [name for name, _ in found.photos()], found.complaint()


def test_photos_of_nested_folders_are_taken_in_and_the_rest_is_counted():
    content = packed(
        ("holiday/day 1/a.PNG", png()),
        ("holiday/../../b.jpg", b"jpeg"),
        ("__MACOSX/holiday/._a.PNG", b"x"),
        ("holiday/.DS_Store", b"x"),
        ("notes.txt", b"x"),
        ("more.zip", packed(("c.png", png()))),
        ("empty/", b""),
    )
    assert is_archive(content) and not is_archive(png())
    assert read(content) == (["holiday/day 1/a.PNG", "holiday/../../b.jpg"], "Of the ZIP 2 files were skipped: 2 are no photo or video.")


def test_a_damaged_member_does_not_cost_the_others():
    photo = png()
    content = bytearray(packed(("a.png", photo), ("b.png", png((1, 2, 3))), method=zipfile.ZIP_STORED))
    content[content.index(photo) + 20] ^= 255
    assert read(bytes(content)) == (["b.png"], "Of the ZIP 1 file was skipped: 1 is damaged.")
    assert read(bytes(content[:60])) == ([], "The ZIP is damaged: nothing of it could be taken in.")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packing_is_refused(method):
    assert read(packed(("a.png", png()), method=method)) == ([], "Of the ZIP 1 file was skipped: 1 is packed in an unusual way.")


def test_encrypted_members_are_named():
    content = bytearray(packed(("a.png", png())))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    assert read(bytes(content)) == ([], "Of the ZIP 1 file was skipped: 1 is encrypted.")


def test_a_bomb_is_not_unpacked(monkeypatch):
    """200 MB of zeros in 200 kB are left out unread; of many smaller ones no more than the limit is."""
    content = packed(("bomb.png", bytes(200_000_000)))
    tracemalloc.start()
    try:
        assert read(content) == ([], "Of the ZIP 1 file was skipped: 1 is too large.")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(module, "MOST_UNPACKED", 5_000_000)
    names, complaint = read(packed(*((f"{number}.png", bytes(1_000_000)) for number in range(20))))
    assert len(names) == 5 and complaint.startswith("The ZIP is too large when unpacked")


def test_a_member_that_says_less_than_it_holds_is_not_believed():
    content = bytearray(packed(("a.png", bytes(5_000_000))))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(signature) + place, 100)
    assert read(bytes(content)) == ([], "Of the ZIP 1 file was skipped: 1 is damaged.")


def test_too_many_members_are_refused_before_they_are_listed(monkeypatch):
    content = packed(*((f"{number}.txt", b"") for number in range(30_000)))
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the list was read"))
    assert read(content) == ([], "The ZIP holds too many files, or says so: nothing of it was taken in.")


def test_a_dropped_zip_is_taken_apart():
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    content = packed(("in/wave.webp", (EXAMPLES / "wave.webp").read_bytes()), ("in/a.png", png()), ("b/a.png", png((1, 2, 3))), ("readme.md", b"x"))
    upload(visitor, ("holiday.zip", content, "application/zip"))
    assert not visitor.exception
    assert [photo.label for photo in visitor.session_state["photo_list"]] == ["wave.webp", "a.png", "a (2).png"]
    assert [warning.value for warning in visitor.warning] == ["Of the ZIP 1 file was skipped: 1 is no photo or video."]
