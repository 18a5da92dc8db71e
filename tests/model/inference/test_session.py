"""One session; either branch alone; plain words for weights that cannot be loaded."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from export.graph import prepare
from export.graph.conditional_branches import switchable
from model.inference.network_file import BRANCHES, PRESENCE, WEIGHTS, prepared_folder
from model.inference.session import Session
from model.photo.image_file import open_photo
from model.runtime.geometry import letterbox
from model.runtime.landmarker import Landmarker, WeightsError
from tests.benchmark.truth.rendered import EXAMPLES

PICTURES = np.random.default_rng(0).integers(0, 255, (2, 256, 256, 3), dtype=np.uint8)


def tiny_network(**shapes: tuple[int, ...]) -> onnx.ModelProto:
    """A network with the real one's names that says 0.25 to everything; `shapes` replace those of the outputs."""
    outputs = {name: shape for own in BRANCHES.values() for name, shape in own.items()} | shapes
    nodes = []
    weights = [helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]), helper.make_tensor("quarter", TensorProto.FLOAT, [], [0.25])]
    for name, shape in outputs.items():  # nothing is shared, as all that real outputs share has a row for every picture
        pixels, mean, none, value, batch, full, own = (f"{name}_{part}" for part in ("pixels", "mean", "nothing", "value", "batch", "full", "shape"))
        weights.append(helper.make_tensor(own, TensorProto.INT64, [len(shape)], shape))
        nodes += [
            helper.make_node("Cast", ["image"], [pixels], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", [pixels], [mean], keepdims=0),
            helper.make_node("Mul", [mean, "zero"], [none]),
            helper.make_node("Add", [none, "quarter"], [value]),
            helper.make_node("Shape", ["image"], [batch], start=0, end=1),
            helper.make_node("Concat", [batch, own], [full], axis=0),
            helper.make_node("Expand", [value, full], [name]),
        ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 256, 256, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape]) for name, shape in outputs.items()],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {"version": "1.10", "figures": '{"nme": 0.05}'})
    return model


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    path = tmp_path / "tiny.onnx"
    onnx.save(tiny_network(), path)
    monkeypatch.setattr(prepare, "layer_table", SimpleNamespace(layers=lambda model: {}))  # it has no layers to describe
    monkeypatch.setattr(prepare, "browser_plan", lambda model: b"")  # nor convolutions to plan
    for arrays in (prepare.face_head, prepare.stem):
        monkeypatch.setattr(arrays, "parameters", lambda model: {})
    prepare.prepare(path)
    return path


def test_outputs_by_name_and_metadata(tiny):
    session = Session(tiny)
    answer = session.run(PICTURES, "handedness", "detections")
    assert {name: values.shape for name, values in answer.items()} == {"handedness": (2, 1), "detections": (2, 2, 1024, 7)}
    assert (answer["handedness"] == 0.25).all()
    assert session.metadata == {"version": "1.10", "figures": {"nme": 0.05}}


def test_a_branch_that_is_switched_off_gives_no_rows(tiny):
    model = switchable(onnx.load(tiny), {name: tuple(own) for name, own in BRANCHES.items()})
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert len(session.run(["hand"], {"image": PICTURES})[0]) == 2  # on by default
    detections, hand = session.run(["detections", "hand"], {"image": PICTURES, "run_hand": np.array(False)})
    assert detections.shape == (2, 2, 1024, 7) and hand.shape == (0, 63)


def test_switches_change_no_number_of_the_real_network():
    plain = onnxruntime.InferenceSession(WEIGHTS)
    names = [output.name for output in plain.get_outputs()]
    session = Session(exact=True)
    for own in BRANCHES.values():
        answer = session.run(PICTURES, *own)
        for name, values in zip(names, plain.run(names, {"image": PICTURES})):
            if name in own:
                assert np.allclose(answer[name], values, atol=1e-4), name


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("kind", ["hand", "face"])
def test_pictures_with_too_little_presence_are_not_computed_further(kind, exact):
    """Early exit: the remaining pictures' outputs are those of a run of all pictures."""
    session, outputs = Session(exact=exact), list(BRANCHES[kind])
    pictures = np.concatenate([PICTURES, PICTURES[:, ::-1]])
    every = session.run(pictures, *outputs)
    presence = every[PRESENCE[kind]]
    assert presence.shape == (4, 1)
    for rows in ([], [1], [0, 3], [0, 1, 2, 3]):
        least = np.where(np.isin(np.arange(4), rows), presence[:, 0], presence[:, 0] + np.float32(1e-3))
        answer = session.run(pictures, *outputs, least_presence=least)
        assert (answer.pop(PRESENCE[kind]) == presence).all()
        for name, values in answer.items():
            assert values.shape == every[name][rows].shape, name
            assert np.allclose(values, every[name][rows], atol=1e-5), name


@pytest.mark.parametrize("exact", [False, True])
def test_black_bars_beside_a_photo_are_not_needed(exact):
    session, (bare, _) = Session(exact=exact), letterbox(open_photo(EXAMPLES / "greeting.webp"))
    assert bare.shape == (192, 256, 3)
    barred = np.pad(bare, ((32, 32), (0, 0), (0, 0)))
    alone, whole = (session.run(picture[None], "detections")["detections"][0] for picture in (bare, barred))
    assert alone.shape == (2, 24 * 32, 7)
    whole[..., 2] -= 32  # the centre's y
    whole = whole.reshape(2, 32, 32, 7)[:, 4:28].reshape(alone.shape)
    sure = whole[..., 0] > 0.6
    assert sure[0].sum() >= 2 and sure[1].any()
    assert np.abs(alone[sure][:, :1] - whole[sure][:, :1]).max() < 0.2
    apart = np.abs(alone[sure][:, 1:5] - whole[sure][:, 1:5]).max(axis=1)
    assert (apart < 0.08 * whole[sure][:, 3:5].max(axis=1)).all(), "a share of the box's larger side"


def test_missing_weights(tmp_path):
    with pytest.raises(WeightsError, match="nowhere.onnx is missing"):
        Landmarker(tmp_path / "nowhere.onnx")


def test_weights_that_are_not_prepared(tmp_path):
    onnx.save(tiny_network(), tmp_path / "w.onnx")
    with pytest.raises(WeightsError, match="is not prepared for use: run `pointillist prepare .*w.onnx`"):
        Landmarker(tmp_path / "w.onnx")


def test_weights_that_changed_since(tiny):
    onnx.save(tiny_network(), tiny)
    other = tiny_network()
    other.doc_string = "another"
    onnx.save(other, tiny)
    with pytest.raises(WeightsError, match="has changed since it was prepared"):
        Session(tiny)


def test_weights_that_an_earlier_version_prepared(tiny):
    file = prepared_folder(tiny) / "server.onnx"
    model = onnx.load(file)
    del model.graph.input[-1]
    onnx.save(model, file)
    with pytest.raises(WeightsError, match="prepared by an earlier version: run `pointillist prepare .*tiny.onnx`"):
        Session(tiny)


def test_a_damaged_prepared_file(tiny):
    (prepared_folder(tiny) / "server.onnx").write_bytes(b"hello")
    with pytest.raises(WeightsError, match="damaged, incomplete or no ONNX network"):
        Session(tiny)


def test_opening_needs_no_onnx():
    """The package that reads and writes graphs is for export and training."""
    code = "import sys; sys.modules['onnx'] = None; from model import Landmarker; Landmarker()"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=True)


def test_onnxruntime_reports_nothing(tmp_path):
    """Left to itself it writes a database of events, to be sent, into the home folder."""
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    home.pop("ORT_DISABLE_TELEMETRY", None)
    code = "import time; from model.inference.session import Session; Session(); time.sleep(2)"
    subprocess.run([sys.executable, "-c", code], env=home, cwd=Path(__file__).parents[3], check=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
