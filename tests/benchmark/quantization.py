"""Our int8 graph beside onnxruntime's own static quantization, on validation crops: python -m tests.benchmark.quantization --data FOLDER

Reports, for hands and faces, how far the points move from those in float32 (pixels of the crop), their NME, and milliseconds for a
crop on one thread. Both quantize convolutions only, per channel, from the same training crops.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from export.graph.prepare import browser_part, computed
from model.constants import CROP
from model.data import landmark_batches, landmark_sets
from model.evaluation import metrics
from model.inference.network_file import WEIGHTS

CALIBRATION, RUNS = 200, 200


class Crops(CalibrationDataReader):
    def __init__(self, crops: np.ndarray):
        self._feeds: Iterator[dict] = iter({"image": crop[None]} for crop in crops)

    def get_next(self) -> dict | None:
        return next(self._feeds, None)


def crops(sets: list, kind: str, split: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Upright crops (N, 256, 256, 3) of one kind and their points (N, K, 2), pixels of the crop; evenly from the sets that have mesh points."""
    rng, images, points = np.random.default_rng(0), [], []
    own = [s for s in sets if s.kind == kind and (s.weights > 0).all(1).any()]
    for s in own:
        rows = np.flatnonzero((s.split == split) & (s.weights > 0).all(1))
        for i in rows[np.linspace(0, len(rows) - 1, min(len(rows), most // len(own))).astype(int)]:
            row = landmark_batches.sample(s, int(i), CROP, rng, [], {}, 0.0)
            images.append(row["image"])
            points.append(row["points"] * CROP - 0.5)
    return np.stack(images), np.stack(points)


def opened(content: bytes | str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def measure(sessions: dict[str, onnxruntime.InferenceSession], kind: str, images: np.ndarray, truth: np.ndarray) -> list[tuple]:
    """(way, largest and mean movement in pixels, NME, milliseconds); the ways take turns, so that a busy machine slows all alike."""
    predicted = {way: np.concatenate([s.run([kind], {"image": image[None]})[0] for image in images]).reshape(len(images), -1, 3)[..., :2] * CROP - 0.5
                 for way, s in sessions.items()}  # fmt: skip
    times: dict[str, list[float]] = {way: [] for way in sessions}
    for run in range(RUNS):
        for way, session in sessions.items():
            started = time.perf_counter()
            session.run([kind], {"image": images[run % len(images)][None]})
            times[way].append(1000 * (time.perf_counter() - started))
    rows = []
    for way, points in predicted.items():
        moved = np.linalg.norm(points - predicted["float32"], axis=2)
        errors = metrics.point_errors(points, truth, metrics.extent(truth))
        rows.append((kind, way, moved.mean(), moved.max(), metrics.nme(errors), float(np.median(times[way]))))
    return rows


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.benchmark.quantization", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True, help="a folder of training sets")
    options.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options.add_argument("--most", type=int, default=400, help="validation crops of a kind")
    o = options.parse_args()
    sets = landmark_sets.read_all(o.data, o.cache, ())
    print(f"| {'kind':4} | {'way':22} | mean px | max px | NME    | ms   |\n|---|---|---|---|---|---|")
    for kind in ("hand", "face"):
        seen, _ = crops(sets, kind, "train", CALIBRATION)
        images, truth = crops(sets, kind, "val", o.most)
        with tempfile.TemporaryDirectory() as folder:
            exact, ready, static = (str(Path(folder) / f"{name}.onnx") for name in ("exact", "ready", "static"))
            onnx.save(browser_part(computed(onnx.load(WEIGHTS), exact=True), kind), exact)
            quant_pre_process(exact, ready, skip_symbolic_shape=True)
            quantize_static(ready, static, Crops(seen), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"], per_channel=True,
                            reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)  # fmt: skip
            ours = browser_part(computed(onnx.load(WEIGHTS)), kind).SerializeToString()
            sessions = {"float32": opened(exact), "ours, int8": opened(ours), "quantize_static, int8": opened(static)}
            for name, way, mean, most, error, ms in measure(sessions, kind, images, truth):
                print(f"| {name} | {way:22} | {mean:7.3f} | {most:6.2f} | {error:.4f} | {ms:4.2f} |", flush=True)


if __name__ == "__main__":
    main()
