"""What the detector learns from: photos that are kept back, what is drawn in front of others, and what each cell should say."""

import json
import zipfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from model import scenes, thresholds
from model.task_detector import STRIDE, Canvas, targets


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
        (folder / name / "annotations.json").write_text(json.dumps({
            "images": [{"id": n, "file_name": f"{n}.png", "width": 30, "height": 20, "negative": empty, "split": "val" if n == 1 else "train"} for n in range(count)],
            "annotations": [] if empty else [{"image_id": n, "bbox": [2, 2, 9, 9], "num_keypoints": 0} for n in range(count)]}))
    return folder


def test_thresholds_are_set_on_photos_that_training_never_sees(data, tmp_path):
    faces = scenes.read(data / "face_scenes", tmp_path, 1)
    tune = faces.split == "tune"
    assert 2 <= tune.sum() <= 16 and faces.split[1] == "val"
    assert (scenes.read(data / "face_scenes", tmp_path, 1).split == faces.split).all(), "the same ones every time"
    trained = {p.tobytes() for p in scenes.backgrounds(data, tmp_path)}
    chosen = thresholds.photos(data, tmp_path, 400)
    kept_back = {rgb.tobytes() for _, rgb, _, empty in chosen if empty}
    assert len(trained) + len(kept_back) == 39 and not trained & kept_back


def test_and_on_photos_with_hands_whose_presence_it_is_never_told(data, tmp_path):
    hands = scenes.read(data / "hand_scenes", tmp_path, 0)
    assert 2 <= hands.aside.sum() <= 12 and (hands.split[hands.aside] == "train").all()
    shown = [rgb for _, rgb, _, empty in thresholds.photos(data, tmp_path, 400) if not empty]
    assert {rgb.tobytes() for rgb in shown} == {hands.images[i, :20, :30].tobytes() for i in np.flatnonzero(hands.aside)}


def test_the_least_confidence_lies_right_above_the_find_that_would_break_a_promise():
    confidence = np.array([0.2, 0.4, 0.6, 0.9])
    found = thresholds.Finds(np.zeros((4, 3)), np.array([False, True, False, True]), np.array([True, False, True, False]), 2)
    assert thresholds.least(confidence, found, 1, 0.5, 1.0)[0] == pytest.approx(0.201)  # a second find in the one empty photo is too much
    assert thresholds.least(confidence, found, 1, 0.9, 1.0)[0] == pytest.approx(0.601)  # and here what is wrong
    assert thresholds.least(confidence, found, 1, 0.5, 0.5)[0] == pytest.approx(0.601)
    assert thresholds.least(confidence, found, 1, 1.1, 1.0) == (1.0, {})
    assert thresholds.least(confidence, found, 1, 0.5, 0.4) == (1.0, {}), "none on one photo promises no less than one on two"


def test_a_level_keeps_its_promise_on_photos_it_was_not_set_on():
    """On average over many sets of 40 photos. A level that only looks back, and lets a tenth of these pass, lets 5 in 41 pass of new ones."""
    rng, passed = np.random.default_rng(0), []
    for _ in range(400):
        score = rng.uniform(0, 0.9, 40)
        found = thresholds.Finds(np.zeros((41, 3)), np.arange(41) == 40, np.arange(41) < 40, 1)
        level, _ = thresholds.least(np.append(score, 1.0), found, 40, 0.0, 0.1)
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
        assert (cx - left, cy - top, cx + right, cy + bottom) == pytest.approx((128.5 - width / 2, 100.5 - height / 2, 128.5 + width / 2, 100.5 + height / 2), abs=1.1)


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
