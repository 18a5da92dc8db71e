"""`pointillist serve` and `pointillist prepare`: commands that run other parts of the project in a process of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from ..inference.network_file import VARIABLE, WeightsError
from . import own_weights

HOUSE = Path(__file__).parents[2]  # the folder of app.py, model, export and pages: a checkout, or the installed package


def serve(weights: Path | None, arguments: list[str]) -> int:
    """Starts the app, with the network in the file `weights` in place of the released one; `arguments` go to `streamlit run`. Returns its exit
    status, 1 with a sentence on standard error if the file is not such a network."""
    # Streamlit would ask for an e-mail address at the very first start. It takes its settings from .streamlit in the folder it runs in.
    command = ["streamlit", "run", "app.py", "--server.showEmailPrompt=false", *arguments]
    if weights is None:
        return run(*command)
    try:
        with own_weights.ready(weights) as file:
            return run(*command, environment={VARIABLE: str(file)})
    except (WeightsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while it is prepared
        return 130


def prepare(weights: Path) -> int:
    """Prepares another network's file for `Landmarker(weights=...)`. Returns the exit status."""
    return run("export.graph", str(weights.absolute()))


def run(module: str, *arguments: str, environment: dict[str, str] | None = None) -> int:
    """`python -m MODULE` in the project's folder, with these variables beside its own. Ends with it, and ends it when asked to end. Returns its
    exit status; 130 when interrupted."""
    with subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=HOUSE, env=os.environ | (environment or {})) as process:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            status = process.wait()
            return status if status >= 0 else 128 - status
        except KeyboardInterrupt:
            process.terminate()
            return 130
        finally:
            signal.signal(signal.SIGTERM, before)
