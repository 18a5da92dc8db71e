"""The plan of a network for the browser's engine (export/browser/runtime/engine): which convolutions are computed in which order, and the
numbers they need, in the order in which its kernels read them.

It is read from the graph that quantize.py makes. Every convolution there takes a map of uint8 to another one; a sum of two maps is taken
along by the convolution that makes one of them, and a map that is enlarged is read with half the step. What comes behind the last
convolutions (`ends`), in float32, has a program of its own there (heads.js); the plan has its weights.
"""

import json
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

from model.inference.network_file import WeightsError

CHANNELS = 8  # outputs that the engine computes together
STEP = 4  # bytes of a window that it reads together
ALIGNED = 16  # bytes: where an array begins in the file


class NotPlanned(WeightsError):
    """The graph has something that the engine does not know; the text is one plain sentence."""

    def __init__(self, reason: str):
        super().__init__(f"The network cannot be prepared for browsers: {reason}.")


@dataclass
class _Map:
    """A map of uint8: its sides are those of the image divided by `shrink`; `used` channels and empty ones up to a multiple of CHANNELS;
    around it a frame of `border` pixels; its numbers stand for (number - zero) * scale."""

    shrink: int
    used: int
    channels: int
    scale: float
    zero: int
    border: int = 0


@dataclass
class _Plan:
    maps: list[_Map] = field(default_factory=list)
    layers: list[dict] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)  # name -> index of a map
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def file(self) -> bytes:
        """Length of the header (uint32), header (JSON), arrays; all numbers little-endian."""
        places, body = {}, b""
        for name, values in self.arrays.items():
            places[name] = {"type": values.dtype.name, "shape": values.shape, "offset": len(body)}
            body += values.tobytes() + bytes(-values.nbytes % ALIGNED)
        content = {"maps": [vars(each) for each in self.maps], "layers": self.layers, "ends": self.ends, "arrays": places}
        header = json.dumps(content, separators=(",", ":")).encode()
        header += b" " * (-(len(header) + 4) % ALIGNED)
        return len(header).to_bytes(4, "little") + header + body


def browser_plan(model: onnx.ModelProto) -> bytes:
    """The plan of a network (a graph in int8 with the input `image`) as a file. Raises NotPlanned."""
    return _Reader(model.graph).plan().file()


class _Reader:
    def __init__(self, graph: onnx.GraphProto):
        self._graph = graph
        self._values = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
        self._maker = {name: node for node in graph.node for name in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._plan = _Plan()
        self._maps: dict[str, int] = {}  # name of a quantized tensor -> index of its map
        self._waiting: dict[str, dict] = {}  # name of a quantized tensor -> the layer that makes it, once its sum is known

    def plan(self) -> _Plan:
        for node in self._graph.node:
            if node.op_type == "Conv":
                self._convolution(node)
            elif node.op_type == "Add" and all(self._quantized(name) for name in node.input):
                self._sum(node)
        self._ends()
        return self._plan

    def _quantized(self, name: str) -> str:
        """The uint8 tensor that `name` is made of, or ''."""
        maker = self._maker.get(name)
        return maker.input[0] if maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] not in self._values else ""

    def _result(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """The QuantizeLinear behind a node, or behind its ReLU: to quantize cuts off what is below 0."""
        behind = self._readers.get(node.output[0], [])
        if len(behind) == 1 and behind[0].op_type == "Relu":
            behind = self._readers.get(behind[0].output[0], [])
        found = [reader for reader in behind if reader.op_type == "QuantizeLinear"]
        if len(found) != 1:
            raise NotPlanned(f"{node.name} is not quantized")
        return found[0]

    def _source(self, quantized: str) -> tuple[int, bool]:
        """The map that a quantized tensor lies in, and whether it is that map enlarged to twice the sides."""
        if quantized in self._maps:
            return self._maps[quantized], False
        maker = self._maker[self._maker[quantized].input[0]]
        if maker.op_type == "Resize":
            nearest = any(a.name == "mode" and a.s == b"nearest" for a in maker.attribute)
            if nearest and np.array_equal(self._values[maker.input[2]], [1, 1, 2, 2]):
                return self._maps[self._quantized(maker.input[0])], True
        if maker.op_type == "Cast":  # the image itself: whole numbers from the start
            self._maps[quantized] = self._add_map(_Map(1, 3, 3, 1.0, 0))
            return self._maps[quantized], False
        raise NotPlanned(f"{maker.name} makes a map")

    def _add_map(self, added: _Map) -> int:
        self._plan.maps.append(added)
        return len(self._plan.maps) - 1

    def _step(self, node: onnx.NodeProto) -> tuple[float, int]:
        """Scale and zero point of a QuantizeLinear or DequantizeLinear."""
        return self._values[node.input[1]].item(), self._values[node.input[2]].item()

    def _convolution(self, node: onnx.NodeProto) -> None:
        settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        quantized = self._quantized(node.input[0])
        if not quantized or node.input[1] in self._values:
            raise NotPlanned(f"{node.name} is not quantized")
        index, enlarged = self._source(quantized)
        source, whole = self._plan.maps[index], self._result(node)
        stride, padding = settings["strides"][0], settings["pads"][0]
        square = settings["strides"] == [stride] * 2 and settings["pads"] == [padding] * 4
        if enlarged or not square or settings.get("group", 1) != 1 or set(settings.get("dilations", [1])) != {1}:
            raise NotPlanned(f"{node.name} is of another kind")
        source.border = max(source.border, padding)
        scale, zero = self._step(whole)
        kernel, kernel_scale, _ = (self._values[name] for name in self._maker[node.input[1]].input)
        outputs, _, rows, columns = kernel.shape
        empty = -outputs % CHANNELS
        sums = kernel.sum((1, 2, 3), dtype=np.int32)
        bias = self._values[self._maker[node.input[2]].input[0]] if len(node.input) > 2 else np.zeros_like(sums)
        factors = kernel_scale * np.float32(source.scale) / np.float32(scale)
        name = node.output[0]
        self._plan.arrays |= {
            f"{name}.weights": _packed(kernel, source.channels),
            f"{name}.bias": np.pad(bias - source.zero * sums, (0, empty)).astype(np.int32),  # kernels see a map's numbers, not what is above zero
            f"{name}.sums": np.pad(sums, (0, empty)),  # of the kernels, for where maps are kept with a sign
            f"{name}.scales": np.pad(factors, (0, empty)).astype(np.float32),
        }
        layer = {"source": index, "rows": rows, "columns": columns, "stride": stride, "padding": padding, "zero": zero, "arrays": name,
                 "made": _Map(source.shrink * stride, outputs, outputs + empty, scale, zero)}  # fmt: skip
        readers = [reader for rounded in self._readers[whole.output[0]] for reader in self._readers.get(rounded.output[0], [])]
        if len(readers) == 1 and readers[0].op_type == "Add":
            self._waiting[whole.output[0]] = layer
        else:
            self._emit(layer, whole.output[0])

    def _emit(self, layer: dict, name: str) -> None:
        layer["target"] = self._maps[name] = self._add_map(layer.pop("made"))
        self._plan.layers.append(layer)

    def _sum(self, node: onnx.NodeProto) -> None:
        one, other = (self._quantized(name) for name in node.input)
        if one not in self._waiting:
            one, other = other, one
        if one not in self._waiting:
            raise NotPlanned(f"{node.name} adds maps that no convolution makes")
        layer, whole = self._waiting.pop(one), self._result(node)
        if other in self._waiting:
            self._emit(self._waiting.pop(other), other)
        index, enlarged = self._source(other)
        own, added = layer["made"], self._plan.maps[index]
        scale, zero = self._step(whole)
        if added.channels != own.channels or added.shrink != own.shrink * (1 + enlarged):
            raise NotPlanned(f"{node.name} adds maps of different shapes")
        own_scale, other_scale = np.float32(own.scale) / np.float32(scale), np.float32(added.scale) / np.float32(scale)
        layer["sum"] = {"other": index, "halved": enlarged, "otherScale": float(other_scale), "ownScale": float(own_scale),
                        "shift": float(np.float32(zero) - (own_scale * np.float32(own.zero) + other_scale * np.float32(added.zero)))}  # fmt: skip
        layer["made"] = _Map(own.shrink, own.used, own.channels, scale, zero)
        self._emit(layer, whole.output[0])

    def _ends(self) -> None:
        """The maps that the last part of the network reads, by name, and that part's weights."""
        for node in self._graph.node:
            if node.op_type == "Softmax":
                self._plan.ends["maps"] = self._behind(node.input[0])
                product = self._readers[node.output[0]][0]
                self._plan.ends["local"] = self._behind(product.input[1])
            elif node.op_type == "Gemm":
                name = node.input[1].split(".head.")[-1].removesuffix(".weight")
                weights, bias = (self._values[each].astype(np.float32) for each in node.input[1:3])
                if name == "summary.full":
                    index = self._plan.ends["summary"] = self._behind(node.input[0])
                    channels = self._plan.maps[index].channels
                    weights = weights.reshape(len(weights), channels, -1).transpose(0, 2, 1).reshape(weights.shape)  # channels last, as maps lie
                self._connect(name, weights, bias)
            elif node.op_type == "MatMul" and node.input[0] in self._values:  # of the face's points: a weighted mean of places
                weights = self._values[node.input[0]].astype(np.float32)
                self._connect(node.input[0].split(".head.")[-1], weights, np.zeros(len(weights), np.float32))
        if not self._plan.ends:
            self._plan.ends["cells"] = self._behind(self._graph.output[0].name)

    def _connect(self, name: str, weights: np.ndarray, bias: np.ndarray) -> None:
        """A fully connected layer: weights (outputs, inputs)."""
        self._plan.arrays[f"{name}.weights"] = _halved(np.pad(weights, ((0, 0), (0, -weights.shape[1] % STEP))))
        self._plan.arrays[f"{name}.bias"] = bias

    def _behind(self, name: str) -> int:
        """The map that a tensor is computed from, over first inputs."""
        while name not in self._maps:
            if name not in self._maker:
                raise NotPlanned("a result comes from no map")
            name = self._maker[name].input[0]
        return self._maps[name]


def _packed(kernel: np.ndarray, channels: int) -> np.ndarray:
    """int8 (outputs, inputs, rows, columns) -> (eights of outputs, rows, steps, 2 x 4 outputs, 4 bytes of the window's row)."""
    outputs, inputs, rows, columns = kernel.shape
    padded = np.pad(kernel, ((0, -outputs % CHANNELS), (0, channels - inputs), (0, 0), (0, 0)))
    runs = padded.transpose(0, 2, 3, 1).reshape(len(padded), rows, columns * channels)
    runs = np.pad(runs, ((0, 0), (0, 0), (0, -runs.shape[2] % STEP)))
    steps = runs.reshape(-1, CHANNELS, rows, runs.shape[2] // STEP, STEP)
    return np.ascontiguousarray(steps.transpose(0, 2, 3, 1, 4))


def _halved(weights: np.ndarray) -> np.ndarray:
    """As float16 where that loses nothing: large weights are stored so (model/network/weight_packing.py)."""
    half = weights.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), weights) else weights
