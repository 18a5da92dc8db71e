"""Lint, types, the README's map and the lock file, as tests: so the one test command includes them."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from export.browser import build_hook

ROOT = Path(__file__).resolve().parent.parent
# The floors of the layout (pyproject.toml: importlinter); the package has no __main__.
IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.mark.timeout(1800)  # mypy without its cache: 40 s of CPU, a quarter of an hour was measured on a machine with much other work
@pytest.mark.parametrize(
    "command", [["-m", "ruff", "check"], ["-m", "ruff", "format", "--check"], ["-m", "mypy"], ["-c", IMPORTS]], ids=["ruff", "format", "mypy", "import-linter"]
)
def test_tool_has_nothing_to_report(command):
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def npm():
    """Function (script of export/browser/package.json) -> its CompletedProcess; fetches the linters where they are missing."""
    folder = ROOT / "export" / "browser"
    if not (folder / "node_modules" / "eslint").exists():
        done = build_hook.run_npm(folder, *build_hook.INSTALL)
        assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"
    return lambda script: build_hook.run_npm(folder, "run", "--silent", script)


@pytest.mark.parametrize("script", ["lint", "format:check", "types"])
def test_browser_code_has_nothing_to_report(npm, script):
    done = npm(script)
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"


def test_npm_lock_file_names_no_registry():
    """Every machine uses its own."""
    lock = json.loads((ROOT / "export" / "browser" / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


def test_readme_map_names_what_is_there():
    """Every folder that holds Python code, down to the floors of model/ and export/, and the scripts at the top."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(text[text.index("## Where each part is") :].split())
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    there = {file for file in tracked if "/" not in file}
    for folder in {str(Path(file).parent.as_posix()) for file in tracked if "/" in file}:
        floors = folder.split("/")[: 2 if folder.startswith(("model", "export")) else 1]
        there |= {"/".join(floors) + "/"} - {"model/"}  # model/ itself holds constants only
    assert there - named == set(), "missing in the README's map"
    gone = {name for name in named if name.endswith("/") and not (ROOT / name).is_dir()}
    assert not gone, "the map names folders that are not there"


def test_lock_file_has_what_pyproject_asks_for():
    locked: dict[str, list[str]] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pinned = Requirement(line)
            locked.setdefault(canonicalize_name(pinned.name), []).append(str(pinned.specifier).removeprefix("=="))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for wanted in map(Requirement, project["dependencies"] + [line for lines in project["optional-dependencies"].values() for line in lines]):
        if wanted.name != project["name"]:
            assert all(wanted.specifier.contains(version) for version in locked[canonicalize_name(wanted.name)]), wanted
