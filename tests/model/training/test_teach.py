"""Fine-tuning on corrected crops: what is trained, what must stay, and what is reported."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from model import Landmarker
from model.constants import CROP
from model.data import built_in, synthetic
from model.data.corrected import followed, of_photos
from model.inference.network_file import WEIGHTS
from model.output.coco_folder import LabelledPhoto
from model.output.corrections import Label, Labels
from model.runtime.geometry import ROI
from model.runtime.result import Face
from model.training import teach


def png_of(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


def drawn(count: int, seed: int = 5, removed: bool = False) -> list[LabelledPhoto]:
    """Photos of one drawn hand each, labelled by hand; `removed`: as false detections."""
    rng, photos = np.random.default_rng(seed), []
    for number in range(count):
        picture, points, _, right = synthetic.draw_hand(rng)
        label = (Label(0, "hand", points.astype(np.float32), "right" if right else "left", True),)
        labels = Labels(CROP, CROP, () if removed else label, label if removed else ())
        photos.append(LabelledPhoto(f"{number}.png", png_of(picture), labels))
    return photos


@pytest.fixture(scope="module")
def landmarker():
    return Landmarker(threads=1)


@pytest.fixture(scope="module")
def scenes(landmarker):
    torch.set_num_threads(2)
    return built_in.scenes(landmarker)


def test_corrected_photos_become_crops_with_their_labels(landmarker):
    photos = drawn(3)
    corrected = of_photos([*photos, *drawn(2, 9, removed=True)], "hand", landmarker)
    assert corrected.upright.shape == (3, CROP, CROP, 3) and corrected.none.shape == (2, CROP, CROP, 3)
    assert corrected.samples.points.shape == (3, 21, 2) and np.isfinite(corrected.samples.z).all()
    sides = [0 if photo.labels.instances[0].handedness == "left" else 1 for photo in photos]
    assert corrected.samples.right.tolist() == sides
    turned = corrected.truth[:, 9] - corrected.truth[:, 0]  # from the wrist to the middle knuckle is up
    assert (np.abs(turned[:, 0]) < 0.02 * np.abs(turned[:, 1])).all() and (turned[:, 1] < 0).all()
    assert of_photos(photos, "face", landmarker).samples.images.shape == (0, CROP, CROP, 3)


def test_the_68_points_follow_the_mesh_that_was_moved_around_them():
    rng = np.random.default_rng(0)
    mesh = np.column_stack([rng.random((478, 2)) * 100, np.zeros(478)]).astype(np.float32)
    face = Face(mesh, 0.9, (0, 0, 100, 100), np.ones(478, np.float32), mesh[:68, :2].copy(), ROI(50, 50, 140))
    assert np.allclose(followed(mesh[:, :2] + (3, -2), face), face.ibug68 + (3, -2), atol=1e-3)
    half = mesh[:, :2] + np.where(mesh[:, :1] > 50, 10, 0)
    moved = followed(half, face)[:, 0] - face.ibug68[:, 0]
    assert (moved[face.ibug68[:, 0] < 30] < 0.1).all() and (moved[face.ibug68[:, 0] > 70] > 9.9).all()


@pytest.mark.parametrize("kind, points", [("hand", 21), ("face", 68)])
def test_measured_crops_show_what_their_truth_says(kind, points):
    crops, truth = built_in.measured(kind)
    assert crops.shape[1:] == (CROP, CROP, 3) and truth.shape == (len(crops), points, 2) and len(crops) >= 20
    assert ((truth > -40) & (truth < CROP + 40)).all()
    again, _ = built_in.measured(kind)
    assert (crops == again).all()


def test_kept_crops_come_from_scenes_that_are_not_measured_on(scenes):
    assert len(scenes) >= 6 and sum(len(scene.rois["hand"]) for scene in scenes) >= 8
    crops = built_in.kept_crops("hand", scenes, 8, np.random.default_rng(0))
    assert crops.shape == (8, CROP, CROP, 3) and crops.dtype == np.uint8 and len({crop.tobytes() for crop in crops}) == 8


@pytest.mark.slow
@pytest.mark.parametrize("layers", list(teach.LAYERS))
def test_only_the_chosen_layers_change(layers, landmarker, scenes):
    corrected = of_photos(drawn(2), "hand", landmarker)
    epochs: list[teach.Epoch] = []
    plan = teach.Plan(layers, 1e-3, epochs=1, steps=2, own=2, kept=2)
    before = teach.loaded("hand", WEIGHTS, scenes, np.random.default_rng(0)).state_dict()
    network = teach.teach("hand", WEIGHTS, corrected, scenes, plan, report=epochs.append)
    after = network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith(teach.LAYERS[layers]) for name in changed)
    assert not [name for name in changed if "running" in name], "statistics of normalisations stay"
    assert [epoch.number for epoch in epochs] == [0, 1] and epochs[1].predictions.shape == (2, 21, 2)
    assert np.isnan(epochs[0].loss) and epochs[1].loss > 0 and 0 < epochs[0].kept < 0.2
    assert {"points", "presence", "keep_points", "keep_presence"} <= set(epochs[1].losses)


@pytest.mark.slow
def test_a_training_is_bounded_in_time(landmarker, scenes):
    """Where the time is over before the first step the network answers as the released one does."""
    epochs: list[teach.Epoch] = []
    teach.teach("hand", WEIGHTS, of_photos(drawn(1), "hand", landmarker), scenes, teach.Plan(epochs=2, steps=2, seconds=1e-6), report=epochs.append)
    assert [epoch.number for epoch in epochs] == [0]


def test_false_detections_alone_teach_presence(landmarker):
    corrected = of_photos(drawn(2, removed=True), "hand", landmarker)
    images, target, present = teach.own_batch(corrected, 4, np.random.default_rng(0), {"hand": np.arange(21)})
    assert images.shape == (4, CROP, CROP, 3) and target == {} and present.sum() == 0
