"""From the released ONNX file back to torch weights, so that a training can go on from them.

The export folds every batch normalisation right behind a convolution into it. Here the folded weights go back into the
convolution, and the normalisation gets the statistics of real pictures and the scale and offset that undo them: the network
answers as before, and can be trained again.
"""

import json
from collections.abc import Collection
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ..network import weight_packing

TYPICAL = 0.13  # root mean square of a trained kernel's weights, as those have that are not folded (the 1 x 1 ones of the detector: 0.12 to 0.14)


def load(network: nn.Module, branch: str, file: Path, pictures: Tensor) -> None:
    """Fills `network` with the weights of `branch` ('detector', 'hand' or 'face') in `file`; pictures uint8 (N, 256, 256, 3) give the
    statistics. Raises KeyError when the file is of another architecture."""
    fill(network, weights_of(file, branch))
    restore_norms(network, pictures)


def weights_of(file: Path, branch: str) -> dict[str, Tensor]:
    """The weights of `branch` in an ONNX file, by their names in the network; those of a normalisation behind a convolution are in it."""
    weights = weight_packing.unpack(onnx.load(file)).graph.initializer
    return {i.name.removeprefix(f"{branch}."): torch.from_numpy(numpy_helper.to_array(i).copy()) for i in weights if i.name.startswith(f"{branch}.")}


def fill(network: nn.Module, stored: dict[str, Tensor]) -> None:
    """Copies weights by name, of a checkpoint or an ONNX file; there a folded normalisation is its convolution's bias and becomes an offset.

    The network may be wider or deeper than the stored one, and begins as the same function (Net2Net, Chen et al. 2016): nobody
    listens to a new channel yet, and a layer that is not stored keeps its first values, which must add nothing."""
    state = network.state_dict()
    if not stored.keys() & state.keys():
        raise KeyError("the file has no weight in common with this network")
    for name, value in state.items():
        layer, _, kind = name.rpartition(".")
        if name in stored:
            put(value, stored[name])
        elif (folded := stored.get(layer[:-1] + "0.bias")) is not None and kind != "num_batches_tracked":  # X.1 normalises what X.0 convolved
            put(
                value,
                {"weight": torch.ones_like(folded), "bias": folded, "running_mean": torch.zeros_like(folded), "running_var": torch.ones_like(folded)}[kind],
            )
    network.load_state_dict(state)


def put(value: Tensor, stored: Tensor) -> None:
    """Into the first rows and columns of a weight. Old outputs get nothing from new inputs."""
    if value.ndim != stored.ndim or any(old > now for old, now in zip(stored.shape, value.shape)):
        raise KeyError(f"a stored weight {tuple(stored.shape)} does not fit into {tuple(value.shape)}")
    outputs = value[: len(stored)] if value.ndim else value
    if value.ndim > 1:
        outputs.zero_()
    outputs[tuple(slice(side) for side in stored.shape)] = stored


@torch.no_grad()
def lift_kernels(network: nn.Module, stored: Collection[str]) -> None:
    """Scales the small rows of the normalised kernels up to TYPICAL, and their normalisations' statistics with them: the function stays the same.
    stored: names of the weights that come from an ONNX file; kernels of new layers are left as they are.

    Folding leaves the rows of a kernel as small as their outputs count. The optimiser's steps do not know this, and would turn such a row by a
    multiple of what they turned it by before (van Laarhoven 2017: behind a normalisation the weights' size decides the learning rate)."""
    for name, block in network.named_modules():
        if f"{name}.0.weight" in stored and isinstance(block, nn.Sequential) and isinstance(block[0], nn.Conv2d) and isinstance(block[1], nn.BatchNorm2d):
            kernel, norm = block[0].weight, block[1]
            assert norm.running_mean is not None and norm.running_var is not None
            size = kernel.flatten(1).pow(2).mean(1).sqrt()  # (outputs,)
            factor = torch.where(size > 0, TYPICAL / size, 1.0).clamp(min=1.0)
            deviation = (norm.running_var + norm.eps).sqrt()
            kernel.mul_(factor[:, None, None, None])
            norm.running_mean.mul_(factor)
            norm.running_var.mul_(factor**2)
            norm.weight.mul_((norm.running_var + norm.eps).sqrt() / (factor * deviation))


@torch.no_grad()
def restore_norms(network: nn.Module, pictures: Tensor) -> None:
    """Gives every normalisation the statistics of its input on `pictures`, and changes scale and offset so that its output stays."""

    def refresh(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        x = inputs[0].float()
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None and variance is not None
        scale = norm.weight / (variance + norm.eps).sqrt()
        offset = norm.bias - mean * scale
        mean.copy_(x.mean((0, 2, 3)))
        variance.copy_(x.var((0, 2, 3)))
        norm.weight.copy_(scale * (variance + norm.eps).sqrt())
        norm.bias.copy_(offset + mean * scale)

    hooks = [m.register_forward_pre_hook(refresh) for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    network.eval()
    network(pictures)
    for hook in hooks:
        hook.remove()
    network.train()


def epochs(file: Path, part: str) -> list[dict]:
    """The epochs in the trace beside the file, of `part` ('detector', 'hand', 'face'); nothing where there is none."""
    if not (path := file.with_name("trace.json")).exists():
        return []
    return json.loads(path.read_text()).get(part, {}).get("epochs", [])
