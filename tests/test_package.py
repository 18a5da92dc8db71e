"""The wheel, as people install it: `pointillist` from any folder, whatever else lies there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from model.constants import KINDS

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "model" / "examples" / "greeting.webp"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the unpacked wheel, which was built in the checkout."""
    built, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(built)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = built.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    """A person's own folder, with files of the names that ours have."""
    for name in ("model", "export", "pages", "app"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('somebody else's file')")
    return tmp_path


def python(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # site-packages' own entry for this checkout must not be what is imported.
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_everything_lies_in_one_package(installed):
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == {"pointillist"}
    package = installed / "pointillist"
    assert (package / "py.typed").exists() and (package / "export" / "browser" / "dist" / "worker.js").exists()
    assert (package / "model" / "weights" / "prepared" / "pointillist" / "server.onnx").exists()
    assert not (package / "export" / "browser" / "node_modules").exists()


@pytest.mark.slow
def test_the_api_from_another_folder(installed, elsewhere):
    code = f"import pointillist as p; print(p.__file__); r = p.Landmarker().detect(p.open_photo({str(EXAMPLE)!r})); print(len(r.hands), len(r.faces))"
    done = python(installed, elsewhere, "-c", code)
    file, counts = done.stdout.splitlines()
    assert Path(file) == installed / "pointillist" / "__init__.py" and counts == "2 1", done.stderr


@pytest.mark.slow
def test_the_command_from_another_folder(installed, elsewhere):
    run = "import sys; from pointillist.model.commands.cli import main; sys.exit(main())"
    done = python(installed, elsewhere, "-c", run, "detect", str(EXAMPLE), "--json")
    assert done.returncode == 0, done.stderr
    assert all(json.loads(done.stdout)[f"{kind}s"] for kind in KINDS)


@pytest.mark.slow
def test_the_app_from_another_folder(installed, elsewhere):
    """`pointillist serve` hands over to Streamlit in the package's folder: its own modules are imported there."""
    run = "import sys; from pointillist.model.commands.cli import main; sys.exit(main())"
    done = python(installed, elsewhere, "-c", run, "serve", "--help")
    assert done.returncode == 0 and "--server.port" in done.stdout, done.stderr
    done = python(installed, installed / "pointillist", "-c", "import app, model; print(model.__file__)")
    assert Path(done.stdout.strip()) == installed / "pointillist" / "model" / "__init__.py", done.stderr
