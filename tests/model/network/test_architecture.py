"""The network's shapes are the contract of every other part."""

import pytest
import torch

from model.network import soft_argmax
from model.network.architecture import Detector, Landmarks, Pointillist, bend, preprocess, where
from model.network.soft_argmax import expectation

SHAPES = {
    "detections": (2, 1024, 7),
    "hand_features": (64, 64, 64),
    "hand_heatmaps": (21, 64, 64),
    "hand": (63,),
    "hand_sigma": (21,),
    "hand_presence": (1,),
    "handedness": (1,),
    "face_features": (64, 64, 64),
    "face": (1434,),
    "face_sigma": (478,),
    "face_presence": (1,),
    "face_ibug68": (136,),
}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Pointillist(Detector(), Landmarks("hand"), Landmarks("face")).eval()


def test_shapes_and_ranges(network):
    with torch.no_grad():
        out = dict(zip(network.outputs, network(torch.randint(0, 256, (2, 256, 256, 3), dtype=torch.uint8))))
    assert {k: tuple(v.shape[1:]) for k, v in out.items()} == SHAPES
    assert torch.allclose(out["hand_heatmaps"].sum((2, 3)), torch.ones(2, 21), atol=1e-4)
    assert torch.allclose(out["detections"][..., 5:].norm(dim=-1), torch.ones(2, 2, 1024), atol=1e-2)
    for name in ("hand_presence", "handedness", "face_presence"):
        assert ((out[name] > 0) & (out[name] < 1)).all()
    assert (out["hand_sigma"] > 0).all() and (out["face_sigma"] > 0).all()
    assert (out["hand"].view(2, 21, 3)[:, 0, 2].abs() < 1e-6).all(), "a hand's z is relative to its wrist"


@pytest.mark.parametrize("height, width", [(192, 256), (256, 160), (32, 64)])
def test_the_detector_takes_oblong_pictures(network, height, width):
    """Its cells lie row by row: the answer's centres move with them."""
    with torch.no_grad():
        found = Detector.decode(network.detector(torch.randint(0, 256, (2, height, width, 3), dtype=torch.uint8)))
    assert found.shape == (2, 2, height * width // 64, 7)
    grid = found[0, 0, :, 1:3].view(height // 8, width // 8, 2)
    assert (grid[:, 1:, 0] > grid[:, :-1, 0]).all() and (grid[1:, :, 1] > grid[:-1, :, 1]).all()


def test_no_unit_of_a_fully_connected_layer_can_die():
    inputs = torch.tensor([-100.0, 0.5], requires_grad=True)
    bend(inputs).sum().backward()
    assert (inputs.grad > 0).all()


def test_budget(network):
    """At most 195 million multiplications for a hand, 215 for a face, 385 for the detector: what the times in the README stand on."""
    counted = {}

    def count(part):
        def hook(module, _, out):
            if isinstance(module, torch.nn.Conv2d):
                counted[part] += out[0].numel() * module.in_channels * module.kernel_size[0] ** 2
            elif isinstance(module, torch.nn.Linear):
                counted[part] += module.in_features * module.out_features

        return hook

    for name, part in (("detector", network.detector), ("hand", network.hand), ("face", network.face)):
        counted[name] = 0
        hooks = [m.register_forward_hook(count(name)) for m in part.modules()]
        with torch.no_grad():
            part(torch.zeros(1, 256, 256, 3, dtype=torch.uint8))
        for h in hooks:
            h.remove()
    assert all(50e6 < counted[name] <= most for name, most in (("detector", 385e6), ("hand", 195e6), ("face", 215e6))), counted


def test_preprocess_is_zero_to_one():
    picture = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3).expand(1, 4, 4, 3)
    assert torch.equal(preprocess(picture)[0, :, 0, 0], torch.tensor([0.0, 0.2, 1.0]))


@pytest.mark.parametrize("cell", [(0, 0), (5, 11), (15, 15)])
def test_expectation_of_a_single_peak_is_its_cell(cell):
    row, column = cell
    logits = torch.full((1, 1, 16, 16), -50.0)
    logits[0, 0, row, column] = 50.0
    points, _, maps = expectation(logits, torch.zeros(1, 1, 16, 16))
    assert torch.allclose(points[0, 0], torch.tensor([(column + 0.5) / 16, (row + 0.5) / 16]), atol=1e-5)
    assert maps[0, 0, row, column] > 0.999


def test_training_form_of_the_expectation_is_the_same_mathematics():
    torch.manual_seed(0)
    logits, target, weights = torch.randn(3, 5, 16, 12) * 2, torch.rand(3, 5, 2), torch.rand(3, 5)
    results = []
    for training in (True, False):
        own = logits.clone().requires_grad_()
        if training:
            points, scores, log_sum, maps = soft_argmax.Expectation.apply(own)
            maps = maps.transpose(1, 2).view(own.shape)
        else:
            points, _, maps = expectation(own, torch.zeros(3, 1, 16, 12))
            scores, log_sum = own.permute(0, 2, 3, 1), own.flatten(2).logsumexp(-1)
        loss = soft_argmax.cross_entropy(scores, log_sum, target, weights)
        ((points - target).abs().sum() + 3 * loss).backward()
        results.append((points.detach(), loss.detach(), own.grad, maps.detach()))
    for fast, plain in zip(*results):
        assert torch.allclose(fast, plain, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_features_are_read_where_the_map_is(training):
    logits, local = torch.full((1, 2, 8, 8), -50.0), torch.arange(3 * 64.0).view(1, 3, 8, 8)
    logits[0, 0, 2, 5] = logits[0, 1, 7, 0] = 50.0
    points, seen, _ = where(logits, local, training)
    assert torch.allclose(points[0], torch.tensor([[5.5, 2.5], [0.5, 7.5]]) / 8, atol=1e-5)
    assert torch.allclose(seen[0], torch.stack([local[0, :, 2, 5], local[0, :, 7, 0]]), atol=1e-3)


def test_a_box_survives_decoding():
    """Sides that say 'from this cell's centre 2 left, 1 up, 3 right, 4 down' are that box in pixels."""
    centres = torch.tensor([[10.5, 20.5]])
    raw = {
        "score": torch.zeros(1, 2, 1),
        "sides": torch.tensor([2.0, 1, 3, 4]).expand(1, 2, 1, 4),
        "up": torch.tensor([0.0, -3.0]).expand(1, 2, 1, 2),
        "centres": centres,
    }
    score, cx, cy, w, h, ux, uy = Detector.decode(raw)[0, 0, 0].tolist()
    assert (score, w, h) == (0.5, 40, 40)
    assert (cx, cy) == ((8.5 + 13.5) / 2 * 8 - 0.5, (19.5 + 24.5) / 2 * 8 - 0.5)
    assert (round(ux, 5), round(uy, 3)) == (0, -1)
