"""Fixtures shared by all tests: the running app and a real Chromium."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from export.browser import chromium as installed_chromium

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class AppServer:
    """A Pointillist server in a process of its own: `url`, `pid`, and `log()` for what it has printed."""

    def __init__(self, log_path: Path, environment: dict[str, str] | None = None):
        self.log_path = log_path
        self._port = free_port()
        self._environment = {**os.environ, **(environment or {})}
        self.url = f"http://localhost:{self._port}"
        self.start()

    def start(self) -> None:
        """Again after kill() or stop(), at the same address."""
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"),
                "--server.port", str(self._port), "--server.headless", "true", "--server.fileWatcherType", "none",
            ],
            cwd=ROOT,
            env=self._environment,
            stdout=self.log_path.open("a"),
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.pid = self._process.pid

    def wait_until_ready(self, seconds: float = 300) -> None:  # much, where other work keeps the machine busy
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the app stopped while starting:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"the app did not answer within {seconds} s:\n{self.log()}")

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """Ends it at once, as a machine does when its power is cut."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@pytest.fixture(scope="session")
def app_server(tmp_path_factory):
    """One running app for all browser tests (AppServer)."""
    server = AppServer(tmp_path_factory.mktemp("app") / "server.log")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def app_url(app_server) -> str:
    return app_server.url


@pytest.fixture(scope="session")
def launch_chromium():
    """Function (*extra switches) -> a playwright Browser; all are closed at the end of the session.

    Without a Chromium on the machine the tests that ask for it fail and say what to install.
    """
    path = installed_chromium.path()
    if path is None:
        pytest.fail("no Chromium found on this machine (on Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browsers = []

        def launch(*switches: str):
            browser = playwright.chromium.launch(executable_path=path, args=[*installed_chromium.SWITCHES, "--disable-gpu", *switches])
            browsers.append(browser)
            return browser

        yield launch
        for browser in browsers:
            browser.close()


@pytest.fixture(scope="session")
def chromium(launch_chromium):
    """One headless Chromium without a camera, for all tests that need no switches of their own."""
    return launch_chromium()


@pytest.fixture
def page(chromium, app_url):
    """A fresh visitor's page (1280 x 900) at the app's front page; `page.errors` collects script errors."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(app_url)
    yield page
    context.close()
