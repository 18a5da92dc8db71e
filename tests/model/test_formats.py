"""Files: JSON as promised, CSV, COCO."""

import csv
import io
import json

import numpy as np
import pytest

from model.formats import CSV_COLUMNS, to_coco, to_csv, to_json_document
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


def test_nothing_found(landmarker):
    empty = landmarker.detect(photo(100, 80))
    assert to_json_document("a.jpg", empty) == {"photo": "a.jpg", "width": 100, "height": 80, "hands": [], "faces": []}
    assert to_csv([("a.jpg", empty)]).splitlines() == [",".join(CSV_COLUMNS)]
    assert to_coco([("a.jpg", empty)])["annotations"] == []
