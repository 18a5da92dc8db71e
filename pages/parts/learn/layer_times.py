"""How long each layer takes on this machine: python -m pages.parts.learn.layer_times prints it as JSON.

onnxruntime measures only sessions that were opened for it, and fuses operations as it does for every photo. So this runs
in a process of its own, beside the app's one session.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from export.graph.layers import Layer
from model.constants import CROP, KINDS
from model.inference.network_file import BRANCHES, WEIGHTS
from model.inference.session import open_prepared

WARM, RUNS = 3, 20


def measure(weights: str | os.PathLike = WEIGHTS, patience: float = 120) -> dict[str, float]:
    """Name of a computed operation -> milliseconds (median), for one crop through both landmark networks.

    Runs in a process of its own. Raises RuntimeError if that fails or takes longer than `patience` seconds.
    """
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "pages.parts.learn.layer_times", str(Path(weights).resolve())]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=patience, check=True)
        return json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise RuntimeError("The layers could not be timed on this machine.") from error


def time_of(layer: Layer, times: dict[str, float]) -> float | None:
    """Milliseconds of one layer; None where onnxruntime computes it as a part of another one.

    onnxruntime names what it has fused or laid out anew after the old node or the tensor that comes out.
    """
    own = [name for tensor in layer.tensors for name in (f"{tensor}_nchwc", f"{tensor}_bn_nchwc")]
    own += [name for node in layer.nodes for name in (node, f"fused {node}")]
    own = [name for name in times if name in own or re.split("/|_token_", name)[0] in layer.nodes]
    return sum(times[name] for name in own) if own else None


def rest(layers: Iterable[Layer], times: dict[str, float]) -> float:
    """Milliseconds that belong to no layer: onnxruntime rearranging numbers in between."""
    return max(0.0, sum(times.values()) - sum(time_of(layer, times) or 0.0 for layer in layers))


def _profile(weights: Path) -> dict[str, float]:
    crop = np.random.default_rng(0).integers(0, 256, (1, CROP, CROP, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        # One thread, so that the layers' times can be compared with their MACs.
        session = open_prepared(weights, "server.onnx", 1, enable_profiling=True, profile_file_prefix=str(Path(folder) / "profile"))
        for kind in KINDS:
            wanted = {f"run_{branch}": np.array(branch in (kind, f"{kind}_features")) for branch in BRANCHES}
            for _ in range(WARM + RUNS):
                session.run([*BRANCHES[kind], *BRANCHES[f"{kind}_features"]], {"image": crop, **wanted})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    durations: dict[str, list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["args"].get("op_name") != "If":  # an If's time is that of its branch
            durations.setdefault(event["name"].removesuffix("_kernel_time"), []).append(event["dur"] / 1000)
    return {name: float(np.median(own[WARM:])) for name, own in durations.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m pages.parts.learn.layer_times", description=__doc__)
    parser.add_argument("weights", nargs="?", type=Path, default=WEIGHTS)
    print(json.dumps(_profile(parser.parse_args().weights)))
