#!/usr/bin/env python3
"""Sets up what a command needs, then runs it. Needs Python 3.11+ and nothing else.

    python3 make.py run            the app, in the browser (port 8501)
    python3 make.py test           lint, types and all tests (adds torch, pytest, playwright)
    python3 make.py check          the same without the tests that are slow or need a browser
    python3 make.py train --demo   the training; --demo needs no data set
    python3 make.py teach          a network of one's own from corrections
    python3 make.py export         the trained network to ONNX
    python3 make.py audit          licences of what the app is made of, and known flaws in it
    python3 make.py benchmark      side by side with MediaPipe (which gets an environment of its own)

What follows the command is handed on: `python3 make.py test tests/model -k crop`,
`python3 make.py run --server.port 9000`, `python3 make.py run --weights own.zip`.

A Python script and not a Makefile because a machine with Python may well have no
make. Packages go to .venv; they are installed again only when a file that decides
what is installed (see INSTALLED_FROM) has changed.
"""

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "pointillist.json"

# command -> (extra of pyproject.toml or "", what Python is given)
COMMANDS = {
    "run": ("", ["-m", "model.commands.cli", "serve"]),
    "test": ("test", ["-m", "pytest"]),
    "check": ("test", ["-m", "pytest", "-m", "not browser and not slow", "-n", "auto", "--dist", "loadfile"]),
    "train": ("train", ["-m", "model.training.train"]),
    "teach": ("train", ["-m", "export.own_network"]),
    "export": ("train", ["-m", "export"]),
    "audit": ("audit", ["-m", "tests.audit"]),
    "benchmark": ("benchmark", ["-m", "tests.benchmark.compare"]),
}

# Installing builds the browser's bundle and prepares the network, so what these are made from counts too.
INSTALLED_FROM = [
    "pyproject.toml",
    "model/constants.json",
    "export/browser/*.*",
    "export/browser/runtime/**/*.*",
    "export/browser/ui/**/*.*",
    "model/weights/pointillist.onnx",
    "export/graph/*.py",
    "model/network/weight_packing.py",
]


def digest() -> str:
    """SHA-256 over the files that decide what an installation contains."""
    files = sorted({path for pattern in INSTALLED_FROM for path in ROOT.glob(pattern)})
    sums = [(path.relative_to(ROOT).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
    return hashlib.sha256(json.dumps(sums).encode()).hexdigest()


def install(extra: str) -> None:
    """Create .venv and install the project, editable, with `extra`; nothing to do if that is in place."""
    try:
        installed = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        installed = {}
    wanted = digest()
    extras = installed.get("extras", []) if installed.get("digest") == wanted else []
    if extra in extras:
        return
    if not PYTHON.exists():
        print(f"Creating {VENV.name} ...", flush=True)
        try:
            venv.create(VENV, with_pip=True)
        except subprocess.CalledProcessError:
            sys.exit("This Python cannot create a virtual environment with pip (on Debian: apt install python3-venv).")
    print("Installing Pointillist ...", flush=True)
    target = f".[{extra}]" if extra else "."
    subprocess.run(
        [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", target],
        cwd=ROOT,
        check=True,
    )
    STAMP.write_text(json.dumps({"digest": wanted, "extras": sorted({*extras, extra, ""})}))


def main() -> int:
    """Runs the command of the first argument; its exit status, 2 without a known one."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is also read by an older Python, to say so
        sys.exit("Pointillist needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(__doc__)
        return 2
    extra, arguments = COMMANDS[sys.argv[1]]
    try:
        install(extra)
        return subprocess.run([PYTHON, *arguments, *sys.argv[2:]], cwd=ROOT).returncode
    except subprocess.CalledProcessError as error:
        return error.returncode  # pip has said why
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
