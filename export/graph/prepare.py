"""From the network's file to the files that are run, once, when the project is installed or a network is exported.

server.onnx, server_exact.onnx                  the whole network with a switch for each branch, in int8 and in float32
detector.plan, hand.plan, face.plan             each network in int8 for the browser's own engine
detector_exact.onnx, hand_exact.onnx, ...       the same in float32 for its graphics card; both compressed beside it (.gz)
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
from onnx.external_data_helper import uses_external_data
from onnx.utils import Extractor

from export.graph import face_head, layer_table, stem
from export.graph.browser_plan import browser_plan
from export.graph.conditional_branches import switchable
from export.graph.early_exit import stopping_early
from export.graph.fold_constants import fold
from export.graph.layers import LAYERS, as_json
from export.graph.ort_layout import lay_out
from export.graph.quantize import RANGES, to_int8
from model.constants import CROP
from model.inference.network_file import BRANCHES, BROWSER_PARTS, PRESENCE, SOURCE, WeightsError, damaged, digest, prepared_folder
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
            whole = stopping_early(switchable(graph, {name: tuple(outputs) for name, outputs in BRANCHES.items()}), PRESENCE.values())
            metadata = {entry.key: entry.value for entry in whole.metadata_props if entry.key != RANGES}
            onnx.helper.set_model_props(whole, metadata | {SOURCE: source})
            onnx.save(whole, new / f"server{suffix}.onnx")
        for name, content in _for_browsers(stored).items():
            (new / name).write_bytes(content)
            (new / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        plain = weight_packing.unpack(onnx.ModelProto.FromString(stored))
        (new / LAYERS).write_text(as_json(layer_table.layers(plain)))
        arrays: dict[str, dict[str, Any]] = {face_head.FILE: face_head.parameters(plain), stem.FILE: stem.parameters(plain)}
        for name, own in arrays.items():
            np.savez(new / name, **own)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(new, folder)
    return folder


def _for_browsers(stored: bytes) -> dict[str, bytes]:
    """Name -> content of each network's files."""
    whole, exact, files = in_int8(onnx.ModelProto.FromString(stored)), computed(onnx.ModelProto.FromString(stored), exact=True), {}
    for name in BROWSER_PARTS:
        files[f"{name}.plan"] = browser_plan(browser_part(whole, name))
        part = browser_part(exact, name)
        weight_packing.pack(part)
        files[f"{name}_exact.onnx"] = part.SerializeToString()
    return files


def computed(model: onnx.ModelProto, exact: bool = False) -> onnx.ModelProto:
    """In place, and returned: the stored network as the server computes it, in int8 or (exact) in float32. The detector takes pictures of other sides."""
    model = fold(weight_packing.unpack(model)) if exact else lay_out(in_int8(model))
    for axis, side in zip(model.graph.input[0].type.tensor_type.shape.dim[1:3], ("H", "W")):
        axis.dim_param = side
    (cells,) = (output.type.tensor_type.shape.dim[2] for output in model.graph.output if output.name == "detections")
    cells.dim_param = "cells"
    return model


def in_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """In place, and returned: the stored network with convolutions in int8."""
    ranges: dict = next((json.loads(entry.value) for entry in model.metadata_props if entry.key == RANGES), {})
    return to_int8(fold(weight_packing.unpack(model)), ranges)


def browser_part(graph: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """One network of a graph on its own; `name` is a key of BROWSER_PARTS."""
    part = Extractor(graph).extract_model(["image"], BROWSER_PARTS[name])
    del part.metadata_props[:]  # the entries that describe the network to people stay with the original file
    return part


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
