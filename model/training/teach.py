"""Fine-tuning a released landmark network on a few corrected crops, without its forgetting what it knew.

Half of a batch are corrected crops, freshly augmented; the other half are pictures that come with the project (model/data/built_in.py),
on which the network must go on answering as the released one does.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import augment, built_in, landmark_batches
from ..data.corrected import Corrected
from ..data.samples import CROP, Samples
from ..evaluation import metrics
from ..network.architecture import Landmarks, preprocess
from ..network.fake_quantize import kernels_rounded
from . import losses, warm_start

WARMUP = 0.1  # of the training: the learning rate rises
STATISTICS = 48  # crops that give the normalisations their statistics
KEEP = {"points": 1.0, "coarse": 0.5, "sigma": 0.1, "presence": 5.0, "side": 10.0, "ibug": 1.0}  # weights as in losses.py


@dataclass(frozen=True)
class Plan:
    """layers: which weights are trained, a name in LAYERS; rate: the peak learning rate; own, kept: crops of a batch; keep: the weight of the losses
    on the kept ones; seconds: the longest training. One that would take longer has fewer steps, and its learning rate falls earlier."""

    layers: str = "everything"
    rate: float = 2e-4
    epochs: int = 12
    steps: int = 20
    own: int = 12
    kept: int = 12
    keep: float = 2.0
    seconds: float = 600.0


# What gains most on the corrected crops for what is forgotten (tests/benchmark/teach.py). Of a face the head alone: it gains more than the whole
# network does at the same cost for other faces, leaves the renderings where they were, and takes three quarters of the time.
CHOSEN: dict[str, Plan] = {"hand": Plan(), "face": Plan("head", 1e-3)}

# Which weights may change, by the first part of their name. Statistics of normalisations never do.
LAYERS: dict[str, tuple[str, ...]] = {
    "head": ("head.",),
    "decoder": ("head.", "up_", "mix", "deepen.", "sharpen."),
    "everything": ("",),
}


@dataclass(frozen=True)
class Epoch:
    """What an epoch brought. loss, losses: means over its steps. own, kept: the points' mean error on the corrected crops and on the built-in
    pictures, as a fraction of the larger side of the true points' box. predictions: (N, K, 2), pixels of the corrected upright crops."""

    number: int
    seconds: float
    learning_rate: float
    loss: float
    losses: dict[str, float]
    own: float
    kept: float
    predictions: np.ndarray


@torch.no_grad()
def predict(network: Landmarks, crops: np.ndarray, field: str = "points") -> np.ndarray:
    """crops (N, 256, 256, 3) uint8 -> points (N, K, 2) in their pixels; field: 'points', or 'ibug' of a face."""
    if not len(crops):
        return np.zeros((0, 1, 2), np.float32)
    training = network.training
    network.eval()
    with kernels_rounded(network), torch.no_grad():
        parts = [network(torch.from_numpy(crops[i : i + 64]))[field][..., :2] for i in range(0, len(crops), 64)]
    network.train(training)
    return torch.cat(parts).float().numpy() * CROP - 0.5


def error(points: np.ndarray, truth: np.ndarray) -> float:
    """The mean distance of points (N, K, 2) from the truth, as a fraction of the larger side of its box; nan without any."""
    return metrics.nme(metrics.point_errors(points, truth, metrics.extent(truth))) if len(truth) else float("nan")


def teach(
    kind: str,
    weights: Path,
    corrected: Corrected,
    scenes: list[built_in.Scene],
    plan: Plan,
    seed: int = 0,
    report: Callable[[Epoch], None] = lambda epoch: None,
) -> Landmarks:
    """The network of `kind` in the file `weights`, fine-tuned; report is called with what was measured before the first epoch, as number 0,
    and after each."""
    torch.manual_seed(seed)
    cv2.setNumThreads(0)
    rng = np.random.default_rng(seed)
    network = loaded(kind, weights, scenes, rng)
    released = copy.deepcopy(network).eval()
    flips = landmark_batches.flips_of([corrected.samples, *meshes(kind, scenes, released)])
    measured, truth = built_in.measured(kind)
    names = LAYERS[plan.layers]
    chosen = [p for name, p in network.named_parameters() if name.startswith(names)]
    for p in network.parameters():
        p.requires_grad_(False)
    for p in chosen:
        p.requires_grad_(True)
    optimiser = torch.optim.AdamW(chosen, plan.rate, weight_decay=0.0)
    half = torch.cpu.get_capabilities().get("avx512_bf16", False)

    def entry(number: int, started: float, means: dict[str, float]) -> Epoch:
        predictions = predict(network, corrected.upright)
        kept = error(predict(network, measured, "points" if kind == "hand" else "ibug"), truth)
        total = means.pop("total", float("nan"))
        return Epoch(number, time.time() - started, optimiser.param_groups[0]["lr"], total, means, error(predictions, corrected.truth), kept, predictions)

    report(entry(0, time.time(), {}))
    measure = {"hand": losses.hand_losses, "face": losses.face_losses}[kind]
    begun = time.time()

    def share(step: int) -> float:
        """Of the training that is over, before this step: 0..1."""
        return max(step / (plan.epochs * plan.steps), (time.time() - begun) / plan.seconds)

    for epoch in range(plan.epochs):
        if share(epoch * plan.steps) >= 1:
            break
        started, taken = time.time(), 0
        sums: dict[str, float] = {}
        network.train()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        for step in range(epoch * plan.steps, (epoch + 1) * plan.steps):
            if (over := share(step)) >= 1:
                break
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * min(1.0, over / WARMUP + 0.05) * (0.5 + 0.5 * math.cos(math.pi * over))
            own, target, present = own_batch(corrected, plan.own, rng, flips)
            kept = torch.from_numpy(built_in.kept_crops(kind, scenes, plan.kept, rng))
            with kernels_rounded(network):
                with torch.autocast("cpu", torch.bfloat16, enabled=half):
                    out, before = answered(network, released, torch.cat([own, kept]), len(own))
                first = {name: value[: len(own)] for name, value in out.items()}
                parts = measure(first, target, present) if len(target) else {"presence": F.binary_cross_entropy_with_logits(first["presence"], present)}
                parts |= {
                    f"keep_{name}": plan.keep * value for name, value in kept_losses({name: value[len(own) :] for name, value in out.items()}, before).items()
                }
                weighted = [losses.WEIGHTS.get(name, KEEP.get(name.removeprefix("keep_"), 1.0)) * value for name, value in parts.items()]
                total = torch.stack(weighted).sum()
                optimiser.zero_grad()
                total.backward()
            nn.utils.clip_grad_norm_(chosen, 10.0)
            optimiser.step()
            for name, value in (parts | {"total": total}).items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            taken += 1
        report(entry(epoch + 1, started, {name: value / taken for name, value in sums.items()}))
    return network.eval()


def answered(network: Landmarks, released: Landmarks, images: Tensor, own: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the network says of all images (N, 256, 256, 3), and the released one of those behind the first `own`. Where only the head is trained
    both have the same features, which are computed once."""
    if all(not p.requires_grad for name, p in network.named_parameters() if not name.startswith("head.")):
        with torch.no_grad():
            features, smallest = network.features(preprocess(images))
            before = released.head(features[own:], smallest[own:])
        return network.head(features, smallest), before
    with torch.no_grad():
        before = released(images[own:])
    return network(images), before


def loaded(kind: str, weights: Path, scenes: list[built_in.Scene], rng: np.random.Generator) -> Landmarks:
    """The network of `kind` in the file, ready to be trained on."""
    network = Landmarks(kind)
    warm_start.load(network, kind, weights, torch.from_numpy(built_in.kept_crops(kind, scenes, STATISTICS, rng)))
    return network


def own_batch(corrected: Corrected, count: int, rng: np.random.Generator, flips: dict[str, np.ndarray]) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Augmented crops (N, 256, 256, 3), the targets of the first ones, and which show the object (N, 1). False detections are up to a quarter."""
    labelled = len(corrected.samples.images)
    wrong = min(count // 4, len(corrected.none)) if labelled else count
    rows = [landmark_batches.sample(corrected.samples, int(rng.integers(labelled)), CROP, rng, [], flips) for _ in range(count - wrong)]
    none = [augment.camera(corrected.none[rng.integers(len(corrected.none))], rng, landmark_batches.COARSEST) for _ in range(wrong)]
    target = landmark_batches.stack(rows)
    images = torch.cat([*([target.pop("image")] if rows else []), *([torch.from_numpy(np.stack(none))] if none else [])])
    return images, target, torch.tensor([1.0] * len(rows) + [0.0] * len(none))[:, None]


def kept_losses(now: dict[str, Tensor], before: dict[str, Tensor]) -> dict[str, Tensor]:
    """How far the answers have moved from those of the released network."""
    moved = {"points": 100 * (now["points"] - before["points"]).abs().sum(-1).mean(), "coarse": 100 * (now["coarse"] - before["coarse"]).abs().sum(-1).mean()}
    moved["sigma"] = (now["log_sigma"] - before["log_sigma"]).abs().mean()
    moved["presence"] = F.binary_cross_entropy_with_logits(now["presence"], before["presence"].sigmoid())
    if "right" in now:
        moved["side"] = F.binary_cross_entropy_with_logits(now["right"], before["right"].sigmoid())
    else:
        moved["ibug"] = 100 * (now["ibug"] - before["ibug"]).abs().sum(-1).mean()
    return moved


def meshes(kind: str, scenes: list[built_in.Scene], released: Landmarks) -> list[Samples]:
    """The faces of the scenes as the released network sees them: with them the mesh's mirror image is known. Nothing for hands."""
    if kind == "hand":
        return []
    from ..runtime.geometry import extract_crop

    crops = np.stack([extract_crop(scene.rgb, roi) for scene in scenes for roi in scene.rois["face"]])
    points = predict(released, crops)
    count = len(points)
    return [Samples("scenes", kind, "CC0", crops, points, np.full((count, 478), np.nan), np.ones((count, 478), np.float32), np.array(["val"] * count))]
