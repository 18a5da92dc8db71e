"""What the detector learns from: photos that are kept back, what is drawn in front of others, and what each cell should say."""

import json
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from model.data import detection_batches, detection_sets
from model.data import landmark_sets as data_sets
from model.data.detection_batches import STRIDE, Canvas, targets
from model.evaluation import fit_confidence, unlabelled_hands
from model.runtime.boxes import iou


@pytest.fixture
def data(tmp_path):
    """40 empty photos and 20 with a hand, as a data folder."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    for name, count in (("hand_scenes", 20), ("face_scenes", 40)):
        (folder / name).mkdir(parents=True)
        with zipfile.ZipFile(folder / name / "images.zip", "w") as archive:
            for n in range(count):
                archive.writestr(f"{n}.png", cv2.imencode(".png", rng.integers(0, 256, (20, 30, 3), np.uint8))[1].tobytes())
        empty = name == "face_scenes"
        (folder / name / "annotations.json").write_text(
            json.dumps(
                {
                    "images": [
                        {"id": n, "file_name": f"{n}.png", "width": 30, "height": 20, "negative": empty, "split": "val" if n == 1 else "train"}
                        for n in range(count)
                    ],
                    "annotations": [] if empty else [{"image_id": n, "bbox": [2, 2, 9, 9], "num_keypoints": 0} for n in range(count)],
                }
            )
        )
    return folder


def test_thresholds_are_set_on_photos_that_training_never_sees(data, tmp_path):
    faces = detection_sets.read(data / "face_scenes", tmp_path)
    tune = faces.split == "tune"
    assert 2 <= tune.sum() <= 16 and faces.split[1] == "val"
    assert (detection_sets.read(data / "face_scenes", tmp_path).split == faces.split).all(), "the same ones every time"
    trained = {p.tobytes() for p in detection_sets.backgrounds(data, tmp_path)}
    kept_back = {rgb.tobytes() for _, rgb, _, empty in fit_confidence.photos(data, tmp_path) if empty}
    assert len(trained) + len(kept_back) == 39 and not trained & kept_back


@pytest.fixture
def natural(data, tmp_path):
    """The folder with 40 natural photos more, each with a hand, a face and a doubtful hand."""
    folder = data / "wild"
    folder.mkdir()
    rng, points = np.random.default_rng(1), [v for k in range(21) for v in (5 + k % 4, 4 + k // 4, 2)]
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for n in range(40):
            archive.writestr(f"{n}.png", cv2.imencode(".png", rng.integers(0, 256, (20, 30, 3), np.uint8))[1].tobytes())
    common = {"iscrowd": 0, "bbox": [4, 3, 6, 8]}
    (folder / "annotations.json").write_text(
        json.dumps(
            {
                "images": [
                    {
                        "id": n,
                        "file_name": f"{n}.png",
                        "width": 30,
                        "height": 20,
                        "negative": False,
                        "split": "val" if n == 1 else "train",
                        "stretched": n == 2,
                        "group": f"clip {n // 2}",
                    }
                    for n in range(40)
                ],
                "annotations": [
                    a
                    for n in range(40)
                    for a in (
                        {"image_id": n, "category_id": 1, "keypoints": points, "num_keypoints": 21, "z": [0] * 21, "spread": [0.01] * 21, "handedness": "right"}
                        | common,
                        {"image_id": n, "category_id": 2} | common | {"bbox": [15, 5, 8, 10]},
                        {"image_id": n, "category_id": 1} | common | {"bbox": [0, 12, 5, 5], "iscrowd": 1},
                    )
                ],
            }
        )
    )
    return data


def test_natural_photos_label_both_kinds(natural, tmp_path):
    photos = detection_sets.read(natural / "wild", tmp_path)
    assert photos.known.all() and photos.stretched.sum() == 1
    hand, face, doubtful = photos.objects[0]
    assert hand[0] == 0 and face[0] == 1 and doubtful[7] == 1
    assert face[1:5].tolist() == pytest.approx([15, 3.8, 8, 11.2]), "up to the hairline, as people draw a face's box"
    assert np.isfinite(photos.points[0][0]).all() and photos.sure[0].tolist() == [True, False, False] and photos.right[0].tolist() == [1, -1, -1]


def test_confidence_is_fitted_on_natural_photos_that_no_network_is_trained_on(natural, tmp_path):
    photos = detection_sets.read(natural / "wild", tmp_path)
    tune = photos.split == "tune"
    assert 2 <= tune.sum() <= 14 and (tune[::2] == tune[1::2])[1:].all(), "a clip stays on one side"
    hands = data_sets.wild(natural / "wild", tmp_path)
    assert (hands.split == photos.split).all(), "the hand network keeps the same photos back as the detector"
    chosen = [rgb.tobytes() for known, rgb, _, empty in fit_confidence.photos(natural, tmp_path) if not empty]
    assert set(chosen) == {photos.images[i, :20, :30].tobytes() for i in np.flatnonzero(tune)}


def test_hands_that_nobody_labelled_complete_the_photos_kept_back(natural, tmp_path, monkeypatch):
    monkeypatch.setattr(unlabelled_hands, "FILE", tmp_path / "known.json")
    unlabelled_hands.FILE.write_text("{}")
    labelled = list(fit_confidence.photos(natural, tmp_path))
    unlabelled_hands.FILE.write_text(json.dumps({f"{n}.png": [[0.5, 0.5, 0.2, 0.2]] for n in range(40)}))
    for (*_, objects, empty), (*_, completed, _) in zip(labelled, fit_confidence.photos(natural, tmp_path), strict=True):
        added = 0 if empty else 1
        assert len(completed) == len(objects) + added
        assert completed[len(objects) :, :5].tolist() == [pytest.approx([0, 15, 10, 6, 4])] * added


def test_what_the_networks_hint_at_is_used_in_training(natural, tmp_path):
    before = detection_sets.read(natural / "wild", tmp_path).objects[0]
    detection_sets.write_hints(tmp_path, "wild", detection_sets.Hints({"0.png": np.array([[15, 4, 8, 11, 0.6, -0.8]])}, {"0.png": np.array([[20.0, 0, 6, 6]])}))
    photos = detection_sets.read(natural / "wild", tmp_path)
    hand, face, doubtful, unlabelled = photos.objects[0]
    assert (hand == before[0]).all() and (doubtful == before[2]).all()
    assert face[5:7].tolist() == pytest.approx([0.6, -0.8]) and not before[1, 5:7].any()
    assert unlabelled.tolist() == [0, 20, 0, 6, 6, 0, 0, 1], "a hand that nobody labelled is ignored, not taught as background"
    assert len(photos.points[0]) == len(photos.sure[0]) == len(photos.right[0]) == 4
    assert len(photos.objects[2]) == 3


def test_turned_boxes_are_those_of_the_ellipse_inside():
    quarter = np.array([[0.0, -1, 100], [1, 0, 0]])
    assert detection_batches.turned_box(np.array([10, 20, 30, 40]), quarter) == pytest.approx([40, 10, 40, 30])
    eighth = np.array([[1.0, -1, 0], [1, 1, 0]]) * 0.5**0.5
    assert detection_batches.turned_box(np.array([-10, -10, 20, 20]), eighth) == pytest.approx([-10, -10, 20, 20]), "a circle stays one"


def test_a_picture_for_the_detector_has_its_labels_where_its_objects_are(natural, tmp_path):
    """In photos turned by any angle: the box lies on the object's own pixels."""
    photos = detection_sets.read(natural / "wild", tmp_path)
    images = np.zeros_like(photos.images)
    for image in images:
        cv2.ellipse(image, (120, 45), (20, 15), 0, 0, 360, (255, 255, 255), -1)
    box = [0, 100, 30, 40, 30, 0, -1, 0]
    marked = replace(
        photos, images=images, sizes=np.full_like(photos.sizes, 200), objects=[np.array([box], np.float32)] * 40, points=[np.full((1, 21, 2), np.nan)] * 40
    )
    stream, rng, overlaps = detection_batches.Photos([marked], [], 256, 0, 1, 1), np.random.default_rng(0), []
    for _ in range(40):
        canvas = detection_batches.Canvas(256)
        stream.place(canvas, (0, 0, 256, 256), rng)
        y, x = np.nonzero(canvas.image[..., 0] > 127)
        if len(canvas.objects) == 1 and not canvas.objects[0][7] and len(x):
            shown = np.array([[x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]])
            overlaps.append(iou(canvas.objects[0][None, 1:5], shown)[0, 0])
    assert len(overlaps) > 20 and min(overlaps) > 0.45 and np.median(overlaps) > 0.75


def test_the_least_confidence_lies_right_above_the_detection_that_would_break_a_promise():
    confidence = np.array([0.2, 0.4, 0.6, 0.9])
    found = fit_confidence.Detections(np.zeros((4, 4)), np.array([False, True, False, True]), np.array([True, False, True, False]), np.ones(4), 2)
    assert fit_confidence.least(confidence, found, 1, 0.5, 1.0)[0] == pytest.approx(0.201)  # a second find in the one empty photo is too much
    assert fit_confidence.least(confidence, found, 1, 0.9, 1.0)[0] == pytest.approx(0.601)  # and here what is wrong
    assert fit_confidence.least(confidence, found, 1, 0.5, 0.5)[0] == pytest.approx(0.601)
    assert fit_confidence.least(confidence, found, 1, 1.1, 1.0) == (1.0, {})
    assert fit_confidence.least(confidence, found, 1, 0.5, 0.4) == (1.0, {}), "none on one photo promises no less than one on two"


def test_a_level_keeps_its_promise_on_photos_it_was_not_set_on():
    """On average over many sets of 40 photos. A level that only looks back, and lets a tenth of these pass, lets 5 in 41 pass of new ones."""
    rng, passed = np.random.default_rng(0), []
    for _ in range(400):
        score = rng.uniform(0, 0.9, 40)
        found = fit_confidence.Detections(np.zeros((41, 4)), np.arange(41) == 40, np.arange(41) < 40, np.ones(41), 1)
        level, _ = fit_confidence.least(np.append(score, 1.0), found, 40, 0.0, 0.1)
        passed.append((rng.uniform(0, 0.9, 1000) >= level).mean())
    assert 0.08 < np.mean(passed) <= 0.102


def with_box(x: float, y: float, w: float, h: float, size: int = 256) -> Canvas:
    canvas = Canvas(size)
    canvas.objects.append(np.array([0, x, y, w, h, 0, -1, 0.0]))
    return canvas


@pytest.mark.parametrize("width, height, most", [(12, 12, 4), (40, 40, 4), (200, 200, 9), (230, 30, 9)])
def test_few_cells_near_the_middle_speak_for_a_box(width, height, most):
    """However large it is, so that large boxes do not outvote small ones."""
    found = targets(with_box(128.5 - width / 2, 100.5 - height / 2, width, height))
    chosen = np.flatnonzero(found["positive"][0])
    assert 1 <= len(chosen) <= most and not found["positive"][1].any()
    centres = (np.stack([chosen % 32, chosen // 32], 1) + 0.5) * STRIDE - 0.5
    assert np.abs(centres - (128.5, 100.5)).max() <= 1.5 * STRIDE
    for (cx, cy), (left, top, right, bottom) in zip(centres, found["sides"][0, chosen] * STRIDE):
        assert (cx - left, cy - top, cx + right, cy + bottom) == pytest.approx(
            (128.5 - width / 2, 100.5 - height / 2, 128.5 + width / 2, 100.5 + height / 2), abs=1.1
        )


@pytest.mark.parametrize("hand_at, hidden", [(60, True), (180, False)])
def test_what_a_pasted_hand_hides_is_no_longer_asked_for(hand_at, hidden):
    canvas = with_box(40, 40, 40, 40)
    points = np.random.default_rng(0).uniform(20, 60, (1, 21, 2))
    mask = np.zeros((1, 80, 80), np.uint8)
    mask[0, 10:70, 10:70] = 255
    sample = SimpleNamespace(kind="hand", masks=mask, images=np.full((1, 80, 80, 3), 200, np.uint8), points=points)
    canvas.paste(sample, 0, np.array([[1.0, 0, hand_at - 40], [0, 1.0, hand_at - 40]]))
    behind, pasted = canvas.objects
    assert bool(behind[7]) == hidden and not pasted[7]
    assert (canvas.image[hand_at, hand_at] == 200).all() and not canvas.image[5, 5].any()
