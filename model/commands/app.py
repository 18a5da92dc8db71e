"""`pointillist serve` and `pointillist prepare`: commands that run other parts of the project in a process of their own."""

import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[2]  # the folder of app.py, model, export and pages: a checkout, or the installed package


def serve(arguments: list[str]) -> int:
    """Starts the app; `arguments` go to `streamlit run`. Returns its exit status."""
    # Streamlit would ask for an e-mail address at the very first start. It takes its settings from .streamlit in the folder it runs in.
    return run("streamlit", "run", "app.py", "--server.showEmailPrompt=false", *arguments)


def prepare(weights: Path) -> int:
    """Prepares another network's file for `Landmarker(weights=...)`. Returns the exit status."""
    return run("export.graph", str(weights.absolute()))


def run(module: str, *arguments: str) -> int:
    """`python -m MODULE` in the project's folder. Returns its exit status; 130 when interrupted."""
    try:
        return subprocess.run([sys.executable, "-m", module, *arguments], cwd=HOUSE).returncode
    except KeyboardInterrupt:
        return 130
