"""The pages with odd file names and with weights that cannot be loaded."""

import io
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from model import Result
from model.inference import session
from model.output.draw import Layers
from pages.parts.album.photo_list import Photo
from pages.parts.downloads.downloads import as_csv, as_zip
from tests.model.hostile import MARKUP, NAMES, corpus, encoded, scene
from tests.pages.test_upload import choose

ROOT = Path(__file__).parents[2]


def visitor() -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=120).run()


def said_beside_names(visitor: AppTest) -> str:
    """All texts of the page, without those elements that show names as plain text only."""
    said = []
    for element in visitor.main:
        if element.type not in ("text", "file_uploader"):
            said += [str(getattr(element, field, "")) for field in ("value", "label", "help", "options", "placeholder")]
    return "\n".join(said)


def test_no_name_is_ever_rendered_as_markup():
    """Each name is seen as plain text (st.text and the drop zone's list) and nowhere else; of a broken photo as of a good one."""
    someone = visitor()
    for number, name in enumerate(NAMES.values()):
        name = name.replace("\ud800", "")  # cannot be sent: browsers replace it
        files = [(name, encoded(scene(8 + number, 8)), "image/png"), (name, b"no photo %d" % number, "image/png")]
        someone.file_uploader[0].set_value(files)
        someone.run()
        assert not someone.exception, name
        for place, errors in ((1, 0), (2, 1)):
            choose(someone, 2 * number + place)
            [text] = [element.value for element in someone.text]
            assert not someone.exception and len(someone.error) == errors, name
            assert text and text.isprintable() and len(text) <= 60
            if len(text) > 12:
                assert text not in said_beside_names(someone), name


def test_no_metadata_is_ever_shown():
    someone = visitor()
    files = [(f"{n}.jpg", case.make(), "image/jpeg") for n, case in enumerate(corpus()) if case.group == "metadata"]
    someone.file_uploader[0].set_value(files)
    someone.run()
    assert not someone.exception and not someone.error
    assert "owned" not in said_beside_names(someone) and "owned" in MARKUP


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_in_downloads(name):
    photo = Photo(name, encoded(scene(8, 8)))
    photo.result = Result(8, 8, (), (), {})
    with zipfile.ZipFile(io.BytesIO(b"".join(as_zip([photo], Layers())))) as files:
        assert files.testzip() is None
        for inside in files.namelist():
            for path in (PurePosixPath(inside), PureWindowsPath(inside)):
                assert not path.is_absolute() and ".." not in path.parts and len(path.parts) <= 4  # yolo/hands/labels/NAME.txt
            assert len(inside.encode()) < 255 and inside.isprintable()
    assert len(photo.stem.encode()) <= 200
    for row in as_csv(photo).splitlines():
        assert not row.startswith(("=", "+", "-", "@"))


WEIGHTS = {
    "missing": (None, "is missing"),
    "empty": (b"", "is not prepared for use: run `pointillist prepare "),
    "cut short": (session.WEIGHTS.read_bytes()[:100_000], "is not prepared for use"),
}


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("page", ["upload.py", "training.py"])
def test_weights_that_cannot_be_loaded(kind, page, tmp_path, monkeypatch):
    """The page says so in one sentence, and goes on after the file has been put right."""
    content, sentence = WEIGHTS[kind]
    path = tmp_path / "pointillist.onnx"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(session, "WEIGHTS", path)
    st.cache_resource.clear()
    someone = visitor().switch_page(f"pages/{page}").run()
    assert not someone.exception
    (error,) = someone.error
    assert sentence in error.value and error.value.startswith("The weights file pointillist.onnx")
    monkeypatch.undo()
    someone.run()
    assert not someone.error and not someone.exception
