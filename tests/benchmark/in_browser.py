"""The live page on the visitor's device beside a page with @vladmandic/human, in the same Chromium: python -m tests.benchmark.in_browser [--rounds N]

Both see the same rendered camera picture and find hands and faces with WebAssembly. Reported, as medians over fresh browsers that take turns:
seconds from opening the page to the first result, megabytes received until then, and milliseconds a frame afterwards. human is fetched
from npm into .human (git-ignored) and runs with its own defaults but for the parts that ours has no counterpart of, which are off.
"""

import argparse
import functools
import http.server
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from export.browser import build_hook, chromium
from tests.browser.camera_video import write_video
from tests.conftest import ROOT, AppServer

FOLDER = ROOT / ".human"
PACKAGES = ["@vladmandic/human@3.3.6", "@tensorflow/tfjs-backend-wasm@4.22.0"]
FRAMES, PATIENCE = 30, 120_000
PAGE = """<!doctype html><meta charset="utf-8"><video autoplay muted playsinline width="640"></video><script type="module">
import { Human } from "/node_modules/@vladmandic/human/dist/human.esm.js";
const human = new Human({
  backend: "wasm", wasmPath: "/node_modules/@tensorflow/tfjs-backend-wasm/dist/", modelBasePath: "/node_modules/@vladmandic/human/models/",
  face: { enabled: true, mesh: { enabled: true }, iris: { enabled: true }, description: { enabled: false }, emotion: { enabled: false },
          antispoof: { enabled: false }, liveness: { enabled: false } },
  hand: { enabled: true }, body: { enabled: false }, object: { enabled: false }, gesture: { enabled: false }, segmentation: { enabled: false },
});
const video = document.querySelector("video");
video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
await video.play();
window.times = [];
for (;;) {
  const started = performance.now();
  const { hand, face } = await human.detect(video);
  window.times.push(performance.now() - started);
  window.found = [hand.length, face.length];
  if (window.first === undefined && hand.length + face.length) window.first = performance.now();
  await new Promise(requestAnimationFrame);
}
</script>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


def human_server() -> http.server.ThreadingHTTPServer:
    """Serves .human, after fetching it if it is not there. Raises RuntimeError if npm fails."""
    FOLDER.mkdir(exist_ok=True)
    if not (FOLDER / "node_modules" / "@vladmandic").exists():
        (FOLDER / "package.json").write_text(json.dumps({"name": "peer", "private": True}))
        done = build_hook.run_npm(FOLDER, "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
    (FOLDER / "index.html").write_text(PAGE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(FOLDER)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run_human(page: Page, url: str) -> tuple[float, float]:
    """Seconds to the first result, milliseconds a frame."""
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.first !== undefined", timeout=PATIENCE)
    first = time.perf_counter() - started
    page.evaluate("window.times.length = 0")
    page.wait_for_function(f"window.times.length >= {FRAMES}", timeout=PATIENCE)
    return first, statistics.median(page.evaluate("window.times"))


def run_ours(page: Page, url: str) -> tuple[float, float]:
    """The same; the visitor presses Start as soon as the button is there."""
    started = time.perf_counter()
    page.goto(f"{url}/live", wait_until="commit")
    page.get_by_role("button", name="Start camera").click(timeout=PATIENCE)
    page.wait_for_selector('.live[data-hands]:not([data-hands="0"][data-faces="0"])', timeout=PATIENCE)
    first, latencies = time.perf_counter() - started, []
    for _ in range(FRAMES):
        page.wait_for_timeout(100)
        latencies.append(float(page.locator(".live").get_attribute("data-latency") or 0))
    return first, statistics.median(latencies)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.benchmark.in_browser", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    o = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        video = Path(scratch) / "camera.mjpeg"
        write_video(video)
        switches = [*chromium.SWITCHES, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={video}"]
        app, peer = AppServer(Path(scratch) / "app.log"), human_server()
        app.wait_until_ready()
        sides = {"ours": (run_ours, app.url), "human": (run_human, f"http://127.0.0.1:{peer.server_port}/index.html")}
        measured: dict[str, list[tuple[float, float, float]]] = {side: [] for side in sides}
        for number in range(o.rounds):
            for side in list(sides)[:: 1 if number % 2 == 0 else -1]:
                run, url = sides[side]
                browser = playwright.chromium.launch(executable_path=chromium.path(), args=switches)
                page, received = browser.new_page(viewport={"width": 1280, "height": 900}), []
                page.on("requestfinished", lambda request, received=received: received.append(request.sizes()["responseBodySize"]))
                first, frame = run(page, url)
                measured[side].append((first, sum(received) / 1e6, frame))
                print(f"{side:6} {first:5.2f} s  {sum(received) / 1e6:5.1f} MB  {frame:6.1f} ms a frame", file=sys.stderr, flush=True)
                browser.close()
        app.stop()
        peer.shutdown()
    print("| page | opening to first result | received | a frame |\n|---|---|---|---|")
    for side, rows in measured.items():
        first, megabytes, frame = (statistics.median(column) for column in zip(*rows))
        print(f"| {side} | {first:.2f} s | {megabytes:.1f} MB | {frame:.1f} ms |")


if __name__ == "__main__":
    main()
