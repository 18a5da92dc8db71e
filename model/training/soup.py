"""Mean of several runs' weights: python -m model.training.soup RUN RUN ... --output RUN

Runs of one network that began from the same weights lie in one valley of the loss, and the mean of their weights is better than each of
them (model soup, Wortsman et al. 2022), for the price of none. The output is a run's folder: to export, or for `--initial`.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch

from .train import TrainingError, newest_checkpoint


def mean(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of every floating-point tensor, the last state's value of every other one. Raises TrainingError for networks of different shapes."""
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    if any(other != shapes[0] for other in shapes):
        raise TrainingError("The runs are of different networks: their weights have other names or shapes.")
    return {name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value for name, value in states[-1].items()}


def checkpoint(run: Path) -> dict:
    """The newest checkpoint of a run. Raises TrainingError."""
    state = newest_checkpoint(run / "last.pt", run / "previous.pt")
    if state is None:
        raise TrainingError(f"{run} holds no checkpoint: it is no run's folder.")
    return state


def main(arguments: list[str] | None = None) -> None:
    """Runs the command; ends with one sentence where a run cannot be read or the networks differ."""
    options = argparse.ArgumentParser(prog="python -m model.training.soup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", type=Path, nargs="+", help="folders of finished runs; trace and pictures come from the last one")
    options.add_argument("--output", type=Path, required=True, help="a new run's folder")
    o = options.parse_args(arguments)
    if o.output.exists():
        sys.exit(f"{o.output} exists already: name a new folder.")
    try:
        states = [checkpoint(run) for run in o.runs]
        average = mean([state["average"] for state in states])
    except TrainingError as error:
        sys.exit(str(error))
    *_, last = states
    trace = json.loads(last["trace"])
    trace["run"]["mean_of"] = [f"{run.name}, epoch {len(json.loads(state['trace'])['epochs'])}" for run, state in zip(o.runs, states)]
    shutil.copytree(o.runs[-1], o.output, ignore=shutil.ignore_patterns("*.pt"))
    torch.save(last | {"average": average, "trace": json.dumps(trace)}, o.output / "last.pt")
    (o.output / "trace.json").write_text(json.dumps(trace))
    print(f"{o.output}: the mean of {', '.join(trace['run']['mean_of'])}")


if __name__ == "__main__":
    main()
