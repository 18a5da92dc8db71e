"""What training makes small."""

import pytest
import torch

from model.training.losses import WEIGHTS, detector_losses, giou, point_losses


@pytest.mark.parametrize("log_sigma, pushed_up", [(-14.0, True), (-6.9, True), (2.0, False)])
def test_a_row_that_is_much_too_sure_counts_within_bounds_and_learns(log_sigma, pushed_up):
    """0.3 of the crop's side off: its sigma should rise to that, or fall to it."""
    claimed = torch.full((1, 21), log_sigma, requires_grad=True)
    target = {"points": torch.full((1, 21, 2), 0.8), "z": torch.full((1, 21), torch.nan), "weights": torch.ones(1, 21)}
    out = {"points": torch.tensor([0.5, 0.8, 0.0]).expand(1, 21, 3), "log_sigma": claimed}
    loss = point_losses(out, slice(0, 1), target)["sigma"]
    assert float(loss.detach()) < 400
    loss.backward()
    assert ((claimed.grad < 0) == pushed_up).all()


def test_depth_counts_where_it_is_known():
    points = torch.full((1, 21, 3), 0.5)
    depth = torch.full((1, 21), torch.nan)
    depth[0, :4] = torch.tensor([0.5, 0.5, 0.6, 0.8])
    weights = torch.ones(1, 21)
    weights[0, 3] = 0  # known, but not to be asked for
    target = {"points": points[..., :2], "z": depth, "weights": weights}
    losses = point_losses({"points": points, "log_sigma": torch.zeros(1, 21)}, slice(0, 1), target)
    assert float(losses["depth"]) == pytest.approx(100 * 0.1 / 3, rel=1e-4) and WEIGHTS["depth"] > 0
    assert float(losses["points"]) == 0


@pytest.mark.parametrize("other, iou, generalised", [
    ((1, 1, 1, 1), 1, 1),
    ((2, 0.5, 0.5, 2), 2.25 / 8, 2.25 / 8 - 1 / 9),  # moved towards a corner: the hull, 9, holds 1 that neither box covers
    ((3, 1, 0, 1), 2 / 8, 2 / 8),  # moved sideways: the hull is the union
])  # fmt: skip
def test_generalised_iou(other, iou, generalised):
    found = giou(torch.ones(4), torch.tensor(other, dtype=torch.float32))
    assert [float(value) for value in found] == pytest.approx([iou, generalised])


def box_loss(sides: tuple[float, ...]) -> float:
    """Of one cell of a class that says `sides` where the box is 2 x 2 cells around it."""
    out = {"score": torch.zeros(1, 2, 4), "sides": torch.ones(1, 2, 4, 4), "up": torch.ones(1, 2, 4, 2)}
    target = {"positive": torch.zeros(1, 2, 4), "known": torch.ones(1, 2, 4), "sides": torch.ones(1, 2, 4, 4), "up": torch.zeros(1, 2, 4, 2)}
    target["positive"][0, 0, 1] = 1
    out["sides"][0, 0, 1] = torch.tensor(sides)
    return float(detector_losses(out, target)["box"])


def test_a_better_box_costs_less():
    assert box_loss((1, 1, 1, 1)) == pytest.approx(0, abs=1e-6)
    assert 0 < box_loss((1.1, 1, 0.9, 1)) < box_loss((1.5, 1, 0.5, 1)) < box_loss((1.5, 1.5, 0.5, 0.5)) < 4
