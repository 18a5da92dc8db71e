"""python -m export [--hand RUN] [--face RUN] [--detector RUN] [--sigma HAND FACE] [--figures FILE] [--output FILE]

Finished runs -> model/weights/pointillist.onnx with its metadata, the training trace with its fixed pictures beside it,
and the parity certificate: the same crops through torch and onnxruntime must agree to a tenth of a pixel, or nothing is written.
A part without a run keeps what the released file has of it: its weights, its ranges for eight bits, its trace.
`--sigma` takes the factors that `python -m model.evaluation.calibration` fitted, by which the expected errors become true ones;
`--figures` takes what `python -m model.evaluation.evaluate --json FILE` wrote, to be carried in the file's metadata.
"""

import argparse
import json
import math
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import torch

from export import parity, torch_to_onnx
from export.browser import chromium
from export.graph.prepare import prepare
from export.graph.quantize import RANGES
from model.constants import KINDS
from model.inference.network_file import WEIGHTS
from model.runtime.topology import FACE_POINTS, HAND_POINTS
from model.training.train import PICTURES

PARTS = ("hand", "face", "detector")
MOST_PIXELS = 0.1
LICENCES = {
    "wild": "Stanford 40 Actions, EgoHands, GTEA Gaze+, portraits: research use; HaGRID: CC BY-SA 4.0; "
    "Mendeley, Roboflow and sign-language sets: CC BY 4.0 or MIT; "
    "Clothing Co-Parsing: Apache-2.0; IdenProf, TI1K: MIT",
    "synth_hands, synth_faces": "rendered from MakeHuman (CC0); some backgrounds are research photos",
    "real_hands, hand_scenes": "CC BY 4.0, MIT, Apache-2.0, public domain",
    "real_faces, face_scenes": "LFW, UTKFace, CFP, HELEN: research use; MaskON: CC BY-NC-SA 4.0; webmorph, COCO: CC BY 4.0 / Flickr terms",
}


def differences(network: torch_to_onnx.Pointillist, file: Path) -> dict[str, float]:
    """torch against onnxruntime on the parity pictures, in pixels of the crop, at the point where they differ most."""
    with torch.no_grad():
        out = {kind: dict(zip(network.outputs, network(torch.from_numpy(parity.inputs(kind)))))[kind] for kind in parity.OUTPUTS}
    reference = {kind: points.numpy() for kind, points in out.items()}
    return {"torch and onnxruntime": parity.difference(reference, parity.answers(file, exact=True))}


def write_trace(runs: dict[str, Path], folder: Path) -> None:
    """Every run's trace by its part, with its fixed pictures, as model/weights/trace.json; other parts' traces stay there."""
    file = folder / "trace.json"
    traces = json.loads(file.read_text()) if file.exists() else {}
    for part, run in runs.items():
        traces[part] = json.loads((run / "trace.json").read_text())
        shutil.rmtree(folder / "trace" / part, ignore_errors=True)
        if traces[part]["pictures"]:
            shutil.copytree(run / "trace", folder / "trace" / part)
        for picture in traces[part]["pictures"]:
            picture["file"] = f"trace/{part}/{Path(picture['file']).name}"
    file.write_text(json.dumps(rounded({part: traces[part] for part in PARTS if part in traces}), separators=(",", ":")) + "\n")


def chosen_runs(o: argparse.Namespace) -> dict[str, Path]:
    """The run folder of each part that has one: the one asked for, or runs/PART. Ends with one sentence where one is missing."""
    runs = {part: getattr(o, part) or Path("runs") / part for part in PARTS}
    missing = [part for part, run in runs.items() if not (run / "last.pt").exists()]
    for part in missing:
        if getattr(o, part):
            sys.exit(f"{runs[part]} holds no finished epoch (last.pt).")
    if len(missing) == len(PARTS) or missing and not WEIGHTS.exists():
        sys.exit(f"There is no run to export: train one of {', '.join(PARTS)}, or name its folder.")
    return {part: run for part, run in runs.items() if part not in missing}


def released_facts() -> dict:
    """What the released file's metadata say of its parts: `training_run` by part, and ranges by tensor."""
    if not WEIGHTS.exists():
        return {}
    return {entry.key: json.loads(entry.value) for entry in onnx.load(WEIGHTS).metadata_props if entry.key in ("training_run", RANGES)}


def rounded(value):
    """Five significant digits are enough to draw, and a quarter of the size."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def main() -> None:
    """Runs the command: exports the runs beside the parts that stay as released, compares, certifies and prepares them."""
    options = argparse.ArgumentParser(prog="python -m export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in PARTS:
        options.add_argument(f"--{part}", type=Path, help=f"the run folder, by default runs/{part}; without one the part stays as released")
    options.add_argument("--sigma", type=float, nargs=2, default=(1.0, 1.0), metavar=("HAND", "FACE"), help="factors of the expected errors")
    options.add_argument("--figures", type=Path, help="figures by model.evaluation.evaluate")
    options.add_argument("--output", type=Path, default=WEIGHTS)
    o = options.parse_args()
    runs = chosen_runs(o)
    network = torch_to_onnx.load(**{part: runs[part] / "last.pt" if part in runs else WEIGHTS for part in PARTS})
    released = released_facts()
    for kind, factor in zip(KINDS, o.sigma):
        if kind in runs:  # a kept part had its factor when it was exported
            getattr(network, kind).head.log_sigma.bias.data += math.log(factor)
    metadata = {
        "version": version("pointillist"),
        "hand_points": list(HAND_POINTS),
        "face_points": FACE_POINTS,
        "training_run": released.get("training_run", {}) | {part: json.loads((run / "trace.json").read_text())["run"] for part, run in runs.items()},
        "figures": json.loads(o.figures.read_text()) if o.figures else {},
        "licences": LICENCES,
    }
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "network.onnx"
        torch_to_onnx.write(network, file, metadata, {part: np.load(run / PICTURES) for part, run in runs.items()}, released.get(RANGES))
        apart = differences(network, file)
        if max(apart.values()) >= MOST_PIXELS:
            sys.exit(f"torch and onnxruntime differ by {max(apart.values()):.3f} px, more than {MOST_PIXELS}: nothing was written")
        o.output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, o.output)
    prepare(o.output)
    if o.output == WEIGHTS:
        parity.certify(o.output, apart)
        if (browser := chromium.difference()) is not None:  # the browser compares itself with the certificate just written
            apart["onnxruntime and the browser's engine"] = browser
            parity.certify(o.output, apart)
        write_trace(runs, o.output.parent)
    print(f"{o.output}: {o.output.stat().st_size / 1e6:.1f} MB; largest difference in pixels {apart}")


if __name__ == "__main__":
    main()
