"""The network's layers as data: what each does, how large it is, what it costs. Read from a prepared file, without onnx."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.inference.network_file import prepared

LAYERS = "layers.json"
PREPROCESSING, DETECTOR = "preprocessing", "detector"  # stages; the others are each kind's features and its head: "hand_features", "hand", ...

# Operation -> family; every family has one colour on the page.
FAMILIES = {
    "convolution": ("Conv",),
    "fully connected": ("Gemm", "MatMul"),
    "activation": ("Relu", "LeakyRelu", "Sigmoid", "Softmax", "Exp", "Clip"),
    "resizing and pooling": ("Resize", "AveragePool", "MaxPool", "GlobalAveragePool"),
    "normalisation": ("BatchNormalization",),
    "arithmetic": ("Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "ReduceSum"),
}
REARRANGING = "rearranging"  # the family of all others: they move or convert numbers and compute nothing


@dataclass(frozen=True)
class Layer:
    """One operation of the graph, for a batch of one.

    name: where it is in the network. kind: the ONNX operation, with the activation that follows it. family: a key of
    FAMILIES, or REARRANGING. kernel: for example '3 × 3, stride 2', or ''. shape: of its output, without the batch.
    parameters: trained numbers. macs: multiplications with accumulation. nodes, tensors: the graph's names for what
    is in it; tensors[-1] is its output.
    """

    name: str
    kind: str
    family: str
    kernel: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    nodes: tuple[str, ...]
    tensors: tuple[str, ...]


def as_json(stages: dict[str, tuple[Layer, ...]]) -> str:
    """Stage -> its layers, for `read`."""
    return json.dumps({stage: [asdict(layer) for layer in layers] for stage, layers in stages.items()})


def read(weights: Path) -> dict[str, tuple[Layer, ...]]:
    """The layers of a network's file by stage, each in the order in which they are computed. Raises WeightsError where it is not prepared."""
    stages = json.loads(prepared(weights, LAYERS).read_text())
    return {stage: tuple(_layer(fields) for fields in layers) for stage, layers in stages.items()}


def _layer(fields: dict) -> Layer:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Layer(**values)
