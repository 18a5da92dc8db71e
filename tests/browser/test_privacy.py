"""Nothing leaves: no request to another host by a page or the server, no file written; and the protective headers."""

import json
import os
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from model.photo.image_file import open_photo
from tests.browser.camera_video import EXAMPLES
from tests.browser.live_page import SECONDS
from tests.conftest import AppServer
from tests.model.clips import clip, crossing

pytestmark = pytest.mark.browser

HERE = {"localhost", "127.0.0.1", "::1", "", None}
FAKE_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


class Watched(AppServer):
    """A server that writes down its connections and the files it writes (watch/sitecustomize.py)."""

    def __init__(self, folder: Path):
        self.watch = folder / "watch.jsonl"
        paths = [str(Path(__file__).with_name("watch")), os.environ.get("PYTHONPATH", "")]
        watch = {"WATCH": str(self.watch), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        super().__init__(folder / "server.log", watch)

    def events(self) -> list[list[str]]:
        return [json.loads(line) for line in self.watch.read_text().splitlines()]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    server = Watched(tmp_path_factory.mktemp("watched"))
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
def visitor(watched, launch_chromium):
    """A visitor with a camera at the watched server; `asked` collects all requests, `refused` what the browser blocked."""
    context = launch_chromium(*FAKE_CAMERA).new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.asked, page.refused = [], []
    context.on("request", lambda request: page.asked.append(request))
    page.on("websocket", lambda socket: page.asked.append(socket))
    page.on("console", lambda message: page.refused.append(message.text) if "Content Security" in message.text else None)
    page.goto(watched.url)
    yield page
    context.close()


@pytest.fixture(scope="module")
def large_photo(tmp_path_factory) -> Path:
    """Noise, 4 MB: more than a web server keeps in memory by itself."""
    path = tmp_path_factory.mktemp("photo") / "large.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (1100, 1300, 3), dtype=np.uint8)).save(path)
    assert path.stat().st_size > 4_000_000
    return path


def upload(page, path: Path) -> None:
    page.get_by_role("heading", name="Find hands and faces").wait_for(timeout=120 * SECONDS)
    page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(path)
    page.get_by_text("1300 × 1100 pixels").wait_for(timeout=120 * SECONDS)


def test_all_pages_and_the_server_keep_to_themselves(watched, visitor, large_photo):
    before = len(watched.events())
    upload(visitor, large_photo)
    visitor.get_by_text("Example pictures").click()
    visitor.get_by_role("button", name="Wave", exact=True).click()
    visitor.get_by_text("2 photos").wait_for(timeout=120 * SECONDS)
    with visitor.expect_download(timeout=60 * SECONDS):
        visitor.get_by_role("link", name="Download all (ZIP)").click()

    visitor.get_by_role("link", name="Live camera").click()
    visitor.get_by_role("button", name="Start camera").click(timeout=60 * SECONDS)
    expect(visitor.get_by_role("button", name="Freeze")).to_be_visible(timeout=120 * SECONDS)
    visitor.get_by_text("On the server", exact=True).click()
    visitor.frame_locator('iframe[title*="webrtc"]').get_by_role("button", name="Start camera").click(timeout=60 * SECONDS)
    expect(visitor.get_by_text("frames per second")).to_be_visible(timeout=120 * SECONDS)

    written = [event for event in watched.events()[before:] if is_file(event) and "__pycache__" not in event[1]]
    assert not written, "the server wrote a file"  # the training page, next, has onnxruntime write how long layers took

    visitor.get_by_role("link", name="How it works").click()
    visitor.get_by_role("tab", name="Data flow").wait_for(timeout=60 * SECONDS)
    for name, shown in {
        "Training trace": "Error per point", "Prediction trace": "Layer 4: Postprocessing", "Train it yourself": "Train", "Quiz": "Score: 0 of",
    }.items():  # fmt: skip
        visitor.get_by_role("tab", name=name).click()
        visitor.get_by_role("tabpanel", name=name).get_by_text(shown).last.wait_for(timeout=120 * SECONDS)

    hosts = {urlparse(request.url).hostname for request in visitor.asked}
    assert "localhost" in hosts and hosts <= HERE, "a page asked another host"
    assert not visitor.refused, "the browser had to refuse something"

    events = watched.events()[before:]
    outside = [event for event in events if event[0].startswith("socket.") and not is_here(event)]
    assert not outside, "the server asked another host"


def test_a_video_is_kept_in_memory_alone(watched, visitor):
    """Decoded, followed, drawn, encoded, corrected and taken home: no file, no other host."""
    content = clip(crossing(open_photo(EXAMPLES / "hands.webp"), 45, (960, 720)), options={"crf": "1"})
    assert len(content) > 1_200_000, "more than a web server keeps in memory by itself"
    visitor.get_by_role("heading", name="Find hands and faces").wait_for(timeout=120 * SECONDS)
    before = len(watched.events())
    visitor.locator("[class*=st-key-photos_] input[type=file]").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": content})
    visitor.get_by_text("Two hands and no faces.").wait_for(timeout=180 * SECONDS)
    for file in ("Video", "CSV", "Parquet", "JSON"):
        with visitor.expect_download(timeout=60 * SECONDS):
            visitor.get_by_role("link", name=file, exact=True).click()
    visitor.get_by_text("Frame by frame").click()
    visitor.get_by_role("button", name="Correct this frame").click(timeout=60 * SECONDS)
    visitor.get_by_role("application", name="Photo with the points to correct").wait_for(timeout=120 * SECONDS)

    events = watched.events()[before:]
    assert not [event for event in events if is_file(event) and "__pycache__" not in event[1]], "the server wrote a file"
    assert not [event for event in events if event[0].startswith("socket.") and not is_here(event)], "the server asked another host"
    assert {urlparse(request.url).hostname for request in visitor.asked} <= HERE and not visitor.refused, "a page asked another host"
    uploads = [request for request in visitor.asked if getattr(request, "method", "GET") in ("PUT", "POST")]
    assert [urlparse(upload.url).netloc for upload in uploads] == [urlparse(watched.url).netloc], "the video itself went to this server, once"


def is_here(event: list[str]) -> bool:
    """Whether a connection stays on this machine (camera streams go to its own addresses and to multicast names)."""
    places = re.findall(r"'([^']*)'", " ".join(event[1:]))
    own = own_addresses()
    return all(place in HERE | own or place.endswith(".local") or place.startswith(("127.", "224.")) for place in places if place)


def own_addresses() -> set[str]:
    import ifaddr  # comes with aiortc

    return {str(ip.ip if ip.is_IPv4 else ip.ip[0]) for adapter in ifaddr.get_adapters() for ip in adapter.ips}


def is_file(event: list[str]) -> bool:
    return "/dev/null" not in event[1] and (event[0] == "open" or event[0].startswith(("os.", "tempfile.", "shutil.")))


def ask(url: str, method: str = "GET", data: bytes | None = None, **headers: str):
    """(status, headers, body), an error's too; (None, None, None) if the server closed the connection before it had heard all."""
    request = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
    except OSError:
        return None, None, None


def test_forged_and_oversized_uploads_are_refused(watched, visitor, large_photo):
    with visitor.expect_request(lambda request: request.method == "PUT") as waiting:
        upload(visitor, large_photo)
    sent = waiting.value
    status, _, _ = ask(sent.url, "PUT", b"x", Content_Type="multipart/form-data; boundary=b")
    assert status == 403, "an upload without the XSRF token"
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in visitor.context.cookies())
    own = {"Cookie": cookies, "X_Xsrftoken": sent.headers["x-xsrftoken"], "Content_Type": "multipart/form-data; boundary=b"}
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n%s\r\n--b--\r\n'
    assert ask(sent.url, "PUT", body % b"small", **own)[0] == 204
    assert ask(sent.url, "PUT", body % bytes(51 * 1024 * 1024), **own)[0] in (413, None)
    other = re.sub(r"upload_file/[^/]+", "upload_file/00000000-0000-0000-0000-000000000000", sent.url)
    assert ask(other, "PUT", body % b"small", **own)[0] == 400, "another visitor's session"


POLICY = {  # what the browser itself refuses: everything from or to another host, plug-ins, being framed by another site
    "default-src": {"'self'", "blob:", "data:", "'unsafe-inline'", "'unsafe-eval'"},
    "connect-src": {"'self'", "blob:", "data:", "ws:", "wss:"},
    "object-src": {"'none'"},
    "base-uri": {"'self'"},
    "form-action": {"'self'"},
    "frame-ancestors": {"'self'"},
}


def policy(header: str) -> dict[str, set[str]]:
    return {name: set(sources) for name, *sources in (directive.split() for directive in header.split(";"))}


def test_headers(watched, visitor, large_photo):
    upload(visitor, large_photo)
    pictures = {request.url for request in visitor.asked if request.url.startswith(f"{watched.url}/media/")}
    runtime = {request.url for request in visitor.asked if "/runtime/" in request.url}
    assert pictures
    for url in [
        watched.url,
        f"{watched.url}/live",
        f"{watched.url}/_stcore/health",
        f"{watched.url}/nowhere.js",
        *pictures,
        *runtime,
    ]:
        _, headers, _ = ask(url)
        assert headers["X-Content-Type-Options"] == "nosniff", url
        assert headers["X-Frame-Options"] == "SAMEORIGIN" and policy(headers["Content-Security-Policy"]) == POLICY, url
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Type"].split(";")[0] != "application/octet-stream" or url.endswith((".onnx", ".bin"))
    for url in pictures:
        assert ask(url)[1]["Content-Type"] in ("image/jpeg", "image/png")


def test_a_page_of_another_site_is_refused_without_asking_around(watched):
    before = len(watched.events())
    address = urlparse(watched.url)
    lines = [
        "GET /_stcore/stream HTTP/1.1", f"Host: {address.netloc}", "Origin: https://elsewhere.example", "Upgrade: websocket",
        "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]  # fmt: skip
    with socket.create_connection((address.hostname, address.port), 60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert b" 403 " in connection.recv(1000).splitlines()[0]
    assert not [event for event in watched.events()[before:] if event[0].startswith("socket.")]


def test_no_usage_statistics(watched):
    status, _, body = ask(f"{watched.url}/_stcore/host-config")
    assert status == 200 and json.loads(body).get("enableCustomParentMessages") is False
    assert "gatherUsageStats = false" in (Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text()
