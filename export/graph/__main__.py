"""python -m export.graph [FILE]: prepares a network's ONNX file, by default the project's own, for the server and browsers."""

import argparse
import sys
from pathlib import Path

from export.graph.prepare import prepare
from model.inference.network_file import WEIGHTS, WeightsError


def main() -> None:
    """Runs the command: prepares an ONNX file; ends with one sentence where that fails."""
    options = argparse.ArgumentParser(prog="python -m export.graph", description=__doc__)
    options.add_argument("weights", nargs="?", type=Path, default=WEIGHTS, help="the ONNX file")
    try:
        folder = prepare(options.parse_args().weights.resolve())
    except (WeightsError, OSError) as error:
        sys.exit(str(error))
    print(f"{folder}: {sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
