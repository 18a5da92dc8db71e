"""What fine-tuning on ten corrected crops brings, and what it costs: python -m tests.benchmark.teach [--data FOLDER] [--kind face]

For each choice of the layers that are trained: the error on the ten crops before and after, that on the built-in renderings, and, with a
folder of training sets, that on validation crops of theirs that nobody corrected. Without a folder the ten are drawn hands or faces.

Which layers: ten hands of natural photos (`wild`), 72 steps (--epochs 6 --steps 12 --most 40), one thread, 2026-11-25. Mean error of the points as a
fraction of the hand's size, before → after:

    layers, rate        corrected          built-in           wild, 30 others    real_hands, 40
    head, 1e-3          0.0434 → 0.0319    0.0752 → 0.0766    0.0358 → 0.0365    0.0202 → 0.0210
    decoder, 3e-4       0.0434 → 0.0288    0.0752 → 0.0766    0.0358 → 0.0367    0.0202 → 0.0215
    everything, 1e-4    0.0434 → 0.0303    0.0752 → 0.0751    0.0358 → 0.0349    0.0202 → 0.0212

Everything at a small rate forgets least for what it gains. With 240 steps, by the weight of the losses on the kept pictures (--keep):

    everything, 2e-4
    keep 1              0.0434 → 0.0212    0.0752 → 0.0760    0.0358 → 0.0340    0.0202 → 0.0212
    keep 2 (default)    0.0434 → 0.0209    0.0752 → 0.0638    0.0358 → 0.0309    0.0202 → 0.0212

Ten drawn hands (no --data, keep 2): 0.1383 → 0.0310, built-in 0.0752 → 0.0614, 30 other drawn ones 0.0637 → 0.0337. With keep 1 another ten drawn hands
raised the built-in error by 11 % in one run, and lowered it by 4 % in another, which ended earlier. From start to ZIP a training takes 110 s of one core.

The same ten hands of `wild`, corrected as on the page (--most 40, 2026-11-26, the chosen plan, two threads): 58 s, 105 s of CPU,
0.0434 → 0.0215, built-in 0.0752 → 0.0749, wild 0.0358 → 0.0326, real_hands 0.0202 → 0.0205.

Ten faces of photos, corrected as on the page (--kind face --most 100 --threads 1, 240 steps, 2026-11-26, on a busy machine). The network places
them nearly as well as their labels are, and the labels of a few hard faces pull other faces along:

    layers, rate        corrected          built-in           real_faces, 90 others    CPU
    everything, 2e-4    0.0162 → 0.0117    0.0311 → 0.0323    0.0096 → 0.0106          107 s
    head, 1e-3          0.0162 → 0.0110    0.0311 → 0.0312    0.0096 → 0.0106           80 s
    head, 2e-3          0.0162 → 0.0097    0.0311 → 0.0313    0.0096 → 0.0109           78 s
    head, 3e-3          0.0162 → 0.0090    0.0311 → 0.0315    0.0096 → 0.0112           81 s
    the same, keep 6    0.0162 → 0.0122    0.0311 → 0.0315    0.0096 → 0.0106           81 s

So faces are taught by their head at 1e-3: the gain of more is paid for by other faces, which the built-in renderings do not show.
"""

import argparse
import io
import itertools
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from model import Landmarker
from model.constants import CROP
from model.data import built_in, landmark_batches, synthetic
from model.data.corrected import Corrected, of_photos
from model.data.samples import Samples
from model.evaluation import metrics
from model.inference.network_file import WEIGHTS
from model.network.architecture import Landmarks
from model.output.coco_folder import LabelledPhoto
from model.output.corrections import Label, Labels
from model.training import teach, warm_start

SETS = {"hand": ("wild", "real_hands"), "face": ("real_faces",)}  # photos


def upright(s: Samples, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The centred crops (N, 256, 256, 3) of some rows and their points in the crops' pixels."""
    made = [landmark_batches.sample(s, int(i), CROP, np.random.default_rng(0), [], {}, 0.0) for i in rows]
    return np.stack([row["image"] for row in made]), np.stack([row["points"] * CROP - 0.5 for row in made]).astype(np.float32)


def corrected(s: Samples, rows: np.ndarray, landmarker: Landmarker) -> Corrected:
    """These rows as if a person had corrected every point of them on the page: from there on it is what the page does."""
    photos = []
    for row in rows:
        image, points = np.ascontiguousarray(s.images[row]), np.asarray(s.points[row], np.float32)[:, :2]
        side = ("left", "right")[int(s.right[row])] if s.right is not None and s.right[row] >= 0 else None
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        labels = Labels(image.shape[1], image.shape[0], (Label(0, s.kind, points, side, corrected=True),))
        photos.append(LabelledPhoto(f"{row}.png", file.getvalue(), labels))
    return of_photos(photos, s.kind, landmarker)


def validation(s: Samples, most: int) -> np.ndarray:
    """Rows with points that can be relied on, evenly chosen."""
    rows = np.flatnonzero((s.split == "val") & (s.weights > 0.5).all(1) & s.notes.get("sure", np.ones(len(s.split), bool)))
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.benchmark.teach", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, help="a folder of training sets")
    options.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options.add_argument("--kind", choices=("hand", "face"), default="hand")
    options.add_argument("--crops", type=int, default=10)
    options.add_argument("--most", type=int, default=300, help="validation crops of each set")
    options.add_argument("--layers", nargs="*", choices=list(teach.LAYERS), help="by default those that are trained for this kind")
    options.add_argument("--rates", nargs="*", type=float, help="by default the one of this kind")
    options.add_argument("--keep", nargs="*", type=float, default=[teach.Plan.keep])
    options.add_argument("--steps", type=int, default=teach.Plan.steps)
    options.add_argument("--epochs", type=int, default=teach.Plan.epochs)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--seed", type=int, default=0)
    o = options.parse_args()
    torch.set_num_threads(o.threads)
    usual = teach.CHOSEN[o.kind]
    rng = np.random.default_rng(o.seed)
    landmarker = Landmarker(threads=o.threads)
    scenes = built_in.scenes(landmarker)
    network = Landmarks(o.kind)
    warm_start.load(network, o.kind, WEIGHTS, torch.from_numpy(built_in.kept_crops(o.kind, scenes, teach.STATISTICS, rng)))
    if o.data:
        from model.data import landmark_sets

        sets = [landmark_sets.KNOWN[name](o.data / name, o.cache) for name in SETS[o.kind]]
    else:
        sets = [s for s in synthetic.drawn_sets(o.seed, 0, o.most)[0] if s.kind == o.kind and (s.weights > 0).any()]
    rows = [validation(s, o.most) for s in sets]
    crops = [upright(s, own) for s, own in zip(sets, rows)]
    before = [teach.predict(network, images) for images, _ in crops]
    worst = metrics.point_errors(before[0], crops[0][1], metrics.extent(crops[0][1])).mean(1)
    hard = np.flatnonzero((worst > np.quantile(worst, 0.7)) & (worst < np.quantile(worst, 0.97)))  # what a person would correct
    chosen = rng.choice(hard, o.crops, replace=False)
    lesson = corrected(sets[0], rows[0][chosen], landmarker)
    rest = [np.setdiff1d(np.arange(len(own)), chosen if n == 0 else []).astype(int) for n, own in enumerate(rows)]

    print("| layers | rate | keep | seconds | CPU s | " + " | ".join(["corrected", "built-in", *(s.name for s in sets)]) + " |")
    for layers, rate, keep in itertools.product(o.layers or [usual.layers], o.rates or [usual.rate], o.keep):
        epochs: list[teach.Epoch] = []
        plan = teach.Plan(layers, rate, epochs=o.epochs, steps=o.steps, keep=keep, seconds=float("inf"))
        started, cpu = time.time(), time.process_time()
        taught = teach.teach(o.kind, WEIGHTS, lesson, scenes, plan, o.seed, epochs.append)
        seconds, cpu = time.time() - started, time.process_time() - cpu
        others = []
        for (images, truth), first, own in zip(crops, before, rest):
            now = teach.predict(taught, images[own])
            others.append(f"{teach.error(first[own], truth[own]):.4f} → {teach.error(now, truth[own]):.4f}")
        figures = [f"{epochs[0].own:.4f} → {epochs[-1].own:.4f}", f"{epochs[0].kept:.4f} → {epochs[-1].kept:.4f}", *others]
        print(f"| {layers} | {rate:g} | {keep:g} | {seconds:.0f} | {cpu:.0f} | " + " | ".join(figures) + " |", flush=True)


if __name__ == "__main__":
    main()
