"""Very many photos: results that can be continued, and the same ones whatever engine runs."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from model.commands import batch, cli
from model.photo.image_file import PhotoError, open_photo
from tests.model.drawn_world import photo
from tests.model.hostile import encoded, scene

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "model" / "examples"


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder: three photos with hands and faces, one without, one that is broken, one in a folder of its own."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for example in EXAMPLES.glob("*.webp"):
        shutil.copy(example, folder)
    (folder / "nothing.png").write_bytes(encoded(scene()))
    (folder / "broken.jpg").write_bytes(b"no photo")
    (folder / "deeper" / "again.png").write_bytes(encoded(scene(64, 48)))
    return folder


def plain_documents(photos: Path, capsys) -> list[dict]:
    assert cli.main(["detect", str(photos), "--json", "--threads", "1"]) == 1
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def check(results: Path, expected: list[dict]) -> None:
    """The folder holds the documents of the plain run: in Parquet, and in COCO those that could be read."""
    found = {document["photo"]: document for document in batch.Results(results).documents()}
    assert found == {document["photo"]: document for document in expected}
    coco = json.loads((results / "coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == sorted(d["photo"] for d in expected if "error" not in d)
    instances = sum(len(d["hands"]) + len(d["faces"]) for d in expected if "error" not in d)
    assert len(coco["annotations"]) == instances > 0
    first = next(a for a in coco["annotations"] if a["category_id"] == 1)
    photo = coco["images"][first["image_id"] - 1]["file_name"]
    hand = next(hand for hand in found[photo]["hands"] if hand["box"] == first["bbox"])
    assert first["keypoints"][:2] == hand["landmarks"][0][:2] and first["num_keypoints"] == 21
    assert first["handedness"] == hand["handedness"]


def test_results_in_parquet_and_coco(photos, tmp_path, capsys):
    expected = plain_documents(photos, capsys)
    results = tmp_path / "results"
    assert cli.main(["detect", str(photos), "--results", str(results), "--threads", "1"]) == 1
    check(results, expected)
    table = pq.read_table(results / "parquet")  # as anybody reads it
    assert table.num_rows == len(expected) and table.schema.equals(batch.SCHEMA, check_metadata=False)


def test_an_interrupted_run_goes_on(photos, tmp_path, capsys, monkeypatch):
    expected = plain_documents(photos, capsys)
    results, analysed = tmp_path / "results", []
    monkeypatch.setattr(batch, "BATCH", 2)
    document = batch.document

    def interrupted(name, path, landmarker):
        analysed.append(name)
        if len(analysed) == 4:
            raise KeyboardInterrupt
        return document(name, path, landmarker)

    monkeypatch.setattr(batch, "document", interrupted)
    command = ["detect", str(photos), "--results", str(results), "--threads", "1"]
    assert cli.main(command) == 130
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message == f"Interrupted. What was found so far is in {results}; the same command goes on from there."
    assert len(batch.Results(results).errors()) == 2, "a batch that was not finished is not there"
    (results / "parquet" / "_unfinished").write_bytes(b"PAR1 cut short")
    assert cli.main(command) == 1
    check(results, expected)
    assert len(analysed) == 4 + len(expected) - 2, "what was done is not done again"
    before = [part.stat().st_mtime_ns for part in batch.Results(results).parts]
    assert cli.main(command) == 1 and len(analysed) == 4 + len(expected) - 2
    assert [part.stat().st_mtime_ns for part in batch.Results(results).parts] == before


@pytest.mark.slow
def test_two_ray_workers_find_what_the_plain_run_finds(photos, tmp_path, capsys, monkeypatch):
    expected = plain_documents(photos, capsys)
    monkeypatch.setattr(batch, "BATCH", 2)  # so that both have something to do
    results = tmp_path / "results"
    command = ["detect", str(photos), "--results", str(results), "--engine", "ray", "--workers", "2", "--threads", "1"]
    assert cli.main(command) == 1
    check(results, expected)
    (results / "coco.json").unlink()
    assert cli.main(command) == 1, "nothing is left to do: no worker is started"
    check(results, expected)


@pytest.mark.parametrize("options", [["--engine", "ray"], ["--results", "r", "--json"], ["--results", "r", "--out", "o"]])
def test_wrong_use(photos, options):
    with pytest.raises(SystemExit) as caught:
        cli.main(["detect", str(photos), *options])
    assert caught.value.code == 2


@pytest.fixture
def drawn(tmp_path, landmarker, monkeypatch) -> Path:
    """A folder of three small photos a, b and c, and the drawn world's network for the engine `plain`."""
    monkeypatch.setattr(batch, "Landmarker", lambda *_: landmarker)
    folder = tmp_path / "drawn"
    folder.mkdir()
    for name, x in (("a", 200), ("b", 250), ("c", 300)):
        Image.fromarray(photo(640, 480, ("hand", x, 300, 100, 40))).save(folder / f"{name}.png")
    return folder


def run(*photos: Path, results: Path) -> int:
    return cli.main(["detect", *map(str, photos), "--results", str(results)])


def rows(results: Path) -> dict[str, dict]:
    """By name; each photo has one row, and coco.json holds those that could be read."""
    found = pq.read_table(results / "parquet").to_pylist()
    coco = json.loads((results / "coco.json").read_text())
    assert sorted(row["photo"] for row in found if not row["error"]) == [image["file_name"] for image in coco["images"]]
    by_name = {Path(row["photo"]).name: row for row in found}
    assert len(by_name) == len(found)
    return by_name


def test_a_photo_is_known_by_its_whole_path(drawn, tmp_path, monkeypatch):
    results = tmp_path / "results"
    for folder, name in (("A", "a.png"), ("B", "b.png")):
        (tmp_path / folder).mkdir()
        shutil.copy(drawn / name, tmp_path / folder / "img.png")
        monkeypatch.chdir(tmp_path / folder)
        assert run(Path("img.png"), Path("./img.png"), Path(f"../{folder}/img.png"), results=results) == 0
    documents = {document["photo"]: document for document in batch.Results(results).documents()}
    assert set(documents) == {str(tmp_path / folder / "img.png") for folder in "AB"}
    a, b = (documents[str(tmp_path / folder / "img.png")]["hands"][0]["landmarks"] for folder in "AB")
    assert a != b
    coco = json.loads((results / "coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == sorted(documents)


def test_a_photo_that_has_changed_is_analysed_again(drawn, tmp_path, capsys):
    results, whole = tmp_path / "results", (drawn / "a.png").read_bytes()
    (drawn / "a.png").write_bytes(whole[:500])
    assert run(drawn, results=results) == 1 and "damaged" in rows(results)["a.png"]["error"]
    before = rows(results)["b.png"]
    (drawn / "a.png").write_bytes(whole)
    capsys.readouterr()
    assert run(drawn, results=results) == 0
    assert "3 photos, 2 of them processed before" in capsys.readouterr().err
    after = rows(results)
    assert after["a.png"]["hands"] and after["a.png"]["error"] is None and after["b.png"] == before
    os.utime(drawn / "c.png", ns=(1, 1))
    assert run(drawn, results=results) == 0
    assert "3 photos, 2 of them processed before" in capsys.readouterr().err
    assert run(drawn, results=results) == 0
    assert "3 photos, 3 of them processed before" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [PhotoError("The file cannot be read: stale handle.", again=True), RuntimeError("bad allocation\n at 0x7f")])
def test_what_may_have_passed_is_tried_again(drawn, tmp_path, monkeypatch, fault):
    """And one photo ends no run: the others have their results."""

    def faulty(path):
        if path.name == "b.png":
            raise fault
        return open_photo(path)

    results = tmp_path / "results"
    for _ in range(2):
        with monkeypatch.context() as broken:
            broken.setattr(batch, "open_photo", faulty)
            assert run(drawn, results=results) == 1
        found = rows(results)
        assert found["a.png"]["hands"] and found["c.png"]["hands"] and not found["b.png"]["hands"]
        assert found["b.png"]["error"] == (
            str(fault) if isinstance(fault, PhotoError) else "Something went wrong while analysing this photo (RuntimeError: bad allocation at 0x7f)."
        )
    assert run(drawn, results=results) == 0
    assert rows(results)["b.png"]["hands"]


def test_no_part_is_ever_overwritten(tmp_path):
    results = batch.Results(tmp_path)
    for number in (99_998, 99_999):
        part = tmp_path / "parquet" / f"part-{number:05d}.parquet"
        pq.write_table(pa.Table.from_pylist([{"photo": f"early {number}", "error": "x"}], batch.SCHEMA), part)
    for number in range(3):
        results.add([{"photo": f"late {number}", "error": "x"}])
    batch.Results(tmp_path).add([{"photo": "of another run", "error": "x"}])
    assert sorted(results.errors()) == ["early 99998", "early 99999", "late 0", "late 1", "late 2", "of another run"]
    assert len(results.parts) == 6


def test_two_runs_into_one_folder_do_not_mix(drawn, tmp_path, capsys):
    results = tmp_path / "results"
    hold = "import sys; from pathlib import Path; from model.commands import batch\nwith batch.Results(Path(sys.argv[1])).alone(): print(flush=True); input()"
    command = [sys.executable, "-c", hold, str(results)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
        other.stdout.readline()  # it has the folder
        assert run(drawn, results=results) == 1
        assert capsys.readouterr().err == f"Another run is writing to {results}: wait until it has ended, or choose another folder.\n"
        other.kill()  # its claim dies with it
    assert run(drawn, results=results) == 0
    assert len(rows(results)) == 3


def test_a_damaged_part_is_named(drawn, tmp_path, capsys):
    results = tmp_path / "results"
    assert run(drawn, results=results) == 0
    [part] = batch.Results(results).parts
    for content in (part.read_bytes()[:100], b"", bytes(len(part.read_bytes()))):
        part.write_bytes(content)
        capsys.readouterr()
        assert run(drawn, results=results) == 1
        message = f"{part} is damaged or of another version: remove this file and start again, its photos are then processed again.\n"
        assert capsys.readouterr().err == message
    pq.write_table(pa.table({"photo": ["a.png"], "width": [640]}), part)  # of a release before this one
    assert run(drawn, results=results) == 1 and capsys.readouterr().err == message
    part.unlink()
    assert run(drawn, results=results) == 0 and len(rows(results)) == 3


def test_an_unusable_folder_is_reported(drawn, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for results in (tmp_path / "file", tmp_path / "file" / "deeper"):
        assert run(drawn, results=results) == 1
        [message] = capsys.readouterr().err.splitlines()
        assert message.startswith(f"Results cannot be written to {results} (") and message.endswith("): make room or choose another folder, then start again.")


@pytest.mark.parametrize("most, kept", [(1000, 0), (10_000, 3)])
def test_a_full_disk_is_reported(drawn, tmp_path, capsys, most, kept):
    """At the first part, or only at coco.json. A limit of the size of files stands for the disk."""
    results, usual = tmp_path / "results", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, usual[1]))
    try:
        status = run(drawn, results=results)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert status == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith(f"Results cannot be written to {results} (file too large): make room or choose")
    assert len(batch.Results(results).errors()) == kept
    assert not [file.name for file in results.rglob("*unfinished*")], "what is not finished leaves the disk"
    assert run(drawn, results=results) == 0 and len(rows(results)) == 3


def test_coco_is_written_photo_by_photo(drawn, tmp_path):
    """The memory for it does not grow with the points: four times as many photos, nearly the same peak."""

    def peak(photos: int) -> int:
        results = batch.Results(tmp_path / str(photos))
        document = {**batch.document("x", drawn / "a.png", batch.Landmarker()), "width": 640, "height": 480}
        document["faces"] = [{"score": 1.0, "box": [0.0, 0, 9, 9], "landmarks": [[1.25, 2.5, 3.75]] * 478, "sigma": [1.0] * 478, "ibug68": [[1.0, 2.0]] * 68}]
        for start in range(0, photos, 5):
            results.add([document | {"photo": f"{start + number:06d}.jpg"} for number in range(5)])
        tracemalloc.start()
        try:
            results.write_coco()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(20), peak(80)
    assert large < 1.3 * small
    coco = json.loads((tmp_path / "80" / "coco.json").read_text())
    assert len(coco["images"]) == 80 and len(coco["annotations"]) == 160
    assert [annotation["id"] for annotation in coco["annotations"]] == list(range(1, 161))
    assert coco["info"] and coco["categories"]
