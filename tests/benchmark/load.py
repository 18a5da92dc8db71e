"""Many visitors at once, on this machine only: python tests/benchmark/load.py [--uploaders 8] [--live 2] [--minutes 3]

Uploaders speak Streamlit's own protocol (a websocket and uploads, as its page does), so that the machine's CPUs are left to
the server; live visitors are pages of one headless Chromium with a rendered camera picture, in mode "On the server". Now and
then a visitor vanishes in the middle of an upload or while waiting. Prints JSON: photos, errors, seconds from the start of
an upload to the result by percentile, how often a place in the queue was shown, and the server's memory, threads and open
files over time.
"""

import argparse
import io
import json
import socket
import sys
import tempfile
import threading
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from conftest import AppServer  # noqa: E402

MOST_UPLOADERS, MOST_LIVE, MOST_MINUTES = 64, 8, 60
PHOTOS_EACH = 10  # then the visitor leaves and another one comes
PATIENCE = 300  # seconds for one answer


def photos() -> list[bytes]:
    """The example pictures as JPEG files of a phone's and of a web page's size."""
    from PIL import Image

    files = []
    for path in sorted((ROOT / "model" / "examples").glob("*.webp")):
        for width in (1024, 3000):
            with Image.open(path) as picture:
                scaled = picture.convert("RGB").resize((width, width * picture.height // picture.width))
            file = io.BytesIO()
            scaled.save(file, "JPEG", quality=85)
            files.append(file.getvalue())
    return files


class Visitor:
    """One visitor of the upload page."""

    def __init__(self, url: str):
        self.url = url
        self._http = requests.Session()
        self._http.get(f"{url}/_stcore/health", timeout=PATIENCE)  # brings the XSRF cookie
        stream = url.replace("http", "ws") + "/_stcore/stream"
        self._open = ExitStack()
        self._socket = self._open.enter_context(connect(stream, subprotocols=["streamlit"], max_size=None, open_timeout=PATIENCE))
        self._files: list[UploadedFileInfo] = []
        self.waited = False  # whether a place in the queue was shown
        self._run()

    def upload(self, name: str, content: bytes) -> float:
        """Seconds until the photo's result is on the page. RuntimeError if it does not come, or says that something failed."""
        started = time.perf_counter()
        urls = self._urls(name)
        answer = self._http.put(self.url + urls.upload_url, files={name: content}, headers=self._token, timeout=PATIENCE)
        answer.raise_for_status()
        self._files.append(UploadedFileInfo(file_id=urls.file_id, name=name, size=len(content), file_urls=urls))
        seen = self._run()
        if name not in seen:
            raise RuntimeError(f"{name} is not on the page: {seen}")
        return time.perf_counter() - started

    def vanish_while_uploading(self, name: str, content: bytes) -> None:
        """Sends the half of a photo and is gone."""
        address, body = urlparse(self.url), content[: len(content) // 2]
        lines = [
            f"PUT {self._urls(name).upload_url} HTTP/1.1", f"Host: {address.netloc}", f"Content-Length: {len(content)}",
            "Content-Type: multipart/form-data; boundary=b", f"Cookie: _streamlit_xsrf={self._http.cookies['_streamlit_xsrf']}",
            *(f"{name}: {value}" for name, value in self._token.items()),
        ]  # fmt: skip
        with socket.create_connection((address.hostname, address.port), PATIENCE) as connection:
            connection.sendall("\r\n".join([*lines, "", "--b\r\n"]).encode() + body)
        self.leave()

    def vanish_while_waiting(self, name: str, content: bytes) -> None:
        urls = self._urls(name)
        self._http.put(self.url + urls.upload_url, files={name: content}, headers=self._token, timeout=PATIENCE)
        self._files.append(UploadedFileInfo(file_id=urls.file_id, name=name, size=len(content), file_urls=urls))
        self._ask_for_run()
        self._socket.socket.close()  # without a word, as a phone that loses its network

    def leave(self) -> None:
        self._open.close()

    @property
    def _token(self) -> dict[str, str]:
        return {"X-Xsrftoken": self._http.cookies["_streamlit_xsrf"]}

    def _urls(self, name: str):
        request = BackMsg()
        request.file_urls_request.request_id, request.file_urls_request.session_id = name, self._session
        request.file_urls_request.file_names.append(name)
        self._socket.send(request.SerializeToString())
        while (message := self._receive()).WhichOneof("type") != "file_urls_response":
            pass
        return message.file_urls_response.file_urls[0]

    def _ask_for_run(self) -> None:
        request = BackMsg()
        request.rerun_script.query_string = ""
        if self._files:
            state = request.rerun_script.widget_states.widgets.add()
            state.id = self._uploader
            state.file_uploader_state_value.uploaded_file_info.extend(self._files)
        self._socket.send(request.SerializeToString())

    def _run(self) -> list[str]:
        """Has the page run once; the plain texts on it (the photos' names)."""
        self._ask_for_run()
        texts = []
        while (message := self._receive()).WhichOneof("type") != "script_finished":
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._session = message.new_session.initialize.session_id
            if kind != "delta" or message.delta.WhichOneof("type") != "new_element":
                continue
            element = message.delta.new_element
            match element.WhichOneof("type"):
                case "file_uploader":
                    self._uploader = element.file_uploader.id
                case "text":
                    texts.append(element.text.body)
                case "progress":
                    self.waited |= element.progress.text.startswith("Waiting")
                case "alert" | "exception":
                    raise RuntimeError(f"the page says: {element.alert.body or element.exception.message}")
        return texts

    def _receive(self) -> ForwardMsg:
        return ForwardMsg.FromString(self._socket.recv(PATIENCE))


class Load:
    """Uploaders in threads of their own until `until` (time.monotonic), and what came of it."""

    def __init__(self, url: str, until: float):
        self._url, self._until = url, until
        self._photos = photos()
        self._lock = threading.Lock()
        self.seconds: list[float] = []
        self.errors: list[str] = []
        self.vanished = self.visits = self.visits_that_waited = 0

    def uploader(self, number: int) -> None:
        chance = np.random.default_rng(number)
        while time.monotonic() < self._until:
            try:
                self._visit(number, chance)
            except Exception as error:  # counted and told, whatever it is
                with self._lock:
                    self.errors.append("".join(traceback.format_exception_only(error)).strip()[:300])
                time.sleep(1)

    def _visit(self, number: int, chance: np.random.Generator) -> None:
        visitor = Visitor(self._url)
        for count in range(PHOTOS_EACH):
            if time.monotonic() > self._until:
                break
            photo = self._photos[chance.integers(len(self._photos))]
            name = f"{number} {count}.jpg"
            photo += bytes([number, count, *chance.bytes(4)])  # behind the picture: every file is another one to the page
            if (way := chance.random()) < 0.04:
                with self._lock:
                    self.vanished += 1
                return visitor.vanish_while_uploading(name, photo) if way < 0.02 else visitor.vanish_while_waiting(name, photo)
            seconds = visitor.upload(name, photo)
            with self._lock:
                self.seconds.append(seconds)
            time.sleep(chance.exponential(1.0))  # a person looks at the result
        with self._lock:
            self.visits += 1
            self.visits_that_waited += visitor.waited
        visitor.leave()

    def figures(self) -> dict:
        seconds = (
            {f"p{share}": round(float(np.percentile(self.seconds, share)), 2) for share in (50, 90, 95, 99)}
            if self.seconds
            else {}
        )
        return {
            "photos": len(self.seconds),
            "seconds": seconds,
            "errors": len(self.errors),
            "first_errors": self.errors[:5],
            "vanished": self.vanished,
            "visits": self.visits,
            "visits_that_saw_the_queue": self.visits_that_waited,
        }


def live_pages(browser, url: str, count: int) -> list:
    pages = []
    for _ in range(count):
        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.goto(f"{url}/live")
        page.get_by_text("On the server", exact=True).click(timeout=PATIENCE * 1000)
        start = page.frame_locator('iframe[title*="webrtc"]').get_by_role("button", name="Start camera")
        start.click(timeout=PATIENCE * 1000)
        page.get_by_text("Server time").wait_for(timeout=PATIENCE * 1000)
        pages.append(page)
    return pages


def watch(url: str, until: float, curve: list[dict]) -> None:
    while time.monotonic() < until:
        curve.append(requests.get(f"{url}/status", timeout=PATIENCE).json())
        time.sleep(min(10, max(until - time.monotonic(), 0.1)))


def run(url: str, uploaders: int, live: int, minutes: float, scratch: Path) -> dict:
    figures, curve = {}, []
    with Browser(live, scratch) as browser:
        pages = live_pages(browser, url, live) if live else []
        until = time.monotonic() + minutes * 60
        load = Load(url, until)
        threads = [threading.Thread(target=load.uploader, args=(number,)) for number in range(uploaders)]
        threads.append(threading.Thread(target=watch, args=(url, until, curve)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for page in pages:
            shown = [" ".join(text.split()) for text in page.locator('[data-testid="stMetric"]').all_inner_texts()]
            figures.setdefault("live", []).append(shown or "no picture any more")
    time.sleep(5)
    figures["after"] = requests.get(f"{url}/status", timeout=PATIENCE).json()
    for name in ("memory_mb", "threads", "open_files", "visitors"):
        figures[name] = [state[name] for state in curve]
    figures["most_waiting"] = max((state["queue"]["waiting"] for state in curve), default=0)
    return load.figures() | figures


class Browser:
    """A Chromium with a rendered camera picture while the body runs; None without live visitors."""

    def __init__(self, wanted: int, scratch: Path):
        self._wanted, self._video = wanted, scratch / "camera.mjpeg"

    def __enter__(self):
        if not self._wanted:
            return None
        from camera_video import write_video
        from playwright.sync_api import sync_playwright

        from export.browser import chromium

        write_video(self._video)
        camera = [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={self._video}",
        ]
        self._playwright = sync_playwright().start()
        switches = [*chromium.SWITCHES, "--disable-gpu", *camera]
        self._browser = self._playwright.chromium.launch(executable_path=chromium.path(), args=switches)
        return self._browser

    def __exit__(self, *_):
        if self._wanted:
            self._browser.close()
            self._playwright.stop()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--uploaders", type=int, default=8)
    options.add_argument("--live", type=int, default=2)
    options.add_argument("--minutes", type=float, default=3)
    o = options.parse_args()
    if o.uploaders > MOST_UPLOADERS or o.live > MOST_LIVE or o.minutes > MOST_MINUTES:
        options.error(f"at most {MOST_UPLOADERS} uploaders, {MOST_LIVE} live visitors and {MOST_MINUTES} minutes")
    with tempfile.TemporaryDirectory() as scratch:
        server = AppServer(Path(scratch) / "server.log", {"POINTILLIST_STATUS": "1"})
        try:
            server.wait_until_ready(PATIENCE)
            figures = run(server.url, o.uploaders, o.live, o.minutes, Path(scratch))
            figures["complaints_in_log"] = server.log().count("Traceback")
        finally:
            server.stop()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
