"""Training with the weights that will be computed with: kernels rounded to seven bits, as weight_packing.py keeps them.

The forward and backward pass use the rounded kernels; the exact weights move by
that gradient as if there were no rounding (straight-through, Bengio et al. 2013), so that small steps add up.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .weight_packing import KERNEL


def rounded(kernel: Tensor) -> Tensor:
    """(outputs, inputs, rows, columns), one step size per output. A normalisation behind it scales whole outputs, and changes nothing of this."""
    step = kernel.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12) / KERNEL
    return (kernel / step).round() * step


@contextmanager
@torch.no_grad()
def kernels_rounded(network: nn.Module) -> Iterator[None]:
    """While it lasts the convolutions of `network` compute with rounded kernels; their exact ones come back at the end."""
    kernels = [layer.weight for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    exact = [kernel.data for kernel in kernels]
    for kernel in kernels:
        kernel.data = rounded(kernel.data)
    try:
        with torch.enable_grad():
            yield
    finally:
        for kernel, values in zip(kernels, exact):
            kernel.data = values
