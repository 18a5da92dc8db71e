"""torch -> ONNX: one file, one input, both branches, and the facts about it as metadata.

Opset 18; the batch dimension is called N and may be anything from 1. Outputs (float32):
    detections      (N, 2, 1024, 7)  hand, face; 32 x 32 cells; score, box centre x, y, size w, h in pixels of the frame, unit vector up
    features        (N, 64, 64, 64)  stage 3
    hand_heatmaps   (N, 21, 64, 64)  each sums to 1
    hand            (N, 63)          21 x (x, y, z): x, y = (pixel + 0.5) / 256, z = pixels / 256 relative to the wrist
    hand_sigma      (N, 21)          expected distance from the truth, as a fraction of the crop's side
    hand_presence   (N, 1)           probability that the crop shows a hand
    handedness      (N, 1)           probability that it is a right hand
    face            (N, 1434)        478 x (x, y, z), z relative to the face's centre
    face_sigma      (N, 478)
    face_presence   (N, 1)
    face_ibug68     (N, 136)         68 x (x, y)
"""

import json
from pathlib import Path

import onnx
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model import storage
from model.network import SIZE, Detector, Landmarks, Pointillist

OPSET = 18


def load(landmarks: Path | None, detector: Path | None) -> Pointillist:
    """The averaged weights of two checkpoints (untrained where None) in the form the file will have: `folded` and rounded."""
    parts = []
    for network, path in ((Detector(), detector), (Landmarks(), landmarks)):
        if path:
            network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu")["average"])
        for layer in folded(network.eval()).modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.weight.data = torch.from_numpy(storage.as_stored(layer.weight.detach().numpy()))
        parts.append(network)
    return Pointillist(*parts).eval()


def folded(network: nn.Module) -> nn.Module:
    """In place, and returned: every normalisation right behind a convolution goes into its weights, which can be rounded only then."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Sequential) and len(layer) > 1 and isinstance(layer[0], nn.Conv2d) and isinstance(layer[1], nn.BatchNorm2d):
            layer[0], layer[1] = fuse_conv_bn_eval(layer[0], layer[1]), nn.Identity()
    return network


def write(network: Pointillist, path: Path, metadata: dict) -> onnx.ModelProto:
    """Exports, checks and saves, weights as in model/storage.py. `metadata`: JSON-able values by name."""
    image = torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8)
    program = torch.onnx.export(network, (image,), input_names=["image"], output_names=list(network.outputs), opset_version=OPSET,
                                dynamic_shapes={"image": {0: torch.export.Dim("N", min=1, max=1024)}}, dynamo=True, external_data=False, verbose=False)
    model = program.model_proto
    onnx.helper.set_model_props(model, {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()})
    for node in model.graph.node:  # where torch found each node is of no use to anybody, and names this machine's folders
        del node.metadata_props[:]
        node.doc_string = ""
    model.graph.doc_string = ""
    storage.pack(model)
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return model
