"""Visitors of a server that falls silent or is started anew: the page recovers by itself, or says what to do."""

import os
import signal

import pytest
from playwright.sync_api import expect

from tests.browser.camera_video import EXAMPLES
from tests.browser.live_page import SECONDS, START, start_on_device, start_on_server
from tests.conftest import AppServer

pytestmark = pytest.mark.browser

BROKEN_OFF = "The connection to the server broke off. Connecting again …"


@pytest.fixture
def server(tmp_path):
    """A server of this test's own."""
    server = AppServer(tmp_path / "server.log")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def restart(server: AppServer) -> None:
    server.kill()
    server.start()
    server.wait_until_ready()


def wait_for_new_stream(page, frame) -> None:
    """Until the page has seen pictures of it, and some more have come since."""
    expect(page.get_by_text(BROKEN_OFF)).not_to_be_visible(timeout=START)
    expect(page.get_by_text("frames per second")).to_be_visible(timeout=START)
    shown = "(video) => video.getVideoPlaybackQuality().totalVideoFrames"
    before = frame.locator("video").evaluate(shown)
    for _ in range(START // SECONDS):
        page.wait_for_timeout(1 * SECONDS)
        if frame.locator("video").evaluate(shown) > before + 3:
            return
    raise AssertionError("no new pictures")


def test_silent_for_a_while(server, camera_chromium, visit):
    """Longer than the browser waits: it ends the stream, the page starts it again."""
    page = visit(camera_chromium, server.url)
    frame = start_on_server(page)
    expect(page.get_by_text("frames per second")).to_be_visible(timeout=START)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        expect(page.get_by_text(BROKEN_OFF)).to_be_visible(timeout=START)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    wait_for_new_stream(page, frame)
    frame.get_by_role("button", name="Stop camera").click()
    expect(frame.get_by_role("button", name="Start camera")).to_be_visible(timeout=START)
    page.wait_for_timeout(3 * SECONDS)
    expect(frame.get_by_role("button", name="Start camera")).to_be_visible()  # what the visitor stops stays stopped
    expect(page.get_by_text(BROKEN_OFF)).not_to_be_visible()


def test_restarted_under_a_stream(server, camera_chromium, visit):
    page = visit(camera_chromium, server.url)
    frame = start_on_server(page)
    expect(page.get_by_text("frames per second")).to_be_visible(timeout=START)
    restart(server)
    expect(page.get_by_text(BROKEN_OFF)).to_be_visible(timeout=START)
    wait_for_new_stream(page, frame)


def test_restarted_under_a_view_on_the_device(server, camera_chromium, visit):
    """It needs no server once it is loaded, and its settings work again when the server is back."""
    page = visit(camera_chromium, server.url)
    view = start_on_device(page)
    server.kill()
    expect(view).to_have_attribute("data-hands", "1", timeout=START)
    server.start()
    server.wait_until_ready()
    expect(page.get_by_test_id("stStatusWidget")).not_to_be_visible(timeout=START)
    page.get_by_text("Face mesh").click()
    page.wait_for_timeout(3 * SECONDS)
    assert page.evaluate("streams.length") == 1 and page.evaluate("streams[0].active")
    expect(page.get_by_role("button", name="Freeze")).to_be_visible()


def test_restarted_under_photos(server, chromium):
    """They were in the server's memory only: at the next click the page says so, and takes them in again."""
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(server.url)
    photos = page.locator("[class*=st-key-photos_] input[type=file]")
    photos.set_input_files([EXAMPLES / "greeting.webp"])
    found = page.get_by_text("Two hands (one left and one right) and one face.")
    expect(found).to_be_visible(timeout=START)
    restart(server)
    page.get_by_text("Boxes", exact=True).click(timeout=START)
    expect(page.get_by_text("Your photos are no longer on this server")).to_be_visible(timeout=START)
    expect(found).not_to_be_visible()
    expect(photos).to_have_count(1, timeout=START)  # until the run ends, the uploader of the page before stands beside the new one
    photos.set_input_files([EXAMPLES / "greeting.webp"])
    expect(found).to_be_visible(timeout=START)
    expect(page.get_by_text("Your photos are no longer on this server")).not_to_be_visible()
    page.context.close()
