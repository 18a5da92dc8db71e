"""Very many photos: results that can be continued, and the same ones whatever engine looks."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from model import bulk, cli
from tests.model.hostile import encoded, scene

EXAMPLES = Path(__file__).parents[2] / "model" / "examples"


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
    found = {document["photo"]: document for document in bulk.Results(results).documents()}
    assert found == {document["photo"]: document for document in expected}
    coco = json.loads((results / "coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == sorted(d["photo"] for d in expected if "error" not in d)
    things = sum(len(d["hands"]) + len(d["faces"]) for d in expected if "error" not in d)
    assert len(coco["annotations"]) == things > 0
    first = next(a for a in coco["annotations"] if a["category_id"] == 1)
    photo = coco["images"][first["image_id"] - 1]["file_name"]
    hand = next(hand for hand in found[photo]["hands"] if hand["box"] == first["bbox"])
    assert first["keypoints"][:2] == hand["landmarks"][0][:2] and first["num_keypoints"] == 21


def test_results_in_parquet_and_coco(photos, tmp_path, capsys):
    expected = plain_documents(photos, capsys)
    results = tmp_path / "results"
    assert cli.main(["detect", str(photos), "--results", str(results), "--threads", "1"]) == 1
    check(results, expected)
    table = pq.read_table(results / "parquet")  # as anybody reads it
    assert table.num_rows == len(expected) and table.schema.equals(bulk.SCHEMA, check_metadata=False)


def test_an_interrupted_run_goes_on(photos, tmp_path, capsys, monkeypatch):
    expected = plain_documents(photos, capsys)
    results, looked = tmp_path / "results", []
    monkeypatch.setattr(bulk, "BATCH", 2)
    document = bulk.document

    def interrupted(name, path, landmarker):
        looked.append(name)
        if len(looked) == 4:
            raise KeyboardInterrupt
        return document(name, path, landmarker)

    monkeypatch.setattr(bulk, "document", interrupted)
    command = ["detect", str(photos), "--results", str(results), "--threads", "1"]
    with pytest.raises(KeyboardInterrupt):
        cli.main(command)
    assert len(bulk.Results(results).names()) == 2, "a batch that was not finished is not there"
    (results / "parquet" / "_unfinished").write_bytes(b"PAR1 cut short")
    assert cli.main(command) == 1
    check(results, expected)
    assert len(looked) == 4 + len(expected) - 2, "what was done is not done again"
    before = [part.stat().st_mtime_ns for part in bulk.Results(results).parts]
    assert cli.main(command) == 1 and len(looked) == 4 + len(expected) - 2
    assert [part.stat().st_mtime_ns for part in bulk.Results(results).parts] == before


@pytest.mark.slow
def test_two_ray_workers_find_what_the_plain_run_finds(photos, tmp_path, capsys, monkeypatch):
    expected = plain_documents(photos, capsys)
    monkeypatch.setattr(bulk, "BATCH", 2)  # so that both have something to do
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
