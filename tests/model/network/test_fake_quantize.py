"""Kernels rounded while the network learns: the rounded ones compute, the exact ones move, and what is exported is what was computed."""

import numpy as np
import pytest
import torch
from torch import nn

from export import torch_to_onnx
from model.network import weight_packing
from model.network.fake_quantize import kernels_rounded, rounded


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1))


def test_a_kernel_has_to_int8_of_seven_bits_per_output():
    kernel = torch.randn(6, 4, 3, 3)
    whole = rounded(kernel) / (kernel.abs().amax((1, 2, 3), keepdim=True) / weight_packing.KERNEL)
    assert torch.allclose(whole, whole.round(), atol=1e-4) and whole.abs().amax((1, 2, 3)).allclose(torch.tensor(63.0))
    assert torch.allclose(rounded(rounded(kernel)), rounded(kernel), atol=1e-6)


def test_the_loss_is_that_of_rounded_kernels_and_exact_ones_learn(network):
    before = [layer.weight.detach().clone() for layer in (network[0], network[3])]
    pictures = torch.randn(2, 3, 8, 8)
    with kernels_rounded(network):
        assert torch.equal(network[0].weight, rounded(before[0])) and not torch.equal(network[0].weight, before[0])
        network(pictures).square().sum().backward()
        gradient = network[3].weight.grad.clone()
    assert all(torch.equal(layer.weight, exact) for layer, exact in zip((network[0], network[3]), before))
    with torch.no_grad():
        for layer in (network[0], network[3]):
            layer.weight.copy_(rounded(layer.weight))
    network.zero_grad()
    network(pictures).square().sum().backward()
    assert torch.allclose(network[3].weight.grad, gradient, rtol=1e-4)


def test_exact_kernels_come_back_after_an_error(network):
    before = network[0].weight.detach().clone()
    with pytest.raises(ValueError), kernels_rounded(network):
        raise ValueError
    assert torch.equal(network[0].weight, before)


def test_folding_and_storing_keep_the_rounding(network):
    """What validation measured is what the file computes: rounding first or folding first is the same."""
    network.eval()
    network[1].running_var.uniform_(0.5, 2)
    nn.init.uniform_(network[1].weight, -2, 2)
    pictures = torch.randn(2, 3, 8, 8)
    with kernels_rounded(network), torch.no_grad():
        expected = network(pictures)
    folded = torch_to_onnx.folded(network)
    for layer in (folded[0], folded[3]):
        whole, step = weight_packing.to_int8(layer.weight.detach().numpy())
        assert np.abs(whole).max() <= weight_packing.KERNEL
        layer.weight.data = torch.from_numpy(whole * step)
    with torch.no_grad():
        assert torch.allclose(folded(pictures), expected, atol=1e-5)
