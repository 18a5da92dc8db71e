"""Many visitors at once, on this machine only: python -m tests.benchmark.load [--uploaders 8] [--live 2] [--minutes 3] [--arrivals 0.5]

Uploaders speak Streamlit's own protocol (a websocket and uploads, as its page does), so that the machine's CPUs are left to
the server; live visitors are pages of one headless Chromium with a rendered camera picture, in mode "On the server". Now and
then a visitor vanishes in the middle of an upload, while waiting, or in the middle of a stream. --arrivals: so many more visits a
second, each of one page, now and then with a photo, that end after a second or so: what adds up is what each leaves behind.
--open-files limits the server's files as `ulimit -n` does. Prints JSON: photos, errors,
seconds from the start of an upload to the result by percentile, how often a place in the queue was shown, new pictures per
second that live visitors see and how many streams each needed, and the server's memory, threads and open files over time,
before the first and after the last visitor.
"""

import argparse
import io
import json
import resource
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
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from export.browser import chromium
from tests.browser.camera_video import EXAMPLES, write_video
from tests.browser.live_page import FAKE_CAMERA, SECONDS
from tests.conftest import AppServer

MOST_UPLOADERS, MOST_LIVE, MOST_MINUTES, MOST_ARRIVALS = 64, 8, 60, 5
MOST_PASSING = 32  # visits at once; who would come beyond them counts as not let in
PHOTO_EVERY = 10  # visits
PHOTOS_EACH = 10  # then the visitor leaves and another one comes
# Seconds:
PATIENCE = 300  # for one answer
CHECK_EVERY = 10  # between two checks of the server and the live pages
VANISH_EVERY = 60  # between two live visitors that vanish
AFTERWARDS = 45  # WebRTC takes up to half a minute to notice that the other side has gone


def photos() -> list[bytes]:
    """The example pictures as JPEG files of a phone's and of a web page's size."""
    from PIL import Image

    files = []
    for path in sorted(EXAMPLES.glob("*.webp")):
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
        # The server ends a connection that has been idle for five seconds. A browser sends again what meets that moment,
        # this client would call it an error; so it keeps no connection.
        self._http.headers["Connection"] = "close"
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
        self.arrivals: list[float] = []  # seconds until the page was there
        self.not_let_in = 0

    def uploader(self, number: int) -> None:
        chance = np.random.default_rng(number)
        while time.monotonic() < self._until:
            try:
                self._visit(number, chance)
            except Exception as error:  # counted and reported, whatever it is
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
            time.sleep(chance.exponential(1.0))  # a person reads the result
        with self._lock:
            self.visits += 1
            self.visits_that_waited += visitor.waited
        visitor.leave()

    def arrivals_at(self, rate: float) -> None:
        """`rate` visits a second, whether or not the server keeps up."""
        passing = threading.BoundedSemaphore(MOST_PASSING)
        chance, number, threads = np.random.default_rng(1), 0, []
        while time.monotonic() < self._until:
            number += 1
            if passing.acquire(blocking=False):
                thread = threading.Thread(target=self._pass_by, args=(number, passing))
                thread.start()
                threads = [*(other for other in threads if other.is_alive()), thread]
            else:
                self.not_let_in += 1
            time.sleep(chance.exponential(1 / rate))
        for thread in threads:
            thread.join()

    def _pass_by(self, number: int, passing: threading.BoundedSemaphore) -> None:
        try:
            started = time.perf_counter()
            visitor = Visitor(self._url)
            with self._lock:
                self.arrivals.append(time.perf_counter() - started)
            if number % PHOTO_EVERY == 0:
                visitor.upload(f"passing {number}.jpg", self._photos[0] + str(number).encode())
            time.sleep(1)
            visitor.leave()
        except Exception as error:
            with self._lock:
                self.errors.append("".join(traceback.format_exception_only(error)).strip()[:300])
        finally:
            passing.release()

    def figures(self) -> dict:
        return {
            "photos": len(self.seconds),
            "seconds": shares(self.seconds),
            "arrivals": len(self.arrivals),
            "arrival_seconds": shares(self.arrivals),
            "arrivals_not_let_in": self.not_let_in,
            "errors": len(self.errors),
            "first_errors": self.errors[:5],
            "vanished": self.vanished,
            "visits": self.visits,
            "visits_that_saw_the_queue": self.visits_that_waited,
        }


def shares(seconds: list[float]) -> dict[str, float]:
    return {f"p{share}": round(float(np.percentile(seconds, share)), 2) for share in (50, 90, 95, 99)} if seconds else {}


# Counts the streams that a page has started: one, and one more each time a broken one was brought back.
COUNT_STREAMS = """{
    const offer = RTCPeerConnection.prototype.createOffer;
    RTCPeerConnection.prototype.createOffer = function (...rest) {
        top.streamsStarted = (top.streamsStarted ?? 0) + 1;
        return offer.apply(this, rest);
    };
}"""
# How many pictures the video has shown so far; null where there is none.
SHOWN = "(video) => video?.getVideoPlaybackQuality().totalVideoFrames ?? null"


class LiveVisitor:
    """One page in mode "On the server", its camera on."""

    def __init__(self, browser, url: str, patience: float = PATIENCE):
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        context.add_init_script(COUNT_STREAMS)
        self._page = context.new_page()
        self._page.goto(f"{url}/live")
        self._page.get_by_text("On the server", exact=True).click(timeout=patience * SECONDS)
        self._frame = self._page.frame_locator('iframe[title*="webrtc"]')
        self._frame.get_by_role("button", name="Start camera").click(timeout=patience * SECONDS)
        self._page.get_by_text("frames per second").wait_for(timeout=patience * SECONDS)
        self._seen = self._shown()
        self.fps: list[float] = []  # pictures shown per second, since the check before

    def _shown(self) -> tuple[float, int]:
        """When, and how many pictures so far: none any more if the stream has ended."""
        videos = self._frame.locator("video")
        return time.monotonic(), (videos.first.evaluate(SHOWN) or 0) if videos.count() else 0

    def check(self) -> None:
        (before, had), self._seen = self._seen, self._shown()
        self.fps.append(round(max(self._seen[1] - had, 0) / (self._seen[0] - before), 1))

    def wait(self, seconds: float) -> None:
        self._page.wait_for_timeout(seconds * SECONDS)

    def vanish(self) -> None:
        """The page's process dies, so that neither Streamlit nor WebRTC says goodbye."""
        try:
            self._page.goto("chrome://crash")
        except PlaywrightError:
            pass
        self._page.context.close()

    def figures(self) -> dict:
        texts = [" ".join(text.split()) for text in self._page.get_by_text("frames per second").all_inner_texts()]
        shown = {"median": float(np.median(self.fps)), "least": min(self.fps), "last": self.fps[-1]} if self.fps else {}
        streams = self._page.evaluate("streamsStarted")
        return {"pictures_per_second": shown, "streams_started": streams, "page_says": texts or "no picture any more"}


def stream(browsers: "Browsers", url: str, visitors: list[LiveVisitor], until: float) -> dict:
    """Checks the live visitors now and then; every VANISH_EVERY seconds one more comes and vanishes. How many did, and could not."""
    vanished, complaints, next_one = 0, [], time.monotonic() + VANISH_EVERY / 2
    while (left := until - time.monotonic()) > 0:
        visitors[0].wait(min(CHECK_EVERY, left))
        for visitor in visitors:
            visitor.check()
        if time.monotonic() > next_one:
            next_one = time.monotonic() + VANISH_EVERY
            try:
                # A browser of its own each time: a page that dies takes its browser's cameras along.
                with browsers.launched() as browser:
                    passer_by = LiveVisitor(browser, url, patience=60)
                    passer_by.wait(5)
                    passer_by.vanish()
                vanished += 1
            except PlaywrightError as error:
                complaints.append(str(error)[:300])
    return {"live_vanished": vanished, "live_that_did_not_start": complaints}


def ask_status(url: str) -> dict:
    return requests.get(f"{url}/status", timeout=PATIENCE).json()


def watch(url: str, until: float, curve: list[dict]) -> None:
    while time.monotonic() < until:
        curve.append(ask_status(url))
        print(json.dumps(curve[-1]), file=sys.stderr, flush=True)  # a long run can be watched
        time.sleep(min(CHECK_EVERY, max(until - time.monotonic(), 0.1)))


def run(url: str, uploaders: int, live: int, minutes: float, arrivals: float, scratch: Path) -> dict:
    figures, curve = {"before": ask_status(url)}, []
    with Browsers(live, scratch) as browsers, ExitStack() as open_until_the_end:
        browser = open_until_the_end.enter_context(browsers.launched()) if live else None
        visitors = [LiveVisitor(browser, url) for _ in range(live)]
        until = time.monotonic() + minutes * 60
        load = Load(url, until)
        threads = [threading.Thread(target=load.uploader, args=(number,)) for number in range(uploaders)]
        if arrivals:
            threads.append(threading.Thread(target=load.arrivals_at, args=(arrivals,)))
        threads.append(threading.Thread(target=watch, args=(url, until, curve)))
        for thread in threads:
            thread.start()
        if visitors:
            figures |= stream(browsers, url, visitors, until)
        for thread in threads:
            thread.join()
        figures["live"] = [visitor.figures() for visitor in visitors]
    time.sleep(AFTERWARDS)
    figures["after"] = ask_status(url)
    for name in ("memory_mb", "threads", "open_files", "visitors"):
        figures[name] = [state[name] for state in curve]
    figures["most_waiting"] = max((state["queue"]["waiting"] for state in curve), default=0)
    return load.figures() | figures


class Browsers:
    """Chromiums with a rendered camera picture, while the body runs; nothing is started without live visitors."""

    def __init__(self, wanted: int, scratch: Path):
        self._wanted, self._video = wanted, scratch / "camera.mjpeg"

    def __enter__(self):
        if self._wanted:
            write_video(self._video)
            self._playwright = sync_playwright().start()
        return self

    def launched(self):
        """A new one; a context manager that ends it."""
        camera = [*FAKE_CAMERA, f"--use-file-for-fake-video-capture={self._video}"]
        switches = [*chromium.SWITCHES, "--disable-gpu", *camera]
        return self._playwright.chromium.launch(executable_path=chromium.path(), args=switches)

    def __exit__(self, *_):
        if self._wanted:
            self._playwright.stop()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--uploaders", type=int, default=8)
    options.add_argument("--live", type=int, default=2)
    options.add_argument("--minutes", type=float, default=3)
    options.add_argument("--arrivals", type=float, default=0, help="visits a second")
    options.add_argument("--open-files", type=int, help="soft limit of the server's open files")
    o = options.parse_args()
    if o.uploaders > MOST_UPLOADERS or o.live > MOST_LIVE or o.minutes > MOST_MINUTES or o.arrivals > MOST_ARRIVALS:
        options.error(f"at most {MOST_UPLOADERS} uploaders, {MOST_LIVE} live visitors, {MOST_ARRIVALS} arrivals a second and {MOST_MINUTES} minutes")
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    with tempfile.TemporaryDirectory() as scratch:
        if o.open_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (o.open_files, usual[1]))  # the server takes it over
        server = AppServer(Path(scratch) / "server.log", {"POINTILLIST_STATUS": "1"})
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        try:
            server.wait_until_ready(PATIENCE)
            figures = run(server.url, o.uploaders, o.live, o.minutes, o.arrivals, Path(scratch))
            figures["complaints_in_log"] = server.log().count("Traceback")
        finally:
            server.stop()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
