"""The same pictures through torch, onnxruntime and a browser: how far apart are the answers?

`python -m export` calls `certify`, which writes model/weights/parity.json: the reference answers (onnxruntime, Python), in single precision
and in eight bits, and the largest differences between like and like. Every visitor's browser repeats its part of the comparison
some seconds after the live page has started (parity.js), with the same pictures.
"""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from model.constants import CROP

PICTURE = Path(__file__).with_name("parity.png")  # a rendered hand and a rendered face, a crop each
CERTIFICATE = Path(__file__).parents[1] / "model" / "weights" / "parity.json"
OUTPUTS = ["hand", "face"]  # of the networks of these names, each on its own crops


def inputs(kind: str) -> np.ndarray:
    """(2, 256, 256, 3) uint8 RGB: the committed crop of this kind and its mirror image."""
    start = OUTPUTS.index(kind) * CROP
    picture = np.asarray(cv2.imread(str(PICTURE), cv2.IMREAD_COLOR_RGB))[:, start : start + CROP]
    return np.stack([picture, picture[:, ::-1]])


def answers(network: Path, exact: bool) -> dict[str, np.ndarray]:
    """The reference: what onnxruntime in Python says, by output name, each (2, ...) float32; exact: in single precision."""
    import onnx
    import onnxruntime

    from export.graph.prepare import computed

    model = onnx.load(network) if exact else computed(onnx.load(network))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return {kind: session.run([kind], {"image": inputs(kind)})[0] for kind in OUTPUTS}


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The largest distance in x or y of any point, in pixels of the crop."""
    return max(float(np.abs(np.asarray(one[name]) - np.asarray(other[name])).reshape(-1, 3)[:, :2].max()) * CROP for name in OUTPUTS)


def certify(network: Path, differences: dict[str, float]) -> None:
    """Writes the certificate: reference answers of `network`, and `differences` in pixels by what was compared."""
    reference = {
        way: {name: np.round(values.astype(float), 7).tolist() for name, values in answers(network, way == "exact").items()} for way in ("exact", "eight_bit")
    }
    certificate = {
        "network_sha256": hashlib.sha256(network.read_bytes()).hexdigest(),
        "largest_difference_in_crop_pixels": differences,
        "reference": reference,
    }
    CERTIFICATE.write_text(json.dumps(certificate, separators=(",", ":")) + "\n")


def certificate(network: Path) -> dict | None:
    """The certificate, or None if there is none or it belongs to other weights."""
    try:
        found = json.loads(CERTIFICATE.read_text())
    except (OSError, ValueError):
        return None
    if found["network_sha256"] != hashlib.sha256(network.read_bytes()).hexdigest():
        return None
    return found
