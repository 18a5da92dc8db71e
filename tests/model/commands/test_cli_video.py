"""Videos on the command line."""

import csv
import json
import re
import resource
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from model.commands import cli
from model.video.video_file import Video
from tests.model.clips import animation, clip
from tests.model.drawn_world import photo
from tests.model.tracking.test_tracker import HAND

FRAMES = 12


@pytest.fixture
def videos(tmp_path, landmarker, monkeypatch) -> Path:
    """A folder: a whole clip, one that breaks off, a text with the name of a clip, an animation further down."""
    monkeypatch.setattr(cli, "Landmarker", lambda *_: landmarker)
    pictures = [photo(320, 240, ("hand", 80 + number, 120, 60, 0), ("face", 230, 120, 60, 0)) for number in range(FRAMES)]
    (tmp_path / "a.mp4").write_bytes(clip(pictures, options={"crf": "12"}))
    whole = clip(pictures, "avi", codec="mjpeg", pixels="yuvj420p", options={"qmin": "2", "qmax": "3"})
    (tmp_path / "b.avi").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "notes.mov").write_text("no video")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "a.gif").write_bytes(animation(pictures[:3], "GIF"))
    return tmp_path


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_json_document_for_each_frame(videos, capsys):
    name = str(videos / "a.mp4")
    assert cli.main(["detect", name, "--json"]) == 0
    output = capsys.readouterr()
    printed = lines(output.out)
    assert output.err == ""
    assert [(line["video"], line["frame"], line["width"]) for line in printed] == [(name, number, 320) for number in range(FRAMES)]
    assert {hand["track"] for line in printed for hand in line["hands"]} | {face["track"] for line in printed for face in line["faces"]} == {1, 2}
    assert all(len(line["hands"]) == len(line["faces"]) == 1 for line in printed)


def test_a_table_for_people(videos, capsys):
    assert cli.main(["detect", str(videos)]) == 1
    text = capsys.readouterr().out
    assert f"{videos / 'a.mp4'}: 0.4 s, {FRAMES} frames, 1 hand, 1 face\n" in text
    assert "Right hand " in text and re.search(rf"in {FRAMES} frames   confidence (1\.00|0\.[5-9]\d)", text)
    assert "The file is damaged or incomplete: " in text
    assert f"{videos / 'notes.mov'}: This file is not a picture" in text
    assert f"{videos / 'deeper' / 'a.gif'}: 0.1 s, 3 frames, 1 hand, 1 face\n" in text


def test_what_breaks_off_is_reported_and_kept(videos, capsys):
    assert cli.main(["detect", str(videos / "b.avi"), "--json"]) == 1
    *printed, last = lines(capsys.readouterr().out)
    assert 0 < len(printed) < FRAMES and set(last) == {"video", "error"} and f"{len(printed)} frames" in last["error"]


def test_files(videos, capsys):
    out = videos / "out"
    command = [
        "detect",
        str(videos / "a.mp4"),
        str(videos / "deeper"),
        "--out",
        str(out),
        "--csv",
        str(videos / "p.csv"),
        "--parquet",
        str(videos / "p.parquet"),
    ]
    assert cli.main(command) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a_2_landmarks.mp4", "a_landmarks.mp4"]
    with Video(out / "a_landmarks.mp4") as drawn, Video(videos / "a.mp4") as plain:
        pairs = list(zip(drawn, plain, strict=True))
    assert len(pairs) == FRAMES and all((one.rgb != other.rgb).any() and abs(one.seconds - other.seconds) < 0.001 for one, other in pairs)
    with (videos / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [str(videos / "a.mp4"), str(videos / "deeper" / "a.gif")]
    assert [sum(row["video"] == name for row in rows) for name in names] == [FRAMES * 499, 3 * 499]
    assert [row["video"] for row in pq.read_table(videos / "p.parquet").to_pylist()] == [names[0]] * 2 * FRAMES + [names[1]] * 2 * 3


def test_photos_and_videos_in_their_order(videos, capsys):
    Image.fromarray(photo(320, 240, HAND)).save(videos / "c.png")
    assert cli.main(["detect", str(videos / "c.png"), str(videos / "a.mp4"), str(videos / "c.png"), "--json", "--out", str(videos / "out")]) == 0
    printed = lines(capsys.readouterr().out)
    assert ["photo" in line for line in printed] == [True, *[False] * FRAMES, True]
    assert sorted(path.name for path in (videos / "out").iterdir()) == ["a_landmarks.mp4", "c_2_landmarks.png"]


@pytest.mark.parametrize("options", [["--csv", "p.csv"], ["--parquet", "p.parquet"]])
def test_one_table_does_not_take_photos_and_videos(videos, options, capsys):
    Image.fromarray(photo(320, 240, HAND)).save(videos / "c.png")
    with pytest.raises(SystemExit) as end:
        cli.main(["detect", str(videos / "c.png"), str(videos / "a.mp4"), *options])
    assert end.value.code == 2 and options[0] in capsys.readouterr().err and not Path(options[1]).exists()


@pytest.mark.parametrize("option", ["--min-confidence=0.2", "--max-hands=1", "--max-faces=0"])
def test_limits_are_for_photos(videos, option, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["detect", str(videos / "a.mp4"), option])
    assert end.value.code == 2 and option.split("=")[0] in capsys.readouterr().err


def test_after_an_interruption_the_files_are_complete_up_to_there(videos, capsys, monkeypatch):
    from model.output import video_pipeline

    class Interrupted(video_pipeline.Tracks):
        def update(self, frame):
            if frame.number == 5:
                raise KeyboardInterrupt
            return super().update(frame)

    monkeypatch.setattr(video_pipeline, "Tracks", Interrupted)
    command = ["detect", str(videos / "a.mp4"), "--out", str(videos), "--csv", str(videos / "p.csv"), "--parquet", str(videos / "p.parquet"), "--json"]
    assert cli.main(command) == 130
    output = capsys.readouterr()
    assert output.err.strip() == "Interrupted." and len(lines(output.out)) == 5
    with Video(videos / "a_landmarks.mp4") as drawn:
        assert len(list(drawn)) == 5
    assert len(pq.read_table(videos / "p.parquet")) == 2 * 5
    assert len((videos / "p.csv").read_text().splitlines()) == 1 + 5 * 499


@pytest.mark.parametrize("option, file", [("--csv", "p.csv"), ("--parquet", "p.parquet"), ("--out", "out/a_landmarks.mp4")])
def test_a_full_disk_is_reported(videos, option, file, capsys):
    """A limit of the size of files stands for it."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    target = videos / file
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        assert cli.main(["detect", str(videos / "a.mp4"), option, str(target.parent if option == "--out" else target)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert capsys.readouterr().err == f"{target} cannot be written (file too large): say {option} with a place that you may write to and that has room.\n"
    assert not target.exists()


def test_progress_on_a_terminal(videos, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("model.commands.cli_video.EVERY", 0)
    assert cli.main(["detect", str(videos / "a.mp4")]) == 0
    shown = capsys.readouterr().err.split("\r\033[K")
    assert shown[-1] == "" and any(text.startswith("a.mp4 0.2 s, ") and "frames/s" in text and text.endswith(" left") for text in shown)


def test_an_unforeseen_fault_is_that_video_s_error(videos, capsys, monkeypatch):
    monkeypatch.setattr("model.output.video_pipeline.Tracks.update", lambda *_: 1 / 0)
    assert cli.main(["detect", str(videos / "a.mp4"), "--json"]) == 1
    [printed] = lines(capsys.readouterr().out)
    assert printed == {"video": str(videos / "a.mp4"), "error": "Something went wrong while analysing this video (ZeroDivisionError: division by zero)."}


class TestResults:
    def run(self, videos: Path) -> int:
        return cli.main(["detect", str(videos), "--results", str(videos / "found")])

    @pytest.fixture(autouse=True)
    def drawn_world(self, landmarker, monkeypatch):
        monkeypatch.setattr("model.commands.batch.Landmarker", lambda *_: landmarker)

    def files(self, videos: Path) -> list[str]:
        return sorted(path.name.rsplit("-", 1)[0] for path in (videos / "found" / "videos").iterdir())

    def test_one_file_for_each_video_and_only_what_is_new(self, videos, capsys):
        Image.fromarray(photo(320, 240, HAND)).save(videos / "c.png")
        assert self.run(videos) == 1
        printed = capsys.readouterr().err
        for words in ("2 photos, 0 of them processed before", "3 videos, 0 of them processed before", "b.avi: The file is damaged"):
            assert words in printed
        assert self.files(videos) == ["a.gif", "a.mp4", "b.avi"]
        file = next((videos / "found" / "videos").glob("a.mp4-*"))
        table = pq.read_table(file)
        assert len(table) == 2 * FRAMES and table.schema.metadata[b"width"] == b"320"
        before = file.stat().st_mtime_ns
        self.run(videos)
        assert "3 videos, 3 of them processed before" in capsys.readouterr().err and file.stat().st_mtime_ns == before
        shutil.copy(videos / "deeper" / "a.gif", videos / "a.mp4")
        self.run(videos)
        assert "3 videos, 2 of them processed before" in capsys.readouterr().err and len(pq.read_table(file)) == 2 * 3

    def test_an_interruption_leaves_no_half_file(self, videos, monkeypatch):
        with monkeypatch.context() as patched:

            def interrupted(*_):
                raise KeyboardInterrupt

            patched.setattr("model.output.serialize_video.ParquetFile.add", interrupted)
            assert self.run(videos) == 130
        assert self.files(videos) == []
        assert self.run(videos) == 1 and self.files(videos) == ["a.gif", "a.mp4", "b.avi"]

    def test_a_full_disk(self, videos, monkeypatch, capsys):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("model.output.serialize_video.ParquetFile.add", full)
        assert self.run(videos) == 1
        assert "videos (no space left on device): make room or choose another folder, then start again." in capsys.readouterr().err
        assert self.files(videos) == []
