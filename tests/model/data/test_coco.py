"""One's own photos as training data: any folder in COCO-keypoints form, and what is said of one that cannot be used."""

import json
import subprocess
import sys
import zipfile

import cv2
import numpy as np
import pytest
import torch

from model.data import synthetic
from model.data.coco import coco
from model.data.landmark_batches import Plan
from model.data.landmark_sets import read_all
from model.data.samples import STORED_SCALE, DataError
from model.runtime.geometry import ROI, extract_crop
from model.training import losses
from model.training.landmark_task import LandmarkTask

GREY = [30, 60, 90, 120, 150, 180]


def hand(n=0):
    return [v for k in range(21) for v in (10 + 2 * k, 20 + (k * 7 + n) % 30, 2)]


def write(folder, order=(0, 1, 2), edit=lambda images, annotations: None, **table):
    """A folder with one grey picture a hand, `order` saying which picture stands where."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [{"id": n, "file_name": f"{n}.png", "width": 64, "height": 64} for n in order]
    annotations = [{"id": n, "image_id": n, "category_id": 1, "keypoints": hand(n)} for n in order]
    for n in order:
        cv2.imwrite(str(folder / f"{n}.png"), np.full((64, 64, 3), GREY[n], np.uint8))
    edit(images, annotations)
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": []} | table))
    return folder


def shown(samples):
    return [GREY.index(int(picture.max())) for picture in samples.images]


def test_any_coco_keypoints_folder_can_be_read(tmp_path):
    rng = np.random.default_rng(1)
    folder = tmp_path / "mine"
    folder.mkdir()
    picture, points, _, right = synthetic.draw_hand(rng)
    cv2.imwrite(str(folder / "a.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    keypoints = np.concatenate([points, np.full((21, 1), 2)], 1).ravel().tolist()
    (folder / "annotations.json").write_text(
        json.dumps(
            {
                "images": [{"id": 7, "file_name": "a.png", "width": 256, "height": 256, "split": "val"}],
                "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "keypoints": keypoints, "handedness": "right" if right else "left"}],
                "categories": [{"id": 1, "name": "hand"}],
                "licenses": [{"id": 1, "name": "CC0"}],
            }
        )
    )
    (samples,) = coco(folder, tmp_path / "cache")
    assert (samples.kind, samples.licence, samples.split.tolist(), samples.right.tolist()) == ("hand", "CC0", ["val"], [right])
    # the crop shows the same pixels at the moved points
    a = picture[points[:, 1].round().astype(int), points[:, 0].round().astype(int)].astype(int)
    at = samples.points[0].round().astype(int)
    b = np.asarray(samples.images[0])[at[:, 1], at[:, 0]].astype(int)
    assert np.median(np.abs(a - b)) < 12


def test_pictures_meet_their_own_labels_after_every_edit(tmp_path):
    folder, cache = tmp_path / "mine", tmp_path / "cache"
    assert shown(coco(write(folder), cache)[0]) == [0, 1, 2]
    assert shown(coco(write(folder, (0, 1, 2, 3)), cache)[0]) == [0, 1, 2, 3], "more pictures"
    assert shown(coco(write(folder, (3, 1, 0)), cache)[0]) == [3, 1, 0], "another order"
    cv2.imwrite(str(folder / "1.png"), np.full((64, 64, 3), GREY[5], np.uint8))
    assert shown(coco(folder, cache)[0]) == [3, 5, 0], "another picture of that name"
    assert shown(coco(write(tmp_path / "other" / "mine", (2, 1)), cache)[0]) == [2, 1], "another folder of that name"
    assert len(list(cache.glob("*.npy"))) == 1, "what is outdated is removed"


def test_an_archive_of_the_same_size_with_other_pictures_is_decoded_anew(tmp_path):
    folder = write(tmp_path / "mine")
    for order in ((0, 1, 2), (2, 0, 1)):
        with zipfile.ZipFile(folder / "images.zip", "w") as archive:
            for n, shade in enumerate(order):
                archive.writestr(f"{n}.png", cv2.imencode(".png", np.full((64, 64, 3), GREY[shade], np.uint8))[1].tobytes())
        assert tuple(shown(coco(folder, tmp_path / "cache")[0])) == order


def test_training_crops_are_those_of_inference(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    points = rng.uniform(100, 1400, (21, 2))
    folder = write(tmp_path / "mine", (0,), lambda images, annotations: annotations[0].update(keypoints=np.c_[points, np.full(21, 2)].ravel().tolist()))
    cv2.imwrite(str(folder / "0.png"), noise[..., ::-1])
    (samples,) = coco(folder, tmp_path / "cache")
    low, high = points.min(0), points.max(0)
    expected = extract_crop(noise, ROI(*((low + high) / 2), (high - low).max() * STORED_SCALE))
    assert np.abs(samples.images[0].astype(int) - expected).max() <= 1
    assert samples.images[0][100:150, 100:150].std() < 20, "shrunk without aliasing"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("visibility", [0, 2])
def test_points_without_coordinates_weigh_nothing(tmp_path, value, visibility):
    def unlabel(images, annotations):
        annotations[0]["keypoints"][:3] = [value, value, visibility]  # the wrist, which says which way is up

    (samples,) = coco(write(tmp_path / "mine", edit=unlabel), tmp_path / "cache")
    assert samples.weights[0].tolist() == [0] + [1] * 20 and samples.weights[1].all()
    assert np.isfinite(samples.points).all()
    task = LandmarkTask("hand", [samples], [], 0, Plan(own=6, others=0, empty=1))
    network = task.build()
    (batch,) = task.stream(256, 1, 1)
    parts = task.loss(network, batch)
    sum(losses.WEIGHTS.get(name.split(".")[-1], 1.0) * part for name, part in parts.items()).backward()
    assert all(torch.isfinite(part) for part in parts.values())
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_annotations_without_any_labelled_point_are_left_out(tmp_path):
    (samples,) = coco(write(tmp_path / "mine", edit=lambda images, annotations: annotations[1].update(keypoints=[0] * 63)), tmp_path / "cache")
    assert shown(samples) == [0, 2]


@pytest.mark.parametrize("given, expected", [("left", 0), ("Left", 0), ("RIGHT", 1), (" right ", 1), (None, -1), ("both", -1), (1, -1)])
def test_sides(tmp_path, given, expected):
    (samples,) = coco(write(tmp_path / "mine", edit=lambda images, annotations: annotations[0].update(handedness=given)), tmp_path / "cache")
    assert samples.right[0] == expected


def test_coco_wholebody_hands_and_faces(tmp_path):
    def whole_body(images, annotations):
        for a in annotations:
            a.update(
                keypoints=[1, 1, 2] * 17,
                lefthand_kpts=hand(),
                lefthand_valid=True,
                righthand_kpts=hand(),
                righthand_valid=False,
                face_kpts=[v for k in range(68) for v in (10 + k % 8 * 4, 10 + k // 8 * 4, 0.9)],
                face_valid=True,
            )

    hands, faces = coco(write(tmp_path / "mine", edit=whole_body), tmp_path / "cache")
    assert (hands.kind, hands.right.tolist(), faces.kind) == ("hand", [0, 0, 0], "face")
    assert faces.ibug_weights.all() and not faces.weights.any()


def test_ids_may_be_text_and_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    folder = write(tmp_path / "mine", edit=lambda images, annotations: [image.update(id=str(image["id"])) for image in images])
    table = folder / "annotations.json"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert shown(coco(folder, tmp_path / "cache")[0]) == [0, 1, 2]


def test_every_tenth_picture_is_for_validation_but_a_single_one_is_for_training(tmp_path):
    assert coco(write(tmp_path / "one", (0,)), tmp_path / "cache")[0].split.tolist() == ["train"]

    def many(images, annotations):
        images[:] = [{"id": n, "file_name": "0.png"} for n in range(20)]
        annotations[:] = [{"id": n, "image_id": n // 2, "keypoints": hand()} for n in range(40)]

    split = coco(write(tmp_path / "many", (0,), many), tmp_path / "cache")[0].split
    assert (split == "val").sum() == 4 and (split[::2] == split[1::2]).all(), "both hands of a picture on one side"


FAULTS = {
    "a picture is missing": (lambda f, i, a: (f / "1.png").unlink(), "The picture 1.png of {table}, annotation 1 is neither in"),
    "an unknown image": (lambda f, i, a: a[1].update(image_id=99), "{table}, annotation 1 belongs to image 99"),
    "a picture that is none": (lambda f, i, a: (f / "2.png").write_bytes(b"\0\0\0\x18ftypheic"), "The picture 2.png of {table}, annotation 2 cannot be used"),
    "text for a number": (lambda f, i, a: a[0]["keypoints"].__setitem__(0, "x"), "{table}, annotation 0 has a keypoint that is not a number"),
    "no keypoints": (lambda f, i, a: a.clear(), "{table} has no annotation with 21"),
    "an image without a name": (lambda f, i, a: i[0].pop("file_name"), "{table} is not in COCO form"),
    "an annotation that is none": (lambda f, i, a: a.append(5), "{table}, annotation number 4 is no object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_in_one_sentence(tmp_path, fault):
    change, sentence = FAULTS[fault]
    folder = tmp_path / "data" / "mine"
    with pytest.raises(DataError) as error:
        coco(write(folder, edit=lambda images, annotations: change(folder, images, annotations)), tmp_path / "cache")
    assert str(error.value).startswith(sentence.format(table=folder / "annotations.json")) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"images": 5}', b"\xff\xfe{}", b'{"images": [1], "annotations": []}'])
def test_a_table_that_is_none(tmp_path, content):
    (tmp_path / "annotations.json").write_bytes(content)
    with pytest.raises(DataError, match="is not in COCO form"):
        coco(tmp_path, tmp_path / "cache")


def test_the_command_says_so_without_a_traceback(tmp_path):
    write(tmp_path / "data" / "mine")
    (tmp_path / "data" / "mine" / "1.png").unlink()
    for data, words in (
        (tmp_path / "data", "The picture 1.png"),
        (tmp_path / "nowhere", "is no folder"),
        (tmp_path / "data" / "mine", "holds no training set"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "model.training.train", "--data", data, "--cache", tmp_path / "cache", "--run", tmp_path / "run"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_a_part_that_no_set_shows(tmp_path):
    write(tmp_path / "data" / "mine")
    with pytest.raises(DataError, match="No training set shows a face"):
        LandmarkTask("face", read_all(tmp_path / "data", tmp_path / "cache"), [], 0, Plan())
