"""There and back: torch -> ONNX -> torch gives the same answers, ready to be trained on."""

import pytest
import torch

from export import onnx_file
from model import released
from model.network import Detector, Landmarks


@pytest.mark.parametrize("branch, make", [("landmarks", Landmarks), ("detector", Detector)])
def test_weights_come_back(tmp_path, branch, make):
    torch.manual_seed(0)
    network = onnx_file.load(None, None)
    for m in network.modules():
        if isinstance(m, torch.nn.BatchNorm2d):  # as after training
            m.running_mean.normal_(0, 0.1), m.running_var.uniform_(0.5, 2)
            m.weight.data.uniform_(0.5, 1.5), m.bias.data.normal_(0, 0.1)
    onnx_file.write(network, tmp_path / "network.onnx", {})
    pictures = torch.randint(0, 256, (4, 256, 256, 3), dtype=torch.uint8)
    back = make()
    released.load(back, branch, tmp_path / "network.onnx", pictures)
    assert back.training
    with torch.no_grad():
        expected, found = getattr(network, branch)(pictures), back.eval()(pictures)
        same = [(expected["hand"]["points"], found["hand"]["points"]), (expected["face"]["ibug"], found["face"]["ibug"])] if branch == "landmarks" \
            else [(Detector.decode(expected), Detector.decode(found))]
        for a, b in same:
            assert torch.allclose(a, b, atol=1e-3)
        trained = back.train()(pictures)  # the statistics are those of the pictures, so training starts where the release is
        a, b = (found["hand"]["coarse"], trained["hand"]["coarse"]) if branch == "landmarks" else (found["score"], trained["score"])
        assert torch.allclose(a, b, atol=5e-3 if branch == "landmarks" else 0.1)


def test_another_architecture_is_refused(tmp_path):
    onnx_file.write(onnx_file.load(None, None), tmp_path / "network.onnx", {})
    with pytest.raises(KeyError):
        released.load(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)), "landmarks", tmp_path / "network.onnx",
                      torch.zeros(1, 256, 256, 3, dtype=torch.uint8))
