"""python -m export [--hand RUN] [--face RUN] [--detector RUN] [--sigma HAND FACE] [--figures FILE] [--output FILE]

Three finished runs -> model/weights/pointillist.onnx with its metadata, the training trace with its fixed pictures beside it,
and the parity certificate: the same crops through torch and onnxruntime must agree to a tenth of a pixel, or nothing is written.
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
import torch

from export import parity, torch_to_onnx
from export.browser import chromium
from export.graph.prepare import prepare
from model.constants import KINDS
from model.inference.network_file import WEIGHTS
from model.runtime.topology import FACE_POINTS, HAND_POINTS
from model.training.train import PICTURES

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
    """Every run's trace by its part, with its fixed pictures, as model/weights/trace.json."""
    traces = {part: json.loads((run / "trace.json").read_text()) for part, run in runs.items()}
    shutil.rmtree(folder / "trace", ignore_errors=True)
    for part, trace in traces.items():
        if trace["pictures"]:
            shutil.copytree(runs[part] / "trace", folder / "trace" / part)
        for picture in trace["pictures"]:
            picture["file"] = f"trace/{part}/{Path(picture['file']).name}"
    (folder / "trace.json").write_text(json.dumps(rounded(traces), separators=(",", ":")) + "\n")


def rounded(value):
    """Five significant digits are enough to draw, and a quarter of the size."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def main() -> None:
    """Runs the command: exports three runs, compares, certifies and prepares them."""
    options = argparse.ArgumentParser(prog="python -m export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in ("hand", "face", "detector"):
        options.add_argument(f"--{part}", type=Path, default=Path("runs") / part, help=f"the run folder, by default runs/{part}")
    options.add_argument("--sigma", type=float, nargs=2, default=(1.0, 1.0), metavar=("HAND", "FACE"), help="factors of the expected errors")
    options.add_argument("--figures", type=Path, help="figures by model.evaluation.evaluate")
    options.add_argument("--output", type=Path, default=WEIGHTS)
    o = options.parse_args()
    runs = {"hand": o.hand, "face": o.face, "detector": o.detector}
    network = torch_to_onnx.load(**{part: run / "last.pt" for part, run in runs.items()})
    for kind, factor in zip(KINDS, o.sigma):
        getattr(network, kind).head.log_sigma.bias.data += math.log(factor)
    metadata = {
        "version": version("pointillist"),
        "hand_points": list(HAND_POINTS),
        "face_points": FACE_POINTS,
        "training_run": {part: json.loads((run / "trace.json").read_text())["run"] for part, run in runs.items()},
        "figures": json.loads(o.figures.read_text()) if o.figures else {},
        "licences": LICENCES,
    }
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "network.onnx"
        torch_to_onnx.write(network, file, metadata, {part: np.load(run / PICTURES) for part, run in runs.items()})
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
