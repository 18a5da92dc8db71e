"""The command line."""

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.commands import cli
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


def test_what_a_mac_keeps_beside_its_files_is_no_photo(photos, capsys):
    (photos / "._a.png").write_bytes(b"\0\5\x16\7")
    assert cli.main(["detect", str(photos), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert cli.main(["detect", str(photos / "._a.png"), "--json"]) == 1, "who names it gets the error"


def test_sixteen_bytes_do_not_end_a_run(photos, capsys):
    (photos / "0.tif").write_bytes(b"II\x2b\0\x08\0\0\0" + b"\xff" * 8)
    assert cli.main(["detect", str(photos), "--json"]) == 1
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in document for document in documents] == [True, False, False, False]


@pytest.mark.parametrize("where", ["open_photo", "_drawn"])
def test_an_unforeseen_fault_is_that_photo_s_error(photos, capsys, monkeypatch, where):
    real, first = getattr(cli, where), [True]

    def faulty(given, *rest):
        if first and first.pop():
            raise RuntimeError("bad\nallocation.")
        return real(given, *rest)

    monkeypatch.setattr(cli, where, faulty)
    assert cli.main(["detect", str(photos), "--json", "--out", str(photos / "out")]) == 1
    first, *others = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first == {"photo": str(photos / "a.png"), "error": "Something went wrong while analysing this photo (RuntimeError: bad allocation)."}
    assert len(others) == 2 and not any("error" in document for document in others)


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


def test_out_that_cannot_be_written_to(photos, capsys):
    (photos / "file").write_text("")
    for out in (photos / "file", photos / "file" / "deeper"):
        assert cli.main(["detect", str(photos), "--out", str(out)]) == 1
        [message] = capsys.readouterr().err.splitlines()
        assert message.startswith(f"Pictures cannot be written to {out} (")
        assert message.endswith("): say --out with a folder that you may write to and that has room.")


def test_a_full_disk_is_reported(photos, capsys):
    """A limit of the size of files stands for it."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        assert cli.main(["detect", str(photos / "a.png"), "--out", str(photos / "out")]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert capsys.readouterr().err.startswith(f"Pictures cannot be written to {photos / 'out'} (file too large): say --out")


@pytest.mark.parametrize("stem", ["x" * 250, "ä" * 125, "x" + "ä" * 124])
def test_pictures_of_long_names(photos, stem):
    for folder in ("", "deeper"):
        shutil.copy(photos / "a.png", photos / folder / f"{stem}.png")
    assert cli.main(["detect", *map(str, photos.rglob(f"{stem}.png")), "--out", str(photos / "out")]) == 0
    names = sorted(path.name for path in (photos / "out").iterdir())
    assert len(names) == 2 and all(name.endswith("_landmarks.png") and name.startswith(stem[:110]) for name in names)


def test_interrupted(photos, capsys, monkeypatch):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "open_photo", interrupted)
    assert cli.main(["detect", str(photos)]) == 130
    assert capsys.readouterr().err.strip() == "Interrupted."


def test_a_path_that_no_system_takes(photos, capsys):
    assert cli.main(["detect", "x" * 5000]) == 1
    assert "The file cannot be read: file name too long." in capsys.readouterr().out


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


@pytest.mark.parametrize("option", ["--threads", "--workers"])
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "", "99999999999", "9" * 5000])
def test_a_number_that_is_none_says_what_is_wanted(capsys, option, value):
    with pytest.raises(SystemExit) as caught:
        cli.main(["detect", "a.png", option, value])
    assert caught.value.code == 2
    assert f"argument {option}: give a whole number from 1 to 1024, not '{value[:40]}'" in capsys.readouterr().err


def test_an_output_that_takes_nothing(tmp_path):
    Image.fromarray(photo(320, 240)).save(tmp_path / "grey.png")
    command = [sys.executable, "-m", "model.commands.cli", "detect", str(tmp_path / "grey.png")]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert (done.returncode, done.stderr) == (1, "The output cannot be written (no space left on device): send it to a place with room for it.\n")


def test_the_real_command(tmp_path):
    """In a process of its own, with the real weights; and what it says when they are missing."""
    Image.fromarray(photo(320, 240)).save(tmp_path / "grey.png")
    command = [sys.executable, "-m", "model.commands.cli", "detect", str(tmp_path / "grey.png")]
    run = {"capture_output": True, "text": True, "cwd": Path(__file__).parents[3]}
    done = subprocess.run([*command, "--json"], **run)
    assert done.returncode == 0 and json.loads(done.stdout)["width"] == 320 and done.stderr == ""
    failed = subprocess.run([*command, "--weights", str(tmp_path / "none.onnx")], **run)
    assert failed.returncode == 1 and failed.stderr.strip() == "The weights file none.onnx is missing."


def rows(file: Path) -> list[dict]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_a_csv_file_over_all_photos(photos, capsys):
    file = photos / "points.csv"
    file.write_text("old")
    names = [str(photos / name) for name in ("a.png", "notes.txt", "b.jpg", "a.png")]
    assert cli.main(["detect", *names, "--csv", str(file)]) == 1, "one is no picture"
    found = rows(file)
    again = str(photos / "a (2).png")
    assert list(dict.fromkeys(row["photo"] for row in found)) == [names[0], names[2], again]
    assert [sum(row["photo"] == name for row in found) for name in (names[0], again)] == [21 + 478] * 2
    assert len(capsys.readouterr().out.splitlines()) == 3 * 3 + 1, "the table is printed as before"


def test_a_csv_file_that_cannot_be_written(photos, capsys):
    for file in (photos / "missing" / "points.csv", photos):
        assert cli.main(["detect", str(photos), "--csv", str(file)]) == 1
        output = capsys.readouterr()
        assert output.err.startswith(f"{file} cannot be written (") and output.err.count("\n") == 1 and not output.out


def test_limits(photos, capsys):
    def counts(*options):
        assert cli.main(["detect", str(photos / "a.png"), "--json", *options]) == 0
        document = json.loads(capsys.readouterr().out)
        return len(document["hands"]), len(document["faces"])

    assert counts() == counts("--min-confidence", "0") == counts("--max-hands", "5") == (1, 1)
    assert counts("--min-confidence", "1") == (0, 0)
    assert counts("--max-hands", "0") == (0, 1) and counts("--max-faces", "0") == (1, 0)


@pytest.mark.parametrize(
    "option, value, wanted",
    [
        ("--min-confidence", "1.5", "give a number from 0 to 1, not '1.5'"),
        ("--min-confidence", "nan", "give a number from 0 to 1, not 'nan'"),
        ("--min-confidence", "high", "give a number from 0 to 1, not 'high'"),
        ("--max-hands", "-1", "give a whole number, 0 or more, not '-1'"),
        ("--max-faces", "two", "give a whole number, 0 or more, not 'two'"),
    ],
)
def test_a_limit_that_is_none_says_what_is_wanted(capsys, option, value, wanted):
    with pytest.raises(SystemExit) as end:
        cli.main(["detect", "a.jpg", f"{option}={value}"])
    assert end.value.code == 2 and capsys.readouterr().err.splitlines()[-1].endswith(f"{option}: {wanted}")


@pytest.mark.parametrize("option", ["--csv=a.csv", "--min-confidence=0.2", "--max-hands=1", "--max-faces=0"])
def test_limits_are_not_for_results(capsys, option):
    """A folder of results holds photos of many runs: all of them found with the same limits."""
    with pytest.raises(SystemExit) as end:
        cli.main(["detect", "a.jpg", "--results", "found", option])
    assert end.value.code == 2 and option.split("=")[0] in capsys.readouterr().err


def test_files_for_label_tools(photos, tmp_path):
    yolo, tasks = tmp_path / "labels", tmp_path / "tasks.json"
    assert cli.main(["detect", str(photos / "a.png"), str(photos / "notes.txt"), str(photos / "b.jpg"), "--yolo", str(yolo), "--label-studio", str(tasks)]) == 1
    assert sorted(path.relative_to(yolo).as_posix() for path in yolo.rglob("*.*")) == [
        f"{kind}/{name}" for kind in ("faces", "hands") for name in ("data.yaml", "labels/a.txt", "labels/b.txt")
    ]
    assert len((yolo / "hands" / "labels" / "a.txt").read_text().split()) == 1 + 4 + 21 * 3
    found = json.loads(tasks.read_text())
    assert [task["data"]["image"].rpartition("/")[2] for task in found] == ["a.png", "b.jpg"], "what cannot be read has no task"
    assert "KeyPointLabels" in (tmp_path / "tasks_interface.xml").read_text()


def test_label_tools_are_for_photos(photos, capsys):
    with pytest.raises(SystemExit):
        cli.main(["detect", str(photos), "--results", str(photos / "r"), "--yolo", str(photos / "y")])
    assert "--results is instead of" in capsys.readouterr().err
