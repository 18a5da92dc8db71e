"""Heat maps and where they are: the integral regression of Sun et al. 2018 (soft-argmax).

One map a point; its softmax is a distribution over the cells, its expectation the point. The inference form is a few plain
operations, as they are exported; the training form is the same mathematics in a third of the time.
"""

import torch
from torch import Tensor

SIGMA = 1 / 64  # of the crop's side: the target's spread, one cell


def cells(h: int, w: int, device) -> Tensor:
    """(3, h * w): x, y of every cell's centre as fractions of the side, and 1."""
    x = ((torch.arange(w, device=device) + 0.5) / w).repeat(h)
    y = ((torch.arange(h, device=device) + 0.5) / h).repeat_interleave(w)
    return torch.stack([x, y, torch.ones_like(x)])


def expectation(logits: Tensor, local: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """logits (N, K, H, W), local (N, C, H, W) -> points (N, K, 2), x and y as fractions of the side; the mean (N, K, C) of `local` under
    each map; maps (N, K, H, W), each sums to 1. Both means are one matrix product."""
    n, _, h, w = logits.shape
    maps = logits.flatten(2).float().softmax(-1)  # (N, K, H * W)
    places = cells(h, w, logits.device)[:2].expand(n, -1, -1)  # (N, 2, H * W)
    means = maps @ torch.cat([local.flatten(2).float(), places], 1).transpose(1, 2)  # (N, K, C + 2)
    return means[..., -2:], means[..., :-2], maps.view_as(logits)


class Expectation(torch.autograd.Function):
    """The same for training: logits (N, K, H, W) -> points (N, K, 2), scores (N, H, W, K), their log-sum-exp (N, K), and
    without a gradient the maps (N, H * W, K), each of which sums to 1.

    Point by point the maps are memory traffic and nothing else, so they stay in the order the convolution leaves them in
    (channels last), and all sums over cells are one matrix product. Backwards: d point / d logit = map x (cell - point).
    """

    @staticmethod
    def forward(ctx, logits: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As the class says; keeps what the gradient needs."""
        n, k, h, w = logits.shape
        scores = logits.permute(0, 2, 3, 1).reshape(n, h * w, k).float()
        scores = scores - scores.amax(1, keepdim=True)
        # Below e^-80 there are only denormal numbers, which a CPU computes ten times slower.
        maps, grid = scores.clamp(min=-80).exp_(), cells(h, w, logits.device)
        with torch.autocast(logits.device.type, enabled=False):
            x, y, total = (grid @ maps).unbind(1)  # each (N, K)
        points = torch.stack([x, y], 1) / total[:, None]  # (N, 2, K)
        ctx.save_for_backward(maps, points, total, grid)
        ctx.like = (n, h, w, k), logits.dtype
        shares = maps / total[:, None]
        ctx.mark_non_differentiable(shares)
        return points.transpose(1, 2), scores.view(n, h, w, k), total.log(), shares

    @staticmethod
    def backward(ctx, points_grad: Tensor, scores_grad: Tensor | None, log_sum_grad: Tensor | None, _) -> Tensor:
        """The gradient of the logits (N, K, H, W) from those of points, scores and log-sum-exp."""
        maps, points, total, grid = ctx.saved_tensors
        shape, kind = ctx.like
        toward = points_grad.transpose(1, 2)
        rest = -(toward * points).sum(1, keepdim=True)
        if log_sum_grad is not None:
            rest = rest + log_sum_grad[:, None]
        logits_grad = grid.T @ (torch.cat([toward, rest], 1) / total[:, None])  # (N, H * W, K)
        logits_grad.mul_(maps)
        if scores_grad is not None:
            logits_grad += scores_grad.reshape(maps.shape)
        return logits_grad.view(shape).to(kind).permute(0, 3, 1, 2)


def cross_entropy(scores: Tensor, log_sum: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Of the maps against narrow Gaussians around `target` (N, K, 2), fractions; points outside the crop do not count.

    A Gaussian is separable, so only its rows and its columns are ever made. scores, log_sum as from `Expectation`.
    """
    n, h, w, k = scores.shape

    def gaussian(at: Tensor, count: int) -> Tensor:  # (N, count, K), sums to 1
        grid = (torch.arange(count, device=at.device) + 0.5)[:, None] - at[:, None] * count
        return (-0.5 * (grid / (SIGMA * count)) ** 2).softmax(1)

    inside = ((target > 0) & (target < 1)).all(-1).float() * weights
    rows = (scores * gaussian(target[..., 0], w)[:, None]).sum(2)  # (N, H, K)
    expected = (rows * gaussian(target[..., 1], h)).sum(1)  # (N, K)
    return ((log_sum - expected) * inside).sum() / inside.sum().clamp(min=1e-6)
