"""Files: JSON as promised, CSV, COCO."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model.output.serialize import CSV_COLUMNS, distinct, from_json_document, to_coco, to_csv, to_json_document
from tests.model.drawn_world import photo


@pytest.fixture
def result(landmarker):
    return landmarker.detect(photo(640, 480, ("hand", 200, 300, 100, 40), ("face", 420, 200, 130, 10)))


def test_json_document(result):
    document = json.loads(json.dumps(to_json_document("a.jpg", result)))
    assert list(document) == ["photo", "width", "height", "hands", "faces"]
    assert (document["photo"], document["width"], document["height"]) == ("a.jpg", 640, 480)
    [hand], [face] = document["hands"], document["faces"]
    assert set(hand) == {"handedness", "handedness_score", "score", "box", "landmarks", "sigma"}
    assert hand["handedness"] == "right" and hand["handedness_score"] == 0.8
    assert np.shape(hand["landmarks"]) == (21, 3) and len(hand["sigma"]) == 21 and len(hand["box"]) == 4
    assert set(face) == {"score", "box", "landmarks", "ibug68", "sigma"}
    assert np.shape(face["landmarks"]) == (478, 3) and np.shape(face["ibug68"]) == (68, 2)
    assert np.allclose(hand["landmarks"], result.hands[0].landmarks, atol=0.006)


def test_a_document_becomes_the_result_again(result):
    document = json.loads(json.dumps(to_json_document("a.jpg", result)))
    again = from_json_document(document)
    assert to_json_document("a.jpg", again) == document and len(again.hands) + len(again.faces) > 0
    assert again.hands[0].roi.side == pytest.approx(result.hands[0].roi.side, rel=0.5)


def test_csv_has_a_row_per_point(result):
    rows = list(csv.DictReader(io.StringIO(to_csv([("a.jpg", result), ("b.jpg", result)]))))
    assert len(rows) == 2 * (21 + 478)
    assert tuple(rows[0]) == CSV_COLUMNS
    tip = next(row for row in rows if row["name"] == "index_finger_tip")
    assert (tip["photo"], tip["kind"], tip["number"], tip["point"]) == ("a.jpg", "hand", "0", "8")
    assert float(tip["x"]) == pytest.approx(result.hands[0].landmarks[8, 0], abs=0.006)
    assert rows[-1]["handedness"] == ""


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@x"])
def test_csv_holds_no_formula(result, name):
    assert f"\n'{name}," in to_csv([(name, result)])


def test_csv_quotes_names(result):
    name = 'a,"b"\n.jpg'
    assert next(csv.DictReader(io.StringIO(to_csv([(name, result)]))))["photo"] == name


def test_coco(result):
    data = json.loads(json.dumps(to_coco([("a.jpg", result), ("b.jpg", result)])))
    categories = {category["id"]: category for category in data["categories"]}
    assert [image["file_name"] for image in data["images"]] == ["a.jpg", "b.jpg"]
    assert len({annotation["id"] for annotation in data["annotations"]}) == 4
    for annotation in data["annotations"]:
        category = categories[annotation["category_id"]]
        assert len(annotation["keypoints"]) == 3 * len(category["keypoints"]) == 3 * annotation["num_keypoints"]
        assert annotation["image_id"] in (1, 2)
        assert set(annotation["keypoints"][2::3]) == {2}
        for edge in category["skeleton"]:
            assert 1 <= min(edge) and max(edge) <= len(category["keypoints"])
    assert {category["name"] for category in categories.values()} == {"hand", "face"}


@pytest.fixture
def beyond(result):
    """The same, moved so far to the upper left, or the lower right, that a part lies outside the picture."""

    def moved(instance, x, y):
        landmarks = instance.landmarks + np.float32([x, y, 0])
        return replace(instance, landmarks=landmarks, box=(instance.box[0] + x, instance.box[1] + y, *instance.box[2:]))

    [hand], [face] = result.hands, result.faces
    left, top = hand.landmarks[:, :2].mean(axis=0)
    right, bottom = (640, 480) - face.landmarks[:, :2].mean(axis=0)
    return replace(result, hands=(moved(hand, -left, -top),), faces=(moved(face, right, bottom),))


def test_coco_knows_what_lies_outside(beyond):
    for annotation, instance in zip(to_coco([("a.jpg", beyond)])["annotations"], beyond.hands + beyond.faces):
        x, y, w, h = annotation["bbox"]
        assert min(x, y) >= 0 and x + w <= 640.001 and y + h <= 480.001 and annotation["area"] == pytest.approx(w * h, abs=0.01)
        assert 0 < w < instance.box[2] and 0 < h < instance.box[3]
        points = np.reshape(annotation["keypoints"], (-1, 3))
        inside = (points[:, 0] >= 0) & (points[:, 0] < 640) & (points[:, 1] >= 0) & (points[:, 1] < 480)
        assert 0 < inside.sum() < len(points)
        assert (points[:, 2] == np.where(inside, 2, 1)).all()
        assert np.allclose(points[:, :2], instance.landmarks[:, :2], atol=0.006), "outside a point keeps its place"


def test_pycocotools_reads_it(result, beyond, tmp_path, capsys):
    """As people do: load the file, load results for it, compare. Its releases 2.0.9 and 2.0.10 ask for `info`."""
    data = to_coco([("a.jpg", result), ("b.jpg", beyond)])
    assert data["info"]["description"]
    (tmp_path / "coco.json").write_text(json.dumps(data))
    truth = COCO(tmp_path / "coco.json")
    found = truth.loadRes([{key: value for key, value in one.items() if key != "id"} for one in data["annotations"]])
    assert sorted(truth.getImgIds(catIds=[1])) == [1, 2]
    compared = COCOeval(truth, found, "bbox")
    compared.evaluate()
    compared.accumulate()
    compared.summarize()
    assert compared.stats[0] == pytest.approx(1)


def test_two_photos_of_one_name_stay_distinct(result):
    names = ["a.jpg", "a.jpg", "b", "a (2).jpg", "a.jpg", "b"]
    unique = list(distinct(names))
    assert unique == ["a.jpg", "a (2).jpg", "b", "a (2) (2).jpg", "a (3).jpg", "b (2)"]
    results = [(name, result) for name in names]
    assert [image["file_name"] for image in to_coco(results)["images"]] == unique
    assert list(dict.fromkeys(row["photo"] for row in csv.DictReader(io.StringIO(to_csv(results))))) == unique


def test_nothing_found(landmarker):
    empty = landmarker.detect(photo(100, 80))
    assert to_json_document("a.jpg", empty) == {"photo": "a.jpg", "width": 100, "height": 80, "hands": [], "faces": []}
    assert to_csv([("a.jpg", empty)]).splitlines() == [",".join(CSV_COLUMNS)]
    assert to_coco([("a.jpg", empty)])["annotations"] == []
