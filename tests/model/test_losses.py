"""What training makes small."""

import pytest
import torch

from model.losses import point_losses


@pytest.mark.parametrize("log_sigma, pushed_up", [(-14.0, True), (-6.9, True), (2.0, False)])
def test_a_row_that_is_much_too_sure_counts_within_bounds_and_learns(log_sigma, pushed_up):
    """0.3 of the crop's side off: its sigma should rise to that, or fall to it."""
    told = torch.full((1, 21), log_sigma, requires_grad=True)
    target = {"points": torch.full((1, 21, 2), 0.8), "z": torch.full((1, 21), torch.nan), "weights": torch.ones(1, 21)}
    out = {"points": torch.tensor([0.5, 0.8, 0.0]).expand(1, 21, 3), "log_sigma": told}
    loss = point_losses(out, slice(0, 1), target)["sigma"]
    assert float(loss.detach()) < 400
    loss.backward()
    assert ((told.grad < 0) == pushed_up).all()
