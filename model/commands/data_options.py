"""The options shared by the commands that run the network over training sets: where these are, and how it is run."""

import argparse
from pathlib import Path


def parser(command: str, text: str | None, threads: int | None = None) -> argparse.ArgumentParser:
    """A parser for `python -m command` with --data, --cache, --weights and --threads; the command adds its own options.

    text: printed by --help, as it stands. threads: the default, None for as many as a Landmarker takes by itself."""
    options = argparse.ArgumentParser(prog=f"python -m {command}", description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True, help="the folder with the training sets")
    options.add_argument("--cache", type=Path, default=Path("runs/cache"), help="where decoded pictures are kept; the same as in training")
    options.add_argument("--weights", type=Path, help="default: the file that comes with the project")
    options.add_argument("--threads", type=int, default=threads, help=f"of one run of the network (default: {threads or 'the CPUs, at most 4'})")
    return options
