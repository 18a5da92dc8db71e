"""The command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model import cli
from tests.model.drawn_world import photo


@pytest.fixture
def photos(tmp_path, landmarker, monkeypatch) -> Path:
    """A folder: two photos, a text, one photo further down; and the drawn world's network behind the command."""
    monkeypatch.setattr(cli, "Landmarker", lambda *_: landmarker)
    rgb = photo(640, 480, ("hand", 200, 300, 100, 40), ("face", 420, 200, 130, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgb).save(tmp_path / "a.png")
    Image.fromarray(np.ascontiguousarray(np.rot90(rgb))).save(tmp_path / "b.jpg", quality=95, exif=exif)
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "deeper").mkdir()
    Image.fromarray(rgb[:100, :100]).save(tmp_path / "deeper" / "a.PNG")
    return tmp_path


def test_one_json_document_per_line(photos, capsys):
    assert cli.main(["detect", str(photos / "a.png"), str(photos / "b.jpg"), "--json"]) == 0
    output = capsys.readouterr()
    documents = [json.loads(line) for line in output.out.splitlines()]
    assert [document["photo"] for document in documents] == [str(photos / "a.png"), str(photos / "b.jpg")]
    for document in documents:  # upright: the EXIF tag of the second is applied
        assert (document["width"], document["height"]) == (640, 480)
        assert len(document["hands"]) == len(document["faces"]) == 1


def test_a_bad_photo_does_not_stop_the_others(photos, capsys):
    names = [str(photos / name) for name in ("notes.txt", "a.png", "missing.jpg")]
    assert cli.main(["detect", *names, "--json"]) == 1
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document["photo"] for document in documents] == names
    assert set(documents[0]) == {"photo", "error"} and documents[0]["error"].endswith(".")
    assert "hands" in documents[1]


def test_folders_give_their_photos(photos, capsys):
    assert cli.main(["detect", str(photos), "--json"]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(document["photo"]).relative_to(photos).as_posix() for document in documents] == ["a.png", "b.jpg", "deeper/a.PNG"]


def test_an_empty_folder_is_said(photos, tmp_path_factory, capsys):
    assert cli.main(["detect", str(tmp_path_factory.mktemp("empty"))]) == 1
    assert "No photo" in capsys.readouterr().err


def test_a_table_for_people(photos, capsys):
    assert cli.main(["detect", str(photos / "a.png"), str(photos / "notes.txt")]) == 1
    text = capsys.readouterr().out
    assert "640 x 480, 1 hand, 1 face" in text
    assert "right hand (80%)" in text
    assert "notes.txt: This file is not a picture" in text


def test_annotated_pictures(photos, tmp_path, capsys):
    out = tmp_path / "out" / "annotated"
    assert cli.main(["detect", str(photos / "a.png"), str(photos / "deeper"), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a_2_landmarks.png", "a_landmarks.png"]
    with Image.open(out / "a_landmarks.png") as picture:
        assert picture.size == (640, 480)
        assert (np.asarray(picture) != np.asarray(Image.open(photos / "a.png"))).any()


def test_names_that_are_no_text(photos, capsys):
    odd = photos / os.fsdecode(b"\xff\xfe.png")
    (photos / "a.png").rename(odd)
    assert cli.main(["detect", str(odd), "--json"]) == 0
    assert os.fsencode(json.loads(capsys.readouterr().out)["photo"]).endswith(b"\xff\xfe.png")


@pytest.mark.parametrize("arguments", [[], ["detect"], ["train"], ["detect", "a.png", "--threads", "many"], ["detect", "a.png", "--threads", "0"]])
def test_wrong_use(arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


def test_the_real_command(tmp_path):
    """In a process of its own, with the real weights; and what it says when they are missing."""
    Image.fromarray(photo(320, 240)).save(tmp_path / "grey.png")
    command = [sys.executable, "-m", "model.cli", "detect", str(tmp_path / "grey.png")]
    run = {"capture_output": True, "text": True, "cwd": Path(__file__).parents[2]}
    done = subprocess.run([*command, "--json"], **run)
    assert done.returncode == 0 and json.loads(done.stdout)["width"] == 320 and done.stderr == ""
    failed = subprocess.run([*command, "--weights", str(tmp_path / "none.onnx")], **run)
    assert failed.returncode == 1 and failed.stderr.strip() == "The weights file none.onnx is missing."
