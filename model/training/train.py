"""Training: python -m model.training.train --data FOLDER, or --demo for five short epochs on generated pictures.

One loop for the three networks of the graph (`--part hand`, `face`, `detector`). Every epoch ends with a checkpoint that
holds all that the next one needs, so that a run that was stopped goes on exactly where it was.
"""

import argparse
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..constants import CROP
from ..data.samples import DataError
from ..inference import cpus
from ..network.fake_quantize import kernels_rounded
from . import losses, warm_start
from .muon import Muon
from .trace_pictures import save_pictures

WARMUP = 300  # steps
DECAY = 0.6  # the last part of a run, over which the learning rate falls to nearly nothing
EMA = 0.998
MOST_NOT_FINITE = 20  # steps in a row with a loss that is no number, after which a run gives up
PICTURES = "pictures.npy"  # in a run's folder: some that it learned from, for who needs typical ones


def learning_rate(peak: float, step: int, steps: int) -> float:
    """Warm-up, plateau, cosine descent: a plateau lets a run be made longer without having planned it."""
    fall = max(0.0, (step / steps - (1 - DECAY)) / DECAY)
    return peak * min(1.0, (step + 1) / WARMUP) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(fall, 1.0))))


def moving_average(average: torch.Tensor, current: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
    """Exponential, but quick at first: an average of the last tenth of the steps until there are enough of them."""
    return average + (current - average) * max(1 - EMA, 9.0 / (10.0 + float(count)))


def crop_size(epoch: int, epochs: int, late: int, sizes: tuple[int, int]) -> int:
    """Low resolution first: a detector learns most of what it knows at a quarter of the cost."""
    return sizes[1] if epoch > epochs - late else sizes[0]


def optimisers_of(network: torch.nn.Module, last_layers: tuple[str, ...], rate: float, half: bool = False) -> list[torch.optim.Optimizer]:
    """Muon for the weights of hidden layers; AdamW for the rest: the first layer, `last_layers` (their names), norms and offsets."""
    hidden, decayed, plain = [], [], []
    for name, p in network.named_parameters():
        module = name.rpartition(".")[0]
        if p.ndim <= 1:
            plain.append(p)
        elif module == "encoder.stem.0" or name in last_layers or module in last_layers:
            decayed.append(p)
        else:
            hidden.append(p)
    return [Muon(hidden, rate, 0.02, half=half), torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], rate)]


def train(
    task,
    run: Path,
    epochs: int,
    steps: int,
    peak: float,
    late: int,
    sizes: tuple[int, int],
    seed: int,
    compile: bool,
    workers: int,
    command: str,
    initial: Path | None = None,
    watched: np.ndarray | None = None,
) -> dict:
    """Runs or resumes; returns the trace. Files in `run`: last.pt (to go on), trace.json (what happened), pictures.npy (for the export).

    watched: a crop, uint8 (256, 256, 3); each epoch's points on it go into the trace.
    """
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    network = task.build().to(memory_format=torch.channels_last)
    epochs_before = []
    typical = torch.cat([batch["image"] for batch in task.stream(sizes[1], 0, 4)])
    np.save(run / PICTURES, typical.numpy())
    if initial and initial.suffix == ".onnx":
        warm_start.load(network, task.name, initial, typical)
        warm_start.lift_kernels(network, warm_start.weights_of(initial, task.name))
        epochs_before = warm_start.epochs(initial, task.name)
    elif initial:
        earlier = torch.load(initial, weights_only=True)
        try:
            warm_start.fill(network, earlier["average"])
        except KeyError as error:
            raise TrainingError(f"{initial} does not fit a network of --part {task.name}: {error.args[0]}.") from error
        epochs_before = json.loads(earlier["trace"])["epochs"]
    begun = len(epochs_before)
    average = AveragedModel(network, avg_fn=moving_average, use_buffers=True)
    half = torch.cpu.get_capabilities().get("avx512_bf16", False)  # emulated, it would take 1.7 times as long as single precision
    optimisers = optimisers_of(network, task.last_layers, peak, half)
    pictures, threads = task.pictures(), torch.get_num_threads()
    trace = {
        "run": {
            "name": run.name,
            "date": date.today().isoformat(),
            "command": command,
            "device": f"{threads} CPU thread{'s' * (threads > 1)}",
            "torch": torch.__version__,
            "seed": seed,
            "parameters": sum(p.numel() for p in network.parameters()),
            "data": [{"set": s.name, "pictures": int((s.split == "train").sum())} for s in task.sets],
        },
        "pck_threshold": task.pck_threshold,
        "epochs": epochs_before,
    }
    last, previous = run / "last.pt", run / "previous.pt"
    state = newest_checkpoint(last, previous)
    if state:
        network.load_state_dict(state["network"])
        average.load_state_dict(state["averaged"])
        for optimiser, its in zip(optimisers, state["optimisers"]):
            optimiser.load_state_dict(its)
        torch.set_rng_state(state["rng"])
        trace, begun = json.loads(state["trace"]), state["begun"]
        print(f"going on after epoch {len(trace['epochs'])} of {begun + epochs}", file=sys.stderr)
    epochs += begun
    trace["pictures"] = save_pictures(pictures, run / "trace")
    if compile:  # the encoder only: compiled as a whole, torch 2.13 on a CPU gives the decoder no gradient
        network.encoder.compile()
    checked, reported, skipped = False, 0.0, 0
    for epoch in range(len(trace["epochs"]) + 1, epochs + 1):
        size = crop_size(epoch, epochs, late, sizes)
        network.train()
        started, rows, counted = time.time(), 0, 0
        sums: dict[str, float] = {}
        stream = DataLoader(task.stream(size, epoch, steps), batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)
        bar = tqdm(stream, total=steps, desc=f"epoch {epoch}/{epochs} at {size} px", mininterval=2 if sys.stderr.isatty() else 30)
        for k, batch in enumerate(bar):
            rate = learning_rate(peak, (epoch - 1 - begun) * steps + k, (epochs - begun) * steps)
            for group in (g for optimiser in optimisers for g in optimiser.param_groups):
                group["lr"] = rate
            network.zero_grad()
            with kernels_rounded(network):
                with torch.autocast("cpu", torch.bfloat16, enabled=half):
                    parts = task.loss(network, batch)
                total = sum(losses.WEIGHTS.get(name.split(".")[-1], 1.0) * value for name, value in parts.items())
                if not torch.isfinite(total):
                    skipped = skip_step(parts, epoch, k, skipped)
                    continue
                total.backward()
            skipped = 0
            if not checked and k:  # the second step: a new residual block begins as nothing
                checked = check_gradients(network)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            for optimiser in optimisers:
                optimiser.step()
            average.update_parameters(network)
            rows, counted = rows + len(batch["image"]), counted + 1
            for name, value in (parts | {"total": total}).items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            bar.set_postfix(loss=f"{sums['total'] / counted:.3f}", refresh=False)
            if time.time() - reported >= 1:  # for those who watch the run, such as the training page
                reported = time.time()
                (run / "progress.json").write_text(json.dumps({"epoch": epoch, "step": k + 1, "steps": steps, "loss": sums["total"] / counted}))
        seconds = time.time() - started
        if not counted or not all(torch.isfinite(v).all() for v in average.module.state_dict().values()):
            raise TrainingError(f"Epoch {epoch} gave no usable weights; the checkpoint of the epoch before it is kept in {last}.")
        average.eval()
        entry = {
            "epoch": epoch,
            "parameters": trace["run"]["parameters"],
            "crop": size,
            "crops": rows,
            "seconds": round(seconds, 1),
            "learning_rate": rate,
            "loss": sums["total"] / counted,
            "losses": {k: v / counted for k, v in sums.items() if k != "total"},
        }
        with kernels_rounded(average.module):
            entry |= task.validate(average.module, size)
            entry["predictions"] = task.trace(average.module, pictures, size)
            if watched is not None:
                (entry["watched"],) = task.trace(average.module, [{"image": watched, "kind": task.name}], size)
        trace["epochs"].append(entry)
        torch.save(
            {
                "network": network.state_dict(),
                "averaged": average.state_dict(),
                "average": average.module.state_dict(),
                "optimisers": [o.state_dict() for o in optimisers],
                "rng": torch.get_rng_state(),
                "begun": begun,
                "trace": json.dumps(trace),
            },
            last.with_suffix(".part"),
        )
        if last.exists():
            os.replace(last, previous)
        os.replace(last.with_suffix(".part"), last)
        (run / "trace.json").write_text(json.dumps(trace))
        print(summary(entry), flush=True)
    return trace


class TrainingError(RuntimeError):
    """A run that cannot go on; its text is one plain sentence."""


def newest_checkpoint(last: Path, previous: Path) -> dict | None:
    """The last epoch's state, or the one before where that file is damaged; None where there is neither. Raises TrainingError."""
    for path in (path for path in (last, previous) if path.exists()):
        try:
            return torch.load(path, weights_only=True)
        except Exception as error:  # torch raises many kinds for a damaged file
            print(f"The checkpoint {path} is damaged ({type(error).__name__}).", file=sys.stderr)
    if last.exists() or previous.exists():
        raise TrainingError(f"No checkpoint in {last.parent} can be read; delete the folder to start again.")
    return None


def skip_step(parts: dict[str, torch.Tensor], epoch: int, step: int, skipped: int) -> int:
    """Reports a step with a loss that is no number, which changes no weight; how many in a row there are now. Raises TrainingError at MOST_NOT_FINITE."""
    wrong = ", ".join(name for name, value in parts.items() if not torch.isfinite(value))
    print(f"Epoch {epoch}, step {step + 1}: the loss is not finite ({wrong}); this step is left out.", file=sys.stderr)
    if skipped + 1 >= MOST_NOT_FINITE:
        raise TrainingError(f"The loss was not finite for {MOST_NOT_FINITE} steps in a row ({wrong}): try a lower --rate, or check the labels.")
    return skipped + 1


def check_gradients(network: torch.nn.Module) -> bool:
    """Raises RuntimeError if a layer of the trunk learns nothing (a head may have no labels). A compiler once gave half of this
    network no gradient, and the loss still fell: slowly enough to pass for a hard problem."""
    dead = [n for n, p in network.named_parameters() if p.ndim > 1 and not n.startswith("head.") and (p.grad is None or not p.grad.any())]
    if dead:
        raise RuntimeError(f"no gradient reaches {', '.join(dead)}; if you used --compile, try without it")
    return True


def follow(parent: int, last: Callable[[], object] = lambda: None) -> None:
    """Ends this process soon after `parent` has ended, when `last` has run: nobody would be left to watch or stop it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        last()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def summary(entry: dict) -> str:
    """An epoch's entry of the trace as one line."""
    sets = "  ".join(f"{name}: " + " ".join(f"{k} {v:.3f}" for k, v in values.items() if k != "rows") for name, values in entry["sets"].items())
    speed = f"{entry['seconds']:.0f} s, {entry['crops'] / entry['seconds']:.0f} crops/s"
    return f"epoch {entry['epoch']}: {entry['crop']} px, loss {entry['loss']:.3f}, {speed} | {sets}"


def main(arguments: list[str] | None = None) -> None:
    """Runs the command; ends with one sentence where the data cannot be used or the training fails."""
    options = argparse.ArgumentParser(prog="python -m model.training.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = options.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="a folder of training sets (see model/data/landmark_sets.py): known sets, or any in COCO-keypoints form")
    source.add_argument(
        "--demo", action="store_true", help="five short epochs on pictures drawn by the built-in generator, of hands or with --part face of faces"
    )
    options.add_argument("--part", choices=("hand", "face", "detector"), default="hand")
    options.add_argument("--sets", nargs="*", default=(), help="take only these sets, for example those with a licence that suits you")
    options.add_argument("--run", type=Path, help="where checkpoints go (default runs/PART); an existing run goes on")
    options.add_argument(
        "--initial",
        type=Path,
        help="go on from the released .onnx file or another run's last.pt, and from its trace: with a new optimiser and a schedule of its own",
    )
    options.add_argument("--cache", type=Path, default=Path("runs/cache"), help="decoded pictures are kept here")
    options.add_argument("--epochs", type=int, help="of this run, those of --initial not counted")
    options.add_argument("--steps", type=int, help="batches per epoch")
    options.add_argument("--late", type=int, help="detector: how many of the last epochs run at full resolution (the earlier ones at half)")
    options.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, default=cpus.available())
    options.add_argument("--workers", type=int, default=1, help="processes that augment")
    options.add_argument("--compile", action="store_true", help="torch.compile the encoder: faster after a minute; needs a C++ compiler")
    options.add_argument(
        "--watch",
        action="store_true",
        help=f"a crop of a hand or face, {CROP} x {CROP} RGB bytes, comes on standard input; every epoch's points on it go into the trace, it itself nowhere",
    )
    options.add_argument("--parent", type=int, help="the process that started this one: end with it")
    o = options.parse_args(arguments)
    if o.demo and o.part == "detector":
        options.error("--demo draws hands or faces: --part hand or --part face")
    if o.watch and o.part == "detector":
        options.error("--watch shows points: --part hand or --part face")
    if o.parent:
        follow(o.parent)
    torch.set_num_threads(o.threads)
    command = "python -m model.training.train " + " ".join(a if "/" not in a else Path(a).name for a in (arguments if arguments is not None else sys.argv[1:]))

    try:
        run_of(o, command)
    except (DataError, TrainingError) as error:
        sys.exit(str(error))


def run_of(o: argparse.Namespace, command: str) -> None:
    """The training that the command line asks for."""
    task: Any  # a LandmarkTask or a DetectorTask
    watched = read_crop(sys.stdin.buffer) if o.watch else None
    if o.demo:
        from .landmark_task import demo_task

        task, epochs, steps, late, sizes = demo_task(o.part, o.seed), o.epochs or 5, o.steps or 60, 0, (256, 256)
    elif o.part != "detector":
        from ..data import detection_sets, hard_examples, landmark_batches, pseudo_labels
        from ..data.landmark_sets import read_all
        from .landmark_task import LandmarkTask

        sets = read_all(o.data, o.cache, o.sets)
        if o.part == "hand" and not o.sets:  # they are of the photos of every set
            sets += pseudo_labels.read(o.cache)
        task = LandmarkTask(o.part, sets, detection_sets.backgrounds(o.data, o.cache), o.seed, landmark_batches.Plan(), hard_examples.read(o.cache))
        epochs, steps, late, sizes = o.epochs or 60, o.steps or 200, 0, (256, 256)
    else:
        from .detector_task import DetectorTask

        task = DetectorTask(o.data, o.cache, o.sets, o.seed)
        epochs, steps, late, sizes = o.epochs or 40, o.steps or 100, o.late if o.late is not None else 14, (128, 256)
    run = o.run or Path("runs") / ("demo" if o.demo else o.part)
    train(task, run, epochs, steps, o.rate, late, sizes, o.seed, o.compile, o.workers, command, o.initial, watched)


def read_crop(file: IO[bytes]) -> np.ndarray:
    """uint8 (256, 256, 3). Raises TrainingError."""
    content = file.read(CROP * CROP * 3)
    if len(content) < CROP * CROP * 3:
        raise TrainingError(f"--watch needs a crop of {CROP} x {CROP} RGB bytes on standard input.")
    return np.frombuffer(content, np.uint8).reshape(CROP, CROP, 3).copy()  # one that torch may write to


if __name__ == "__main__":
    main()
