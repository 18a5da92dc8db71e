"""torch -> ONNX: one file, one input, three networks, and the facts about it as metadata.

Opset 18; the batch dimension is called N and may be anything from 1. Outputs (float32):
    detections      (N, 2, 1024, 7)  hand, face; 32 x 32 cells; score, box centre x, y, size w, h in pixels of the frame, unit vector up;
                                     its nodes take pictures of other sides too, which 32 divides: H / 8 x W / 8 cells
    hand_features   (N, 64, 64, 64)  stage 3 for a hand
    hand_heatmaps   (N, 21, 64, 64)  each sums to 1
    hand            (N, 63)          21 x (x, y, z): x, y = (pixel + 0.5) / 256, z = pixels / 256 relative to the wrist
    hand_sigma      (N, 21)          expected distance from the truth, as a fraction of the crop's side
    hand_presence   (N, 1)           probability that the crop shows a hand
    handedness      (N, 1)           probability that it is a right hand
    face_features   (N, 64, 64, 64)  stage 3 for a face
    face            (N, 1434)        478 x (x, y, z), z relative to the face's centre
    face_sigma      (N, 478)
    face_presence   (N, 1)
    face_ibug68     (N, 136)         68 x (x, y)
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from export.graph import quantize
from export.graph.prepare import computed
from model.inference.network_file import BRANCHES
from model.network import weight_packing
from model.network.architecture import SIZE, Detector, Landmarks, Pointillist, found, points
from model.runtime.geometry import STEP
from model.training.warm_start import weights_of

OPSET = 18


def load(detector: Path | None, hand: Path | None, face: Path | None) -> Pointillist:
    """The averaged weights of three checkpoints (untrained where None; where the path is of an ONNX file, those that it has) in the form the
    file will have: `folded` and rounded."""
    parts = Detector(), Landmarks("hand"), Landmarks("face")
    for part, network, path in zip(("detector", "hand", "face"), parts, (detector, hand, face)):
        if path and path.suffix != ".onnx":
            network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu")["average"])
        folded(network.eval())
        if path and path.suffix == ".onnx":
            kept = weights_of(path, part)  # all but the counters, which inference does not need
            network.load_state_dict({name: value if name.endswith("num_batches_tracked") else kept[name] for name, value in network.state_dict().items()})
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.weight.data = torch.from_numpy(weight_packing.as_stored(layer.weight.detach().numpy()))
    return Pointillist(*parts).eval()


def folded(network: nn.Module) -> nn.Module:
    """In place, and returned: every normalisation right behind a convolution goes into its weights, which can be rounded only then."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Sequential) and len(layer) > 1 and isinstance(layer[0], nn.Conv2d) and isinstance(layer[1], nn.BatchNorm2d):
            layer[0], layer[1] = fuse_conv_bn_eval(layer[0], layer[1]), nn.Identity()
    return network


def ranges(model: onnx.ModelProto, pictures: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Each part's own, seen on its own pictures."""
    graph = computed(onnx.ModelProto.FromString(model.SerializeToString()), exact=True)
    found: dict[str, list[float]] = {}
    for part, own in pictures.items():
        cut = onnx.utils.Extractor(graph).extract_model(["image"], list(BRANCHES[part]))
        found |= quantize.ranges(cut, own)
    return found


class _Found(nn.Module):
    def __init__(self, detector: Detector):
        super().__init__()
        self.detector = detector

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return found(self.detector, image)


class _Points(nn.Module):
    def __init__(self, hand: Landmarks, face: Landmarks):
        super().__init__()
        self.hand, self.face = hand, face

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return points(self.hand, self.face, image)


def _exported(module: nn.Module, outputs: tuple[str, ...], sides: dict) -> onnx.ModelProto:
    """sides: which dimensions of the picture are left open, besides the batch."""
    image = torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8)
    program = torch.onnx.export(
        module.eval(),
        (image,),
        input_names=["image"],
        output_names=list(outputs),
        opset_version=OPSET,
        dynamic_shapes={"image": {0: torch.export.Dim("N", min=1, max=1024)} | sides},
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None  # with dynamo=True there is one
    model = program.model_proto
    for node in model.graph.node:  # where torch found each node is of no use to anybody, and names this machine's folders
        del node.metadata_props[:]
        node.doc_string = ""
    model.graph.doc_string = ""
    return model


def _add(model: onnx.ModelProto, detector: onnx.ModelProto) -> None:
    """The detector's nodes to those that read the same picture, under names of their own."""
    graph = detector.graph
    common = {"", *(value.name for value in [*graph.input, *graph.output])}

    def own(name: str) -> str:
        return name if name in common or name.startswith("detector.") else f"detector.{name}"  # weights have such names already

    for node in graph.node:
        node.name = own(node.name)
        node.input[:], node.output[:] = map(own, node.input), map(own, node.output)
    for weight in graph.initializer:
        weight.name = own(weight.name)
    model.graph.initializer.extend(graph.initializer)
    model.graph.node.extend(graph.node)
    (given,) = graph.output
    for axis, side in zip(given.type.tensor_type.shape.dim[1:], BRANCHES["detector"][given.name]):
        axis.dim_value = side
    model.graph.output.insert(0, given)


def write(
    network: Pointillist, path: Path, metadata: dict, pictures: dict[str, np.ndarray] | None = None, known: dict[str, list[float]] | None = None
) -> onnx.ModelProto:
    """Exports, checks and saves, weights as in model/network/weight_packing.py. `metadata`: JSON-able values by name. `pictures`: what each part was
    trained on, (N, 256, 256, 3) uint8; with them the file holds the ranges that arithmetic in eight bits needs (export/graph/quantize.py).
    `known`: ranges of the parts without pictures."""
    model = _exported(_Points(network.hand, network.face), network.outputs[1:], {})
    sides = {axis: STEP * torch.export.Dim(name, min=2, max=SIZE // STEP) for axis, name in ((1, "rows"), (2, "columns"))}
    _add(model, _exported(_Found(network.detector), network.outputs[:1], sides))
    onnx.helper.set_model_props(model, {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()})
    weight_packing.pack(model)
    if pictures:
        found = (known or {}) | ranges(model, pictures)
        onnx.helper.set_model_props(model, {p.key: p.value for p in model.metadata_props} | {quantize.RANGES: json.dumps(found)})
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return model
