import pytest
import torch

from model.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(16, 144), (64, 16), (20, 20)])
def test_every_direction_gets_about_the_same_length(shape):
    torch.manual_seed(0)
    u, s, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    matrix = u @ torch.diag(torch.logspace(1, 0, len(s))) @ v  # directions of very different strength
    after = torch.linalg.svdvals(orthogonal(matrix))
    assert after.max() < 1.3 and after.min() > 0.3
    assert torch.nn.functional.cosine_similarity(orthogonal(matrix).flatten(), (u @ v).flatten(), dim=0) > 0.9


@pytest.mark.parametrize("half", [False, True])
def test_a_convolution_is_a_matrix_of_its_outputs_by_all_they_see(half):
    weight = torch.nn.Parameter(torch.zeros(8, 4, 3, 3))
    weight.grad = torch.randn(8, 4, 3, 3)
    Muon([weight], lr=0.01, half=half).step()
    assert torch.allclose(weight.square().mean().sqrt(), torch.tensor(0.2 * 0.01), rtol=0.3)  # the size of AdamW's steps


def test_a_stopped_run_goes_on_alike():
    def steps(weight, optimiser, count):
        for _ in range(count):
            weight.grad = weight.detach() - torch.eye(3, 5)
            optimiser.step()
        return weight.detach().clone()

    start = torch.randn(3, 5)
    whole = torch.nn.Parameter(start.clone())
    expected = steps(whole, Muon([whole], 0.05, 0.1), 6)
    half = torch.nn.Parameter(start.clone())
    first = Muon([half], 0.05, 0.1)
    rest = torch.nn.Parameter(steps(half, first, 3))
    second = Muon([rest], 0.05, 0.1)
    second.load_state_dict(first.state_dict())
    assert torch.equal(steps(rest, second, 3), expected)


def test_it_gets_to_the_bottom():
    torch.manual_seed(0)
    goal, weight = torch.randn(6, 10), torch.nn.Parameter(torch.zeros(6, 10))
    optimiser, errors = Muon([weight], lr=0.3), []
    for step in range(60):
        optimiser.param_groups[0]["lr"] = 0.3 * (1 - step / 60)
        error = (weight - goal).square().mean()
        weight.grad = torch.autograd.grad(error, weight)[0]
        optimiser.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.1 * errors[0]
