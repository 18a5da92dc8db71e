"""The exported file is the trained network: same answers, any batch, everything said in its metadata."""

import json
import shutil
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import export.__main__
from export import parity, torch_to_onnx
from export.__main__ import differences
from export.browser import chromium
from export.graph.quantize import RANGES
from model.inference.network_file import WEIGHTS
from model.network import weight_packing
from model.network.architecture import Landmarks
from model.training import warm_start
from model.training.train import PICTURES


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    network = torch_to_onnx.load(None, None, None)
    with torch.no_grad():  # heat maps of an untrained network are flat: sharpen them, so that differences would show
        for kind in (network.hand, network.face):
            kind.head.maps.weight.mul_(30)
    file = tmp_path_factory.mktemp("export") / "network.onnx"
    torch_to_onnx.write(network, file, {"version": "0", "figures": {"a": 1}})
    return network, file


@pytest.mark.slow
def test_torch_and_onnxruntime_agree_to_a_tenth_of_a_pixel(exported):
    assert max(differences(*exported).values()) < 0.1


@pytest.mark.slow
def test_differences_would_show(exported):
    network, file = exported
    network.hand.head.points.bias.data[0] += 0.02  # half a pixel
    try:
        assert max(differences(network, file).values()) > 0.1
    finally:
        network.hand.head.points.bias.data[0] -= 0.02


@pytest.mark.slow
def test_file_is_self_contained_and_says_what_it_is(exported):
    model = onnx.load(exported[1], load_external_data=False)
    assert {p.key: p.value for p in model.metadata_props} == {"version": "0", "figures": '{"a": 1}'}
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert not any(node.metadata_props for node in model.graph.node)


@pytest.mark.slow
def test_a_part_without_a_run_stays_as_released(tmp_path, monkeypatch, capsys):
    """Of a new file with another network of hands, all that belongs to the faces and the detector is what it was."""
    run, released = tmp_path / "runs" / "hand", tmp_path / "weights" / "pointillist.onnx"
    run.mkdir(parents=True)
    shutil.copytree(WEIGHTS.parent, released.parent)
    network, pictures = Landmarks("hand"), parity.inputs("hand")
    warm_start.load(network, "hand", WEIGHTS, torch.from_numpy(pictures))
    torch.save({"average": {name: value * 1.1 if name.endswith("weight") else value for name, value in network.state_dict().items()}}, run / "last.pt")
    np.save(run / PICTURES, pictures)
    (run / "trace.json").write_text(json.dumps({"run": {"name": "another"}, "epochs": [], "pictures": []}))
    monkeypatch.setattr(export.__main__, "WEIGHTS", released)
    monkeypatch.setattr(parity, "certify", lambda *_: None)
    monkeypatch.setattr(chromium, "difference", lambda: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["export", "--output", str(released)])
    before, trace = onnx.load(released), json.loads((released.parent / "trace.json").read_text())
    export.__main__.main()
    after = onnx.load(released)

    weights = [{each.name: numpy_helper.to_array(each) for each in weight_packing.unpack(model).graph.initializer} for model in (before, after)]
    for part, same in (("hand", False), ("face", True), ("detector", True)):
        names = [name for name in weights[0] if name.startswith(f"{part}.") and name.endswith("weight")]
        assert names and all(np.allclose(weights[0][name], weights[1][name], rtol=1e-6, atol=1e-9) == same for name in names), part
    ranges, said = ([json.loads(p.value) for model in (before, after) for p in model.metadata_props if p.key == key] for key in (RANGES, "training_run"))
    changed = [name for name in ranges[0] if ranges[0][name] != ranges[1][name]]
    assert ranges[0].keys() == ranges[1].keys() and 0 < len(changed) < len(ranges[0])
    assert said[1] == said[0] | {"hand": {"name": "another"}}
    kept = json.loads((released.parent / "trace.json").read_text())
    assert kept == trace | {"hand": {"run": {"name": "another"}, "epochs": [], "pictures": []}}
    assert sorted(path.name for path in (released.parent / "trace").iterdir()) == ["detector", "face"]


@pytest.mark.parametrize("asked, said", [([], "There is no run to export"), (["--face", "nowhere"], "nowhere holds no finished epoch")])
def test_without_a_run_there_is_nothing_to_export(tmp_path, monkeypatch, asked, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["export", *asked])
    with pytest.raises(SystemExit, match=said):
        export.__main__.main()


def test_released_file():
    model = onnx.load(WEIGHTS)
    said = {p.key for p in model.metadata_props}
    assert {"version", "hand_points", "face_points", "training_run", "figures", "licences"} <= said
    assert WEIGHTS.stat().st_size <= 12e6
    assert parity.certificate(WEIGHTS) is not None, "the parity certificate belongs to another file: run python -m export"
