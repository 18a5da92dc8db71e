"""python -m export.own_network --kind hand --output FOLDER [--corrections FILE]

A network of one's own from corrected photos (the ZIP of model/output/coco_folder.py): the released hand's or face's network, fine-tuned
(model/training/teach.py), in a copy of the released file in which everything else stays as it is, bit by bit. FOLDER gets trace.json after each
epoch, and at the end own.zip: the ONNX file, the trace and a card. The ZIP is read from standard input unless FILE is named; photos are never written.
"""

import argparse
import copy
import io
import json
import shutil
import sys
import time
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from export import torch_to_onnx
from export.graph import quantize
from export.graph.prepare import computed
from model import Landmarker
from model.constants import CROP, KINDS
from model.data import built_in
from model.data.corrected import Corrected, of_photos
from model.inference import cpus
from model.inference.network_file import RELEASED, WEIGHTS
from model.network import weight_packing
from model.network.architecture import Landmarks
from model.output import coco_folder
from model.photo.image_file import PhotoError
from model.training import teach
from model.training.train import follow

ONNX, TRACE, CARD, ZIP = "own.onnx", "trace.json", "CARD.md", "own.zip"
MOST_THREADS = 2  # the others stay with visitors' photos


def replaced(released: Path, kind: str, network: Landmarks, layers: str, pictures: np.ndarray) -> onnx.ModelProto:
    """The released file with the trained weights of `kind` in their places, packed as they were. layers: a name in teach.LAYERS;
    pictures (N, 256, 256, 3) uint8: they widen the ranges of arithmetic in eight bits where the network's values have grown."""
    model = onnx.load(released)
    state = torch_to_onnx.folded(copy.deepcopy(network).eval()).state_dict()
    trained = {f"{kind}.{name}": value.numpy() for name, value in state.items() if name.startswith(teach.LAYERS[layers])}
    kept = []
    for stored in model.graph.initializer:
        name = weight_packing.plain_name(stored.name)
        kept.append(weight_packing.stored_as(stored, trained[name]) if name in trained else stored)
    weight_packing.replace(model.graph.initializer, kept)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    ranges = json.loads(properties[quantize.RANGES])
    for name, (low, high) in torch_to_onnx.ranges(model, {kind: pictures}).items():
        old = ranges.get(name, (low, high))
        ranges[name] = [min(low, old[0]), max(high, old[1])]
    onnx.helper.set_model_props(model, properties | {quantize.RANGES: json.dumps(ranges)})
    onnx.checker.check_model(model, full_check=True)
    return model


class Answers:
    """What a file's network says, computed in eight bits as the app does it."""

    def __init__(self, model: onnx.ModelProto):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = MOST_THREADS, 3
        content = computed(onnx.ModelProto.FromString(model.SerializeToString())).SerializeToString()
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def points(self, kind: str, crops: np.ndarray, output: str) -> np.ndarray:
        """crops (N, 256, 256, 3) uint8 -> (N, K, 2) in their pixels; output: 'hand', 'face' or 'face_ibug68'."""
        width = 2 if output == "face_ibug68" else 3
        found = [self._session.run([output], {"image": crop[None]})[0].reshape(-1, width)[:, :2] for crop in crops]
        return np.stack(found) * CROP - 0.5


def figures(model: onnx.ModelProto, kind: str, corrected: Corrected) -> dict[str, float | None]:
    """The mean error on the corrected crops (None without any) and on the built-in pictures, as in teach.Epoch, by the file itself."""
    answers = Answers(model)
    measured, truth = built_in.measured(kind)
    kept = teach.error(answers.points(kind, measured, kind if kind == "hand" else "face_ibug68"), truth)
    own = teach.error(answers.points(kind, corrected.upright, kind), corrected.truth) if len(corrected.truth) else None
    return {"corrected": own, "built_in": kept}


def card(kind: str, document: dict) -> str:
    """A few sentences and two lines of figures about the network."""
    before, after = document["figures"]["before"], document["figures"]["after"]
    rows = "\n".join(
        f"| {title} | {_percent(before[name])} | {_percent(after[name])} |"
        for name, title in (("corrected", "your corrected crops (trained on)"), ("built_in", "the project's own pictures (not trained on)"))
    )
    first = "the released network of Pointillist" if WEIGHTS == RELEASED else f"`{WEIGHTS.name}`"
    return f"""# A {kind} network of your own

Fine-tuned on {document["run"]["date"]} from {first} on {document["run"]["corrected"]} corrected {kind}s and
{document["run"]["false_detections"]} false detections, in {document["run"]["seconds"]:.0f} s. The detector and the other network are the released ones.

Mean distance of the points, of the larger side of the {kind}:

| measured on | released | yours |
|---|---|---|
{rows}

The corrected crops were trained on: on new photos the gain is smaller. The released model card says what the network is for; the licences
of its weights go on to apply.

Use it: `pointillist prepare {ONNX}`, then `pointillist detect PHOTO --weights {ONNX}` or `Landmarker(weights="{ONNX}")`.
The app with it: `pointillist serve --weights {ONNX}`.
"""


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def main(arguments: list[str] | None = None) -> None:
    """Runs the command: trains on corrections and writes own.zip."""
    options = argparse.ArgumentParser(prog="python -m export.own_network", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kind", choices=KINDS, default="hand")
    options.add_argument("--output", type=Path, required=True, help="the folder for trace.json and own.zip")
    options.add_argument("--corrections", type=Path, help="the ZIP that the photos page has given; standard input by default")
    options.add_argument("--epochs", type=int, default=teach.Plan.epochs)
    options.add_argument("--steps", type=int, default=teach.Plan.steps, help="batches per epoch")
    options.add_argument("--threads", type=int, default=min(MOST_THREADS, cpus.available()))
    options.add_argument("--parent", type=int, help="the process that started this one: end with it")
    o = options.parse_args(arguments)
    if o.parent:
        follow(o.parent, lambda: shutil.rmtree(o.output, ignore_errors=True))  # a server that was killed removes nothing
    torch.set_num_threads(o.threads)
    try:
        photos = coco_folder.read(io.BytesIO(o.corrections.read_bytes() if o.corrections else sys.stdin.buffer.read()))
        landmarker = Landmarker(threads=o.threads)
        corrected = of_photos(photos, o.kind, landmarker)
        o.output.mkdir(parents=True, exist_ok=True)
    except (coco_folder.FolderError, PhotoError, OSError) as error:
        sys.exit(str(error))
    if not len(corrected.samples.images) and not len(corrected.none):
        sys.exit(f"No {o.kind} is corrected in these photos.")
    train(o.kind, corrected, landmarker, o.output, replace(teach.CHOSEN[o.kind], epochs=o.epochs, steps=o.steps))


def train(kind: str, corrected: Corrected, landmarker: Landmarker, output: Path, plan: teach.Plan) -> dict:
    """Trains, measures and writes; returns the trace."""
    started = time.time()
    scenes = built_in.scenes(landmarker)
    run = {"date": date.today().isoformat(), "kind": kind, "corrected": len(corrected.samples.images), "false_detections": len(corrected.none)}
    document: dict = {"run": run | {"planned": plan.epochs, "layers": plan.layers, "learning_rate": plan.rate}, "epochs": []}
    document["run"]["truth"] = np.round(corrected.truth, 1).tolist()

    def report(epoch: teach.Epoch) -> None:
        entry = {name: getattr(epoch, name) for name in ("number", "seconds", "learning_rate", "loss", "losses", "own", "kept")}
        document["epochs"].append(entry | {"predictions": np.round(epoch.predictions, 1).tolist() if len(corrected.truth) else []})
        _write(output / TRACE, json.dumps(_without_nan(document)).encode())
        print(f"epoch {epoch.number}: loss {epoch.loss:.3f}, corrected {epoch.own:.4f}, built-in {epoch.kept:.4f}", flush=True)

    network = teach.teach(kind, WEIGHTS, corrected, scenes, plan, report=report)
    rng = np.random.default_rng(1)
    pictures = np.concatenate([corrected.upright, built_in.kept_crops(kind, scenes, 32, rng)]).astype(np.uint8)
    model = replaced(WEIGHTS, kind, network, plan.layers, pictures)
    document["figures"] = {"before": figures(onnx.load(WEIGHTS), kind, corrected), "after": figures(model, kind, corrected)}
    document["run"]["seconds"] = time.time() - started
    document = _without_nan(document)
    described = {name: value for name, value in document["run"].items() if name != "truth"}
    properties = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, properties | {"fine_tuned": json.dumps(described)})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(ONNX, model.SerializeToString())
        files.writestr(TRACE, json.dumps(document))
        files.writestr(CARD, card(kind, document))
    _write(output / ZIP, file.getvalue())
    _write(output / TRACE, json.dumps(document).encode())
    return document


def _without_nan(value):
    """JSON knows no NaN: null."""
    if isinstance(value, float):
        return value if value == value else None
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list) else value


def _write(path: Path, content: bytes) -> None:
    """At once: who reads it sees the old or the new content."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    main()
