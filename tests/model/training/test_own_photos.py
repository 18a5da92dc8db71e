"""README's worked example: the released hand network goes on training on a folder in COCO form, and is better on its held-out photos."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from model.data import landmark_batches, synthetic
from model.data.coco import coco
from model.inference.network_file import WEIGHTS
from model.network.architecture import Landmarks
from model.output import coco_folder
from model.output.coco_folder import FOLDER, LabelledPhoto
from model.output.corrections import Label, Labels
from model.training import teach, train, warm_start

PHOTOS, EPOCHS, STEPS = 60, 3, 12


def drawn_photos(seed: int) -> list[LabelledPhoto]:
    """A drawn hand in each, as a person would have labelled it."""
    rng, photos = np.random.default_rng(seed), []
    for number in range(PHOTOS):
        picture, points, _, right = synthetic.draw_hand(rng)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        label = Label(0, "hand", points.astype(np.float32), "right" if right else "left", True)
        photos.append(LabelledPhoto(f"{number}.png", file.getvalue(), Labels(picture.shape[1], picture.shape[0], (label,))))
    return photos


@pytest.mark.slow
def test_the_released_network_learns_from_the_page_s_zip(tmp_path):
    with zipfile.ZipFile(io.BytesIO(b"".join(coco_folder.pieces(drawn_photos(5))))) as archive:
        archive.extractall(tmp_path / "data")
    (samples,) = coco(tmp_path / "data" / FOLDER, tmp_path / "cache")
    held_out = np.flatnonzero(samples.split == "val")
    assert len(held_out) == PHOTOS // 10
    rows = [landmark_batches.sample(samples, int(row), 256, np.random.default_rng(0), [], {}, 0.0) for row in held_out]
    crops, truth = np.stack([row["image"] for row in rows]), np.stack([row["points"] * 256 - 0.5 for row in rows])
    released = Landmarks("hand")
    warm_start.load(released, "hand", WEIGHTS, torch.from_numpy(np.array(samples.images[:32])))
    before = teach.error(teach.predict(released, crops), truth)

    arguments = ["--data", tmp_path / "data", "--part", "hand", "--initial", WEIGHTS, "--epochs", EPOCHS, "--steps", STEPS, "--rate", 2e-2]
    train.main([str(each) for each in (*arguments, "--run", tmp_path / "run", "--cache", tmp_path / "cache", "--workers", 0, "--threads", 1)])
    own = json.loads((tmp_path / "run" / "trace.json").read_text())["epochs"][-EPOCHS:]
    assert own[-1]["nme"]["hand"] < 0.8 * before, f"{before:.3f} before, {[epoch['nme']['hand'] for epoch in own]} after"
    assert own[-1]["loss"] < own[0]["loss"]
