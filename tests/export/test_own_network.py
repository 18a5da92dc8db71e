"""A network of one's own: only what was trained differs from the released file, and the whole way from a ZIP to a file that is used."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from export import own_network
from export.graph.prepare import computed
from model import Landmarker
from model.constants import CROP
from model.data import built_in, synthetic
from model.data.corrected import of_photos
from model.inference.network_file import BRANCHES, WEIGHTS
from model.output import coco_folder
from model.output.coco_folder import LabelledPhoto
from model.output.corrections import Label, Labels
from model.training import teach

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def drawn(count: int, seed: int) -> list[LabelledPhoto]:
    rng, photos = np.random.default_rng(seed), []
    for number in range(count):
        picture, points, _, right = synthetic.draw_hand(rng)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        label = Label(0, "hand", points.astype(np.float32), "right" if right else "left", True)
        photos.append(LabelledPhoto(f"{number}.png", file.getvalue(), Labels(CROP, CROP, (label,))))
    return photos


def answers(model: onnx.ModelProto, exact: bool, pictures: np.ndarray) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(computed(onnx.ModelProto.FromString(model.SerializeToString()), exact).SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": pictures})))


@pytest.mark.parametrize("kind", ["hand", "face"])
def test_other_branches_answer_bit_for_bit_as_released(kind):
    torch.manual_seed(0)
    landmarker = Landmarker(threads=1)
    network = teach.loaded(kind, WEIGHTS, built_in.scenes(landmarker), np.random.default_rng(0))
    for name, values in network.named_parameters():
        if name.startswith("head."):
            values.data += 0.02 * values.data.abs().mean() * torch.randn_like(values)
    pictures = np.random.default_rng(0).integers(0, 256, (2, CROP, CROP, 3), dtype=np.uint8)
    model, released = own_network.replaced(WEIGHTS, kind, network, "head", pictures), onnx.load(WEIGHTS)
    for exact in (True, False):
        mine, theirs = answers(model, exact, pictures), answers(released, exact, pictures)
        for branch, outputs in BRANCHES.items():
            for name in outputs:
                same = np.array_equal(mine[name], theirs[name])
                if not branch.startswith(kind):
                    assert same, f"{name} must not change"
                elif branch == kind:
                    assert not same, f"{name} was trained"
                elif exact:
                    assert same, f"{name} lies before the trained layers"
        points = np.abs(mine[kind] - theirs[kind]).reshape(2, -1, 3)[..., :2] * CROP
        assert points.max() < 60, "a small change of the weights moves points a little"


def test_from_a_zip_to_a_network_that_the_app_takes(tmp_path):
    given = b"".join(coco_folder.pieces(drawn(3, 5)))
    command = [sys.executable, "-m", "export.own_network", "--kind", "hand", "--output", str(tmp_path), "--epochs", "2", "--steps", "2", "--threads", "1"]
    done = subprocess.run(command, input=given, cwd=ROOT, capture_output=True, timeout=800)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert [epoch["number"] for epoch in trace["epochs"]] == [0, 1, 2] and trace["run"]["corrected"] == 3
    assert np.shape(trace["epochs"][0]["predictions"]) == np.shape(trace["run"]["truth"]) == (3, 21, 2)
    assert set(trace["figures"]["after"]) == {"corrected", "built_in"}
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".json", ".zip")] == [], "no photo is written"
    with zipfile.ZipFile(tmp_path / "own.zip") as archive:
        assert sorted(archive.namelist()) == ["CARD.md", "own.onnx", "trace.json"]
        card = archive.read("CARD.md").decode()
        archive.extract("own.onnx", tmp_path)
    assert f"{trace['figures']['after']['corrected']:.2%}" in card

    assert subprocess.run([sys.executable, "-m", "export.graph", str(tmp_path / "own.onnx")], cwd=ROOT, timeout=800).returncode == 0
    own = Landmarker(tmp_path / "own.onnx", threads=1)
    assert own.metadata["fine_tuned"]["corrected"] == 3
    corrected = of_photos(coco_folder.read(io.BytesIO(given)), "hand", own)
    error = teach.error(own_network.Answers(onnx.load(tmp_path / "own.onnx")).points("hand", corrected.upright, "hand"), corrected.truth)
    assert error == pytest.approx(trace["figures"]["after"]["corrected"], abs=1e-6)


@pytest.mark.parametrize("given, said", [(b"no zip", "no ZIP"), (b"".join(coco_folder.pieces(drawn(1, 1))), "No face is corrected")])
def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path, given, said):
    command = [sys.executable, "-m", "export.own_network", "--kind", "face", "--output", str(tmp_path)]
    done = subprocess.run(command, input=given, cwd=ROOT, capture_output=True, timeout=800)
    assert done.returncode == 1 and said in done.stderr.decode().strip().splitlines()[-1]
