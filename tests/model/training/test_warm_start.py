"""There and back: torch -> ONNX -> torch gives the same answers, ready to be trained on."""

import types

import pytest
import torch

from export import torch_to_onnx
from model.network.architecture import Detector, Encoder, Landmarks, Merge, Pointillist, bend, where
from model.training import warm_start


def as_after_training(network):
    for m in network.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.normal_(0, 0.1), m.running_var.uniform_(0.5, 2)
            m.weight.data.uniform_(0.5, 1.5), m.bias.data.normal_(0, 0.1)
    return network.eval()


def checkpoint(network, path):
    torch.save({"average": as_after_training(network).state_dict()}, path)
    return path


def test_folding_and_rounding_change_nearly_nothing(tmp_path):
    torch.manual_seed(0)
    trained, pictures = Landmarks("hand"), torch.randint(0, 256, (4, 256, 256, 3), dtype=torch.uint8)
    network = torch_to_onnx.load(None, checkpoint(trained, tmp_path / "last.pt"), None)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.hand.encoder.modules())
    with torch.no_grad():
        expected, found = trained(pictures)["coarse"], network.hand(pictures)["coarse"]
    assert 0 < (expected - found).abs().max() < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["detector", "hand", "face"])
def test_weights_come_back(tmp_path, branch):
    torch.manual_seed(0)
    made = {"detector": Detector(), "hand": Landmarks("hand"), "face": Landmarks("face")}
    network = torch_to_onnx.load(**{name: checkpoint(part, tmp_path / f"{name}.pt") for name, part in made.items()})
    torch_to_onnx.write(network, tmp_path / "network.onnx", {})
    pictures = torch.randint(0, 256, (4, 256, 256, 3), dtype=torch.uint8)
    back = Detector() if branch == "detector" else Landmarks(branch)
    warm_start.load(back, branch, tmp_path / "network.onnx", pictures)
    assert back.training
    with torch.no_grad():
        expected, found = getattr(network, branch)(pictures), back.eval()(pictures)
        same = (
            [(Detector.decode(expected), Detector.decode(found))]
            if branch == "detector"
            else [(expected[name], found[name]) for name in ("points", "log_sigma", *(["ibug"] if branch == "face" else ["right"]))]
        )
        for a, b in same:
            assert torch.allclose(a, b, atol=1e-3)
        trained = back.train()(pictures)  # the statistics are those of the pictures, so training starts where the release is
        name, most = ("score", 0.1) if branch == "detector" else ("coarse", 5e-3)
        assert torch.allclose(found[name], trained[name], atol=most)


class Narrow(Landmarks):
    """As the network was before it grew: fewer channels, one block less, no way of reading features at a hand's points."""

    def __init__(self):
        super().__init__("hand")
        self.encoder = Encoder(fine=(2, 1), depths=(1, 2, 1), widths=(16, 20, 40, 80, 128))
        self.up_middle, self.up_fine = Merge(40, 48, 48), Merge(20, 48, 64)
        self.mix_more, self.deepen, self.sharpen = (torch.nn.Identity() for _ in range(3))
        del self.head.local, self.head.hidden_more
        self.head.hidden = torch.nn.Linear(64 + 21 * 2, 128)
        for name in ("points", "log_sigma", "side"):
            setattr(self.head, name, torch.nn.Linear(128, getattr(self.head, name).out_features))
        self.head.forward = types.MethodType(without_features, self.head)


def without_features(head, features, smallest):
    coarse, _, heat = where(head.maps(features), features[:, :1], head.training)
    hidden = bend(head.hidden(torch.cat([head.summary(smallest), coarse.flatten(1) * 2 - 1], 1)))
    moved = head.points(hidden).view(-1, 21, 3) * 0.1
    points = torch.cat([coarse + moved[..., :2], moved[..., 2:] - moved[:, :1, 2:]], -1)
    judged = head.judge(head.summary(smallest))
    return heat | {"points": points, "log_sigma": head.log_sigma(hidden) - 4.0, "presence": judged, "right": head.side(hidden)}


@pytest.mark.slow
def test_a_grown_network_begins_as_the_same_function(tmp_path):
    torch.manual_seed(0)
    network = torch_to_onnx.folded(as_after_training(Pointillist(Detector(), Narrow(), Landmarks("face"))))
    torch_to_onnx.write(network, tmp_path / "network.onnx", {})
    pictures = torch.randint(0, 256, (4, 256, 256, 3), dtype=torch.uint8)
    grown = Landmarks("hand")
    warm_start.load(grown, "hand", tmp_path / "network.onnx", pictures)
    with torch.no_grad():
        expected, found = network.hand(pictures), grown.eval()(pictures)
    for name in ("points", "log_sigma", "presence", "right"):
        assert torch.allclose(expected[name], found[name], atol=1e-3), name


def test_a_network_grown_from_a_checkpoint_begins_as_the_same_function():
    torch.manual_seed(0)
    trained, pictures = as_after_training(Narrow()), torch.randint(0, 256, (2, 256, 256, 3), dtype=torch.uint8)
    grown = Landmarks("hand")
    warm_start.fill(grown, trained.state_dict())
    with torch.no_grad():
        expected, found = trained(pictures), grown.eval()(pictures)
    for name in ("points", "log_sigma", "presence", "right"):
        assert torch.allclose(expected[name], found[name], atol=1e-4), name


def test_a_larger_weight_does_not_fit():
    with pytest.raises(KeyError, match="does not fit"):
        warm_start.put(torch.zeros(4, 3), torch.zeros(4, 5))


@pytest.mark.slow
def test_another_architecture_is_refused(tmp_path):
    torch_to_onnx.write(torch_to_onnx.load(None, None, None), tmp_path / "network.onnx", {})
    with pytest.raises(KeyError):
        warm_start.load(
            torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)),
            "hand",
            tmp_path / "network.onnx",
            torch.zeros(1, 256, 256, 3, dtype=torch.uint8),
        )


def test_small_kernels_are_lifted_without_a_change_of_the_function():
    torch.manual_seed(0)
    network, pictures = as_after_training(Landmarks("hand")), torch.randint(0, 256, (4, 256, 256, 3), dtype=torch.uint8)
    kernel = network.encoder.coarse[1].first[0].weight
    with torch.no_grad():
        kernel[:40] *= 1e-3
        kernel[40] = 0  # a channel that is not used
        expected = network(pictures)["points"]
        warm_start.lift_kernels(network, network.state_dict())
        found = network(pictures)["points"]
    size = kernel.flatten(1).pow(2).mean(1).sqrt()
    assert torch.allclose(size[:40], torch.tensor(warm_start.TYPICAL), rtol=1e-3) and size[40] == 0
    assert torch.allclose(expected, found, atol=1e-5)


def test_kernels_of_new_layers_are_not_lifted():
    """They begin small, so that the optimiser turns them quickly."""
    network = Detector()
    new = network.mix[2].first[0].weight.clone()
    warm_start.lift_kernels(network, [name for name in network.state_dict() if not name.startswith("mix.2.")])
    assert torch.equal(network.mix[2].first[0].weight, new)
    assert network.mix[1][0].weight.flatten(1).pow(2).mean(1).sqrt().min() > 0.9 * warm_start.TYPICAL
