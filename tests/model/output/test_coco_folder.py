"""Corrected photos as a folder: the training's own reader takes it, and it comes back as it was."""

import io
import json
import random
import zipfile

import numpy as np
import pytest
from PIL import Image

from model import open_photo
from model.data.coco import coco
from model.data.landmark_sets import read_all
from model.data.samples import CROP
from model.output import coco_folder
from model.output.coco_folder import FOLDER, FolderError, LabelledPhoto
from model.output.corrections import Label, Labels


def picture(colour=(200, 120, 40), size=(120, 90)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def label(number, kind, at=(30.0, 20.0), side=None, corrected=True):
    rng = np.random.default_rng(number)
    return Label(number, kind, (rng.random((21 if kind == "hand" else 478, 2)) * 40 + at).astype(np.float32), side, corrected)


@pytest.fixture
def photos():
    first = Labels(120, 90, (label(0, "hand", side="left"), label(2, "face", (60, 30), corrected=False)), (label(1, "hand", side="right"),))
    second = Labels(120, 90, (label(1000, "hand", side="right"),))
    return [LabelledPhoto("a.png", picture(), first), LabelledPhoto("../a.png", picture((1, 2, 3)), second)]


def packed(photos) -> bytes:
    return b"".join(coco_folder.pieces(photos))


def test_the_training_s_reader_takes_the_folder_as_it_is(photos, tmp_path):
    with zipfile.ZipFile(io.BytesIO(packed(photos))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "data")
    hands, faces = coco(tmp_path / "data" / FOLDER, tmp_path / "cache")
    assert (hands.kind, hands.right.tolist(), hands.points.shape) == ("hand", [0, 1], (2, 21, 2))
    assert (faces.kind, faces.points.shape) == ("face", (1, 478, 2)) and (faces.weights == 1).all()
    truth = photos[0].labels.instances[0].points
    spread = np.ptp(hands.points[0], 0).max() / np.ptp(truth, 0).max()  # the crop only moves and scales
    assert np.allclose(hands.points[0] - hands.points[0].mean(0), (truth - truth.mean(0)) * spread, atol=0.05)
    inside = np.asarray(hands.images[1])[CROP // 2, CROP // 2]
    assert inside.tolist() == [1, 2, 3], "the second photo's hand is cut out of the second photo"
    assert [samples.kind for samples in read_all(tmp_path / "data", tmp_path / "cache")] == ["hand", "face"]


def test_it_comes_back_as_it_was(photos):
    back = coco_folder.read(io.BytesIO(packed(photos)))
    assert [photo.name for photo in back] == ["a.png", "a (2).png"]
    assert [photo.content for photo in back] == [photo.content for photo in photos]
    for mine, theirs in zip(photos, back):
        assert (theirs.labels.width, theirs.labels.height) == (120, 90)
        for ours, own in ((mine.labels.instances, theirs.labels.instances), (mine.labels.removed, theirs.labels.removed)):
            assert [(x.number, x.kind, x.handedness, x.corrected) for x in ours] == [(x.number, x.kind, x.handedness, x.corrected) for x in own]
            assert all(np.abs(x.points - y.points).max() <= 0.0051 for x, y in zip(ours, own))
    assert open_photo(back[1].content).shape == (90, 120, 3)


def test_one_photo_is_copied_at_a_time(photos):
    sizes = [len(piece) for piece in coco_folder.pieces(photos)]
    assert len(sizes) == 3


@pytest.mark.parametrize(
    "name, kept", [("a/b\\c.JPG", "c.JPG"), ("..", "photo"), (".hidden", "hidden"), ("x:y|z?.png", "x_y_z_.png"), ("Ä 1.heic", "Ä 1.heic"), ("", "photo")]
)
def test_names_are_made_harmless(name, kept):
    assert coco_folder.file_name(name) == kept


def changed(photos, edit):
    """The ZIP with its table changed by `edit`."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed(photos))) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith(".json"):
                table = json.loads(content)
                edit(table)
                content = json.dumps(table).encode()
            new.writestr(entry, content)
    return io.BytesIO(file.getvalue())


@pytest.mark.parametrize(
    "edit",
    [
        lambda table: table.pop("images"),
        lambda table: table["annotations"][0].update(keypoints=[1, 2, 2]),
        lambda table: table["annotations"][0].update(category_id=9),
        lambda table: table["annotations"][0].update(handedness="up"),
        lambda table: table["annotations"][0]["keypoints"].__setitem__(0, None),
        lambda table: table["images"][0].update(file_name="elsewhere.png"),
        lambda table: table["images"][0].update(width=-1),
        lambda table: table["annotations"].extend(table["annotations"] * 60),
    ],
)
def test_a_wrong_table_is_refused_in_one_sentence(photos, edit):
    with pytest.raises(FolderError) as caught:
        coco_folder.read(changed(photos, edit))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_damaged_files_are_refused(photos):
    whole = packed(photos)
    rng = random.Random(1)
    for content in (b"", b"PK", whole[:200], whole[: len(whole) // 2], picture()):
        with pytest.raises(FolderError):
            coco_folder.read(io.BytesIO(content))
    for _ in range(40):  # a flipped byte is noticed or harmless
        broken = bytearray(whole)
        broken[rng.randrange(len(broken))] ^= 0xFF
        try:
            coco_folder.read(io.BytesIO(bytes(broken)))
        except FolderError:
            pass


def test_what_is_too_large_is_refused(photos, monkeypatch):
    monkeypatch.setattr(coco_folder, "MOST_BYTES", 100)
    with pytest.raises(FolderError, match="more than"):
        coco_folder.read(io.BytesIO(packed(photos)))
