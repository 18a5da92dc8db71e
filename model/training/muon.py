"""Muon (Jordan et al. 2024): a step in which every direction of a layer's weights moves by the same amount.

The momentum of a weight matrix is replaced by the nearest orthogonal one, so that directions which rarely get a gradient are
learnt as fast as the common ones. A convolution counts as a matrix of its outputs by everything they see. torch.optim.Muon
takes matrices only, and works in half precision, which many CPUs do not have.
"""

import math

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # a x + b x^3 + c x^5: lifts singular values of 0..1 towards 1, the small ones steepest
STEPS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """(M, N) -> roughly U V^T of its singular value decomposition, by Newton-Schulz iterations in the matrix's own precision."""
    a, b, c = NEWTON_SCHULZ
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / wide.norm().clamp(min=1e-12)
    for _ in range(STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """For the weights of hidden layers (two or more dimensions); `lr` and `weight_decay` are those one would give AdamW:
    steps are scaled to the size of its steps (Liu et al. 2025)."""

    def __init__(self, params, lr: float, weight_decay: float = 0.0, momentum: float = 0.95, half: bool = False):
        """half: steps in bfloat16, which is enough for them and twice as fast where the CPU has it."""
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.precision = torch.bfloat16 if half else torch.float32

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # a second evaluation of the loss is not needed
        """Moves all weights by their gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                average = self.state[p].setdefault("average", torch.zeros_like(p))
                average.lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(average, group["momentum"]).flatten(1)  # Nesterov's look ahead
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(orthogonal(ahead.to(self.precision)).view(p.shape), alpha=-0.2 * group["lr"] * math.sqrt(max(ahead.shape)))
