"""Files for label tools, read back by the fields that their formats document."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from urllib.parse import unquote

import numpy as np
import pytest

from model.output.label_tools import LOCAL_FILES, label_studio_config, to_label_studio, to_yolo, yolo_names
from tests.model.drawn_world import photo


@pytest.fixture
def result(landmarker):
    return landmarker.detect(photo(640, 480, ("hand", 200, 300, 100, 40), ("face", 420, 200, 130, 10)))


@pytest.fixture
def beyond(result):
    """The same, its hand moved so far that a part lies outside the picture."""
    [hand] = result.hands
    away = np.float32([-hand.landmarks[:, 0].mean(), 0, 0])
    return replace(result, hands=(replace(hand, landmarks=hand.landmarks + away, box=(hand.box[0] + away[0], *hand.box[1:])),))


def read_yaml(text: str) -> dict:
    """The few forms that data.yaml has: `key: value`, and `names:` with indented numbers."""
    data: dict = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if line.startswith("  "):
            data["names"][int(key)] = value.strip()
        elif not line.startswith("#"):
            data[key] = {} if not value else json.loads(value) if value.strip().startswith("[") else value.strip()
    return data


def read_yolo(rows: str, data: dict, width: int, height: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """As a trainer reads it: (box x y w h, keypoints (K, 3)) in pixels with integers at their centres."""
    count, dimensions = data["kpt_shape"]
    found = []
    for row in rows.splitlines():
        label, *numbers = row.split()
        assert int(label) in data["names"] and len(numbers) == 4 + count * dimensions
        values = np.array(numbers, float)
        assert ((values[:4] >= 0) & (values[:4] <= 1)).all(), "a trainer refuses boxes outside the picture"
        keypoints = values[4:].reshape(count, dimensions)
        assert ((keypoints[:, :2] >= 0) & (keypoints[:, :2] <= 1)).all()
        x, y, w, h = values[:4] * (width, height, width, height)
        keypoints[:, :2] = keypoints[:, :2] * (width, height) - 0.5
        found.append((np.array([x - w / 2 - 0.5, y - h / 2 - 0.5, w, h]), keypoints))
    return found


def test_yolo_pose_is_read_back(result):
    files = to_yolo([("holiday/a.jpg", result), ("b.jpg", replace(result, hands=()))])
    assert set(files) == {f"{kind}/{name}" for kind in ("hands", "faces") for name in ("data.yaml", "labels/a.txt", "labels/b.txt")}
    for kind, instance in (("hands", result.hands[0]), ("faces", result.faces[0])):
        data = read_yaml(files[f"{kind}/data.yaml"])
        assert data["kpt_shape"] == [len(instance.landmarks), 3] and data["names"] == {0: instance.kind}
        assert (data["train"], data["val"]) == ("images", "images")
        [(box, keypoints)] = read_yolo(files[f"{kind}/labels/a.txt"], data, 640, 480)
        assert box == pytest.approx(instance.box, abs=0.01)
        assert keypoints[:, :2] == pytest.approx(instance.landmarks[:, :2], abs=0.01) and (keypoints[:, 2] == 2).all()
    assert read_yaml(files["hands/data.yaml"])["flip_idx"] == list(range(21))
    assert files["hands/labels/b.txt"] == "", "a photo without hands is an example too"


def test_yolo_keypoints_outside_the_picture_are_unlabelled(beyond):
    files = to_yolo([("a.jpg", beyond)])
    [(box, keypoints)] = read_yolo(files["hands/labels/a.txt"], read_yaml(files["hands/data.yaml"]), 640, 480)
    outside = beyond.hands[0].landmarks[:, 0] < -0.5
    assert 0 < outside.sum() < 21 and (keypoints[outside, 2] == 0).all() and (keypoints[~outside, 2] == 2).all()
    assert box[0] == pytest.approx(-0.5, abs=0.01)


def test_yolo_names_stay_apart():
    assert yolo_names(["a.jpg", "sub/a.png", "b.c.jpg"]) == ["a", "a (2)", "b.c"]


def test_label_studio_is_read_back(result):
    """As its import reads a task: every region names a control of the interface and one of its labels, in percent of the picture."""
    [task] = json.loads(json.dumps(to_label_studio([("our holiday/a b.jpg", result)])))
    assert unquote(task["data"]["image"].removeprefix(LOCAL_FILES)) == "our holiday/a b.jpg"
    [prediction] = task["predictions"]
    config = ElementTree.fromstring(label_studio_config())
    [image] = config.iter("Image")
    assert image.get("value") == "$image"
    controls = {control.get("name"): {label.get("value") for label in control} for control in config if control.tag in ("RectangleLabels", "KeyPointLabels")}
    regions = prediction["result"]
    assert len({region["id"] for region in regions}) == len(regions) == 2 + 21 + 68
    for region in regions:
        assert region["to_name"] == image.get("name") and (region["original_width"], region["original_height"]) == (640, 480)
        assert set(region["value"][region["type"]]) <= controls[region["from_name"]]
    rectangles = {region["id"]: region for region in regions if region["type"] == "rectanglelabels"}
    assert sorted(region["value"]["rectanglelabels"][0] for region in rectangles.values()) == ["face", f"{result.hands[0].handedness} hand"]
    for own, points in ((result.hands[0], result.hands[0].landmarks[:, :2]), (result.faces[0], result.faces[0].ibug68)):
        [rectangle] = [region for region in rectangles.values() if ("hand" in region["value"]["rectanglelabels"][0]) == (own.kind == "hand")]
        value = rectangle["value"]
        assert np.array([value["x"] * 6.4 - 0.5, value["y"] * 4.8 - 0.5, value["width"] * 6.4, value["height"] * 4.8]) == pytest.approx(own.box, abs=0.01)
        found = [region["value"] for region in regions if region.get("parentID") == rectangle["id"]]
        assert np.array([[place["x"] * 6.4 - 0.5, place["y"] * 4.8 - 0.5] for place in found]) == pytest.approx(points, abs=0.01)


def test_label_studio_leaves_out_what_lies_outside(beyond):
    [task] = to_label_studio([("a.jpg", beyond)])
    regions = [region for region in task["predictions"][0]["result"] if region["type"] == "keypointlabels"]
    assert 68 < len(regions) < 68 + 21
    assert all(0 <= region["value"][axis] <= 100 for region in regions for axis in "xy")
