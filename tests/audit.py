"""What the app is made of: the licences of all run-time dependencies, and whether advisories name one of them.

`python3 make.py audit` runs it. Exit status: 0 = nothing known against any of them, 1 = advisories found, 2 = an advisory
service could not be asked, so nothing is known.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from export.browser.build_hook import run_npm

BROWSER = Path(__file__).parents[1] / "export" / "browser"
CLEAN, FOUND, UNKNOWN = 0, 1, 2


def python_packages(root: str = "pointillist") -> list[Distribution]:
    """What `root` needs at run time on this machine, whatever else is installed; by name."""
    found: dict[str, Distribution] = {}
    waiting = [(root, frozenset())]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        package = distribution(name)
        if name != root:
            found[name] = package
        for line in package.requires or []:
            wanted = Requirement(line)
            chosen = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if not wanted.marker or any(wanted.marker.evaluate(extra) for extra in chosen):
                waiting.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))
    return [found[name] for name in sorted(found)]


def licence(package: Distribution) -> str:
    """As the package itself says: an SPDX expression where there is one, else its classifiers or its own words."""
    about = package.metadata
    named = [text.rsplit(" :: ", 1)[-1] for text in about.get_all("Classifier") or [] if text.startswith("License ::")]
    own = (about.get("License") or "").strip().splitlines()
    return about.get("License-Expression") or ", ".join(named) or (own[0][:60] if own else "") or "not stated"


def browser_packages() -> Iterator[tuple[str, str, str]]:
    """(name, version, licence) of what every installation fetches from npm: what the bundle may hold, and the tool that builds it."""
    lock = json.loads((BROWSER / "package-lock.json").read_text(encoding="utf-8"))
    for path, package in sorted(lock["packages"].items()):
        if path and not package.get("dev") and not package.get("optional"):  # optional: that tool for other machines
            yield path.removeprefix("node_modules/"), package["version"], package.get("license", "not stated")


def audit_python(packages: list[Distribution]) -> int:
    pins = "".join(f"{package.name}=={package.version.split('+')[0]}\n" for package in packages)
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(pins)
        command = [sys.executable, "-m", "pip_audit", "--requirement", wanted, "--no-deps", "--disable-pip", "--format", "json"]
        done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return unknown("Python", done.stderr)
    bad = [f"{package['name']} {package['version']}: {flaw['id']}" for package in answer for flaw in package.get("vulns", [])]
    return reported("Python", len(packages), bad)


def audit_browser() -> int:
    done = run_npm(BROWSER, "audit", "--omit=dev", "--json")
    try:
        flaws = json.loads(done.stdout)["vulnerabilities"]
    except (ValueError, KeyError):
        return unknown("npm", done.stderr)
    return reported("npm", len(list(browser_packages())), [f"{name}: {flaw['severity']}" for name, flaw in flaws.items()])


def unknown(kind: str, complaint: str) -> int:
    last = (complaint.strip().splitlines() or ["no answer"])[-1]
    print(f"{kind}: the advisory service could not be asked from this machine, so NOTHING is known. It said: {last[:200]}")
    return UNKNOWN


def reported(kind: str, count: int, bad: list[str]) -> int:
    for line in bad:
        print(f"{kind}: {line}")
    print(f"{kind}: {len(bad) or 'no'} advisories for {count} packages")
    return FOUND if bad else CLEAN


def main() -> int:
    try:
        packages = python_packages()
    except PackageNotFoundError as missing:
        print(f"{missing} is not installed; `python3 make.py audit` installs what is needed.")
        return UNKNOWN
    print("Run-time dependencies and their licences\n")
    for package in packages:
        print(f"  {package.name} {package.version}: {licence(package)}")
    for name, version, own in browser_packages():
        print(f"  {name} {version} (browser): {own}")
    print("\nAdvisories\n", flush=True)
    states = {audit_python(packages), audit_browser()}
    return FOUND if FOUND in states else max(states)


if __name__ == "__main__":
    sys.exit(main())
