from dataclasses import replace

import numpy as np
import pytest

from tests.benchmark.figures import box_figures, landmark_figures
from tests.benchmark.figures.landmark_figures import extent
from tests.benchmark.figures.table import Row, document, markdown
from tests.benchmark.sides.answers import Answers
from tests.benchmark.truth import rendered
from tests.benchmark.truth.photos import Photo, Truth, coco
from tests.benchmark.truth.photos import natural as natural_photo
from tests.benchmark.truth.point_map import IBUG_OF_MESH, PointMap
from tests.model.evaluation.test_natural_photos import scenes as natural

HAND = np.random.default_rng(0).uniform(100, 200, (21, 2))


def hands_found(*points: np.ndarray, right: bool = True) -> dict:
    return {
        "hand_points": np.array(points).reshape(-1, 21, 2),
        "hand_right": np.full(len(points), right),
        "hand_xyz": np.zeros((len(points), 21, 3)),
    }


def photo(*truths: Truth) -> Photo:
    return Photo(lambda: np.zeros((300, 300, 3), np.uint8), truths, frozenset({"hand"}))


def measured(truths: list[Truth], found: dict) -> list:
    return landmark_figures.measure([Answers(photo(*truths), 300, found, {})], "ours", "hand", lambda answer: answer["hand_points"])


def test_each_true_hand_gets_the_nearest_found_one_once():
    near, far = HAND + 2, HAND + 300
    found = hands_found(far + 1, near)
    truths = [HAND, HAND + 300, HAND + 600]
    assert landmark_figures.pairs(found["hand_points"], truths) == [1, 0, None]
    assert landmark_figures.pairs(found["hand_points"][1:], [HAND, HAND + 4]) in ([0, None], [None, 0])


def test_a_missed_hand_counts_as_wrong_but_not_in_the_error():
    truths = [Truth("hand", HAND, right=1), Truth("hand", HAND + 500, right=0)]
    ours = measured(truths, hands_found(HAND + (extent(HAND) * 0.06, 0)))
    assert landmark_figures.missed(ours) == 0.5
    assert landmark_figures.nme(ours, extent) == pytest.approx(0.06)
    assert landmark_figures.pck(ours, extent, 0.05) == 0 and landmark_figures.pck(ours, extent, 0.1) == 0.5
    assert ours[0].right_side is True and ours[1].right_side is None


def test_only_what_both_found_is_compared():
    truths = [Truth("hand", HAND), Truth("hand", HAND + 500)]
    ours, peer = measured(truths, hands_found(HAND, HAND + 501)), measured(truths, hands_found(HAND + 501))
    both = landmark_figures.both_found(ours, peer)
    assert [m.truth is truths[1] for m in both[0]] == [True] and len(both[1]) == 1


def test_unknown_points_do_not_count():
    points = HAND.copy()
    points[5] = np.nan
    ours = measured([Truth("hand", points)], hands_found(HAND + 3))
    assert landmark_figures.nme(ours, lambda _: 1.0) == pytest.approx(np.hypot(3, 3))


def boxes_found(boxes: list, scores: list) -> dict:
    return {"hand_box": np.array(boxes, float).reshape(-1, 4), "hand_score": np.array(scores, float)}


def test_recall_precision_and_what_an_unsure_box_excuses():
    truths = [
        Truth("hand", box=np.array(box, float), unsure=unsure)
        for box, unsure in (((0, 0, 50, 50), False), ((100, 0, 10, 10), False), ((200, 200, 50, 50), True))
    ]
    found = boxes_found([(0, 0, 50, 48), (200, 200, 50, 50), (0, 200, 60, 60)], [0.9, 0.8, 0.7])
    counted = box_figures.count([Answers(photo(*truths), 300, found, {})], "ours", "hand", 0.5)
    assert counted.recall() == 0.5 and counted.precision() == 0.5
    assert counted.recall(0, 0.08) == 0 and counted.recall(0.08, 0.25) == 1  # by size
    assert counted.recall_at(1.0) == 0.5  # the false detection has the lowest score


def test_recall_at_a_precision_that_no_threshold_reaches_is_zero():
    found = boxes_found([(200, 200, 50, 50), (0, 0, 50, 50)], [0.9, 0.8])
    counted = box_figures.count([Answers(photo(Truth("hand", box=np.array([0, 0, 50.0, 50]))), 300, found, {})], "ours", "hand", 0.5)
    assert counted.recall() == 1 and counted.recall_at(0.9) == 0


def test_the_box_map_undoes_a_habit():
    true = np.array([[10, 20, 40, 60], [100, 100, 80, 100.0]])
    habit = true * (1, 1, 0.8, 0.5) + np.hstack([true[:, 2:] * (0.1, 0.4), np.zeros((2, 2))])
    answers = [Answers(photo(*(Truth("hand", box=box) for box in true)), 300, boxes_found(habit, [1, 1]), {})]
    fitted = box_figures.fit_box_map(answers, "ours", "hand")
    assert box_figures.apply_box_map(habit, fitted) == pytest.approx(true)


def test_false_detections_are_counted_on_empty_photos_only():
    empty = Photo(lambda: None, (), frozenset({"hand", "face"}))
    nothing = np.zeros((0, 4))
    answers = [
        Answers(empty, 300, {"hand_box": np.ones((1, 4)), "face_box": nothing}, {"hand_box": nothing, "face_box": nothing}),
        Answers(replace(empty, boxed=frozenset({"hand"})), 300, {}, {}),
    ]
    (row,) = box_figures.false_detections("empty", answers)
    assert (row.ours, row.peer) == (1, 0)


def test_a_point_map_learns_a_convention_in_any_pose():
    rng = np.random.default_rng(1)
    mean, convention = rng.normal(size=(60, 2)), rng.normal(size=(60, 5)) / 8
    shape = mean + 0.1 * rng.normal(size=(80, 60, 2))
    turn = rng.uniform(-1, 1, 80)
    matrix = np.stack([np.stack([np.cos(turn), -np.sin(turn)], 1), np.stack([np.sin(turn), np.cos(turn)], 1)], 1) * 50
    mesh = np.einsum("nij,nkj->nki", matrix, shape) + rng.uniform(0, 300, (80, 1, 2))
    # Sums to one for each target point, or moving the face would move it differently.
    convention /= convention.sum(0)
    target = np.einsum("kl,nki->nli", convention, mesh)
    fitted = PointMap(mesh[:60], target[:60])
    apart = np.linalg.norm(fitted(mesh[60:]) - target[60:], axis=2).mean()
    unmapped = np.linalg.norm(target[60:] - target[60:].mean(1, keepdims=True), axis=2).mean()
    assert fitted(mesh[:0]).shape == (0, 5, 2)  # nobody found
    assert apart < 0.2 * unmapped and fitted.error < 0.2 * unmapped / 50


def test_the_usual_68_points_are_mesh_points_each_once():
    assert len(IBUG_OF_MESH) == 68 and len(set(IBUG_OF_MESH)) == 68 and IBUG_OF_MESH.max() < 468


def test_rendered_photos_are_the_same_every_time_and_their_truth_fits():
    photos = rendered.photos()
    again = rendered.photos()[3]
    assert (photos[3].open() == again.open()).all()
    for shown in photos[:3]:
        assert shown.open().shape == (rendered.HEIGHT, rendered.WIDTH, 3)
        assert all(instance.points is not None or instance.unsure for instance in shown.objects)


def test_a_coco_folder_of_ones_own(tmp_path):
    import json

    from PIL import Image

    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    keypoints = [[i, i + 1, 2 if i else 0] for i in range(21)]
    table = {
        "categories": [{"id": 7, "name": "hand"}],
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png", "split": "train"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 30, 20], "keypoints": sum(keypoints, []), "handedness": "left"}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(table))
    (only,) = coco(tmp_path)
    (hand,) = only.objects
    assert only.open().shape == (48, 64, 3) and only.boxed == {"hand"}
    assert hand.right == 0 and np.isnan(hand.points[0]).all() and hand.points[2].tolist() == [2, 3]


@pytest.mark.parametrize(
    "table, sentence",
    [
        (None, "holds 0 .json files"),
        ("[]", "not in COCO form"),
        ("{", "not in COCO form"),
        ('{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}', "names 1 pictures"),
        ('{"images": [], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}], "categories": [{"id": 1, "name": "cat"}]}',
            "no category is called hand or face"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_measured_on_is_refused_in_words(table, sentence, tmp_path):
    if table:
        (tmp_path / "annotations.json").write_text(table)
    with pytest.raises(ValueError, match=sentence):
        coco(tmp_path)


def test_the_table_tells_who_is_ahead():
    rows = [
        Row("hands", "NME", 0.03, 0.04), Row("hands", "PCK@0.1", 0.9, 0.8, lower=False), Row("speed", "photo", 20, 10, "ms"),
        Row("speed", "found", 2, 1, "n", None),
        Row("faces", "NME", float("nan"), 0.04),
    ]  # fmt: skip
    assert [row.verdict for row in rows] == ["ahead", "ahead", "behind", "", ""]
    lines = markdown(rows).splitlines()
    assert len(lines) == 2 + len(rows) and len({len(line) for line in lines}) == 1 and "0.750" in lines[2]
    kept = document(rows, {"date": "today"})
    assert kept["date"] == "today" and kept["rows"][0]["ratio"] == pytest.approx(0.75) and kept["rows"][4]["ours"] is None


@pytest.mark.parametrize(
    "way, mark", [("upright", (20, 10)), ("turned 90", (10, 440 - 1 - 20)), ("turned 180", (440 - 1 - 20, 400 - 1 - 10)), ("grey", (20, 10))]
)
def test_natural_photos_turn_with_their_labels(way, mark):
    scenes = natural(("hand", 120, 160, 60, 20), doubtful=[("face", 330, 150, 80, 0)])
    scenes.images[0, 10, 20] = 255
    [turned] = natural_photo(scenes, [0], way)
    picture = turned.open()
    assert picture[mark[1], mark[0]].tolist() == [255] * 3 and (picture.std(axis=2).any() != (way == "grey"))
    hand, face = turned.objects
    low, high = hand.points.min(0), hand.points.max(0)
    assert (hand.box[:2] < low).all() and (hand.box[:2] + hand.box[2:] > high).all() and hand.right == 1
    assert face.unsure and face.points is None and turned.boxed == {"hand", "face"}
