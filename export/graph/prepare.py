"""From the network's file to the files that are run, once, when the project is installed or a network is exported.

server.onnx, server_exact.onnx                  the whole network with a switch for each branch, in int8 and in float32
detector.onnx, hand.onnx, face.onnx, *_exact    the same for browsers, a file for each network, and compressed beside it (.gz)
layers.json, face_head.npz, stem.npz            for the pages that explain the network
"""

import gzip
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx.external_data_helper import uses_external_data
from onnx.utils import Extractor

from export.graph import face_head, layer_table, stem
from export.graph.conditional_branches import switchable
from export.graph.fold_constants import fold
from export.graph.layers import LAYERS, as_json
from export.graph.ort_layout import lay_out
from export.graph.quantize import RANGES, to_int8
from model.constants import CROP
from model.inference.network_file import BRANCHES, BROWSER_PARTS, SOURCE, WeightsError, damaged, digest, prepared_folder
from model.network import weight_packing


def prepare(weights: Path) -> Path:
    """Writes all prepared files of `weights`; returns their folder. Raises WeightsError."""
    source, stored = digest(weights), read(weights).SerializeToString()
    folder = prepared_folder(weights)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        for suffix, exact in (("", False), ("_exact", True)):
            graph = computed(onnx.ModelProto.FromString(stored), exact)
            whole = switchable(graph, {name: tuple(outputs) for name, outputs in BRANCHES.items()})
            metadata = {entry.key: entry.value for entry in whole.metadata_props if entry.key != RANGES}
            onnx.helper.set_model_props(whole, metadata | {SOURCE: source})
            onnx.save(whole, new / f"server{suffix}.onnx")
            for part in BROWSER_PARTS:
                file = new / f"{part}{suffix}.onnx"
                file.write_bytes(browser_part(graph, part, exact))
                Path(f"{file}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        plain = weight_packing.unpack(onnx.ModelProto.FromString(stored))
        (new / LAYERS).write_text(as_json(layer_table.layers(plain)))
        arrays: dict[str, dict[str, Any]] = {face_head.FILE: face_head.parameters(plain), stem.FILE: stem.parameters(plain)}
        for name, own in arrays.items():
            np.savez(new / name, **own)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(new, folder)
    return folder


def computed(model: onnx.ModelProto, exact: bool = False) -> onnx.ModelProto:
    """In place, and returned: the stored network as it is computed, in int8 or (exact) in float32. The detector takes pictures of other sides."""
    ranges: dict = next((json.loads(entry.value) for entry in model.metadata_props if entry.key == RANGES), {})
    model = fold(weight_packing.unpack(model))
    if not exact:
        model = lay_out(to_int8(model, ranges))
    for axis, side in zip(model.graph.input[0].type.tensor_type.shape.dim[1:3], ("H", "W")):
        axis.dim_param = side
    (cells,) = (output.type.tensor_type.shape.dim[2] for output in model.graph.output if output.name == "detections")
    cells.dim_param = "cells"
    return model


def browser_part(graph: onnx.ModelProto, name: str, exact: bool) -> bytes:
    """One network of a computed graph as a file of its own; `name` is a key of BROWSER_PARTS."""
    part = Extractor(graph).extract_model(["image"], BROWSER_PARTS[name])
    del part.metadata_props[:]  # the entries that describe the network to people stay with the original file
    if exact:  # which providers compute it, and so how it is best optimised, is known in the browser only
        weight_packing.pack(part)
        return part.SerializeToString()
    return optimised(part)


def optimised(model: onnx.ModelProto) -> bytes:
    """The graph as onnxruntime would rewrite it while it opens it, but for what depends on the processor.

    A browser then opens it without optimising it again, which is most of what opening costs there."""
    with tempfile.TemporaryDirectory() as scratch:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.log_severity_level = 3  # what it leaves out is no news to whoever installs this
        options.optimized_model_filepath = str(Path(scratch) / "optimised.onnx")
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return Path(options.optimized_model_filepath).read_bytes()


def read(path: Path) -> onnx.ModelProto:
    """The network's file, checked. Raises WeightsError."""
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise WeightsError(f"The weights file {path.name} cannot be read.") from error
    except Exception as error:  # protobuf's errors share no base class of their own
        raise WeightsError(damaged(path.name)) from error
    # onnxruntime would open whatever path is named there.
    inside = [*model.graph.initializer, *(field.t for node in model.graph.node for field in node.attribute)]
    if any(uses_external_data(tensor) for tensor in inside):
        raise WeightsError(f"The weights file {path.name} refers to another file; all weights must be inside.")
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise WeightsError(damaged(path.name)) from error
    _check_signature(model.graph, path.name)
    return model


def _check_signature(graph: onnx.GraphProto, name: str) -> None:
    if not graph.node:
        raise WeightsError(damaged(name))
    if {value.name: _shape(value) for value in graph.input} != {"image": (CROP, CROP, 3)}:
        raise WeightsError(f"The weights file {name} is of another version: its input does not fit.")
    given = {value.name: _shape(value) for value in graph.output}
    for output, shape in (pair for outputs in BRANCHES.values() for pair in outputs.items()):
        if given.get(output) != shape:
            raise WeightsError(f"The weights file {name} is of another version: its output '{output}' does not fit.")


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """Without the batch."""
    return tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim[1:])
