"""The browser's part of the parity certificate, from a real Chromium."""

import os
import shutil
import threading
import time

from export.browser import serve

# How Chromium is started without a display. The background switches keep a machine without a network from
# waiting for connections that can't be made.
SWITCHES = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# In the page: one worker opens the network and compares itself with the reference (parity.js).
_MEASURE = """({ base, provider }) => new Promise((resolve, reject) => {
    const worker = new Worker(base + "worker.js", { type: "module" });
    worker.onerror = (event) => reject(new Error(event.message));
    let engine;
    worker.onmessage = ({ data }) => {
        if (data.type === "ready") engine = data.engine;
        else if (data.type === "parity") resolve({ engine, difference: data.parity.difference });
        else if (data.type !== "alive") reject(new Error(data.message));
    };
    worker.postMessage({ type: "open", base, provider });
})"""


def path() -> str | None:
    """Chromium's program file on this machine, or None. The environment variable POINTILLIST_CHROMIUM names it where it is not on PATH."""
    if chosen := os.environ.get("POINTILLIST_CHROMIUM"):
        return shutil.which(chosen)
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((found for name in names if (found := shutil.which(name))), None)


def difference() -> float | None:
    """Pixels of the crop between this machine's Chromium and the certificate's reference answers.

    None where there is no Chromium, no playwright or no built bundle.
    """
    try:
        from playwright.sync_api import sync_playwright

        serve.version()
    except (ImportError, serve.NothingToServe):
        return None
    if not path():
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path(), args=[*SWITCHES, "--disable-gpu"])
        return measure(browser)["difference"]


def measure(browser, provider: str = "wasm") -> dict:
    """{"engine": in words, "difference": as above} of a playwright Browser or BrowserContext; provider: "wasm" | "webgpu"."""
    server, port = start_server()
    try:
        page = browser.new_page()
        page.goto(f"http://localhost:{port}/")
        base = f"http://localhost:{port}{serve.address()}/"
        found = page.evaluate(_MEASURE, {"base": base, "provider": provider})
        page.close()
        return found
    finally:
        server.should_exit = True


def start_server():
    """The runtime's routes and an empty page on a free port: (uvicorn server, port)."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    from export.browser.headers import Headers

    empty = Route("/", lambda request: HTMLResponse("<!doctype html><title>Parity</title>"))
    app = Starlette(routes=[empty, *serve.routes()], middleware=[Middleware(Headers)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, server.servers[0].sockets[0].getsockname()[1]
