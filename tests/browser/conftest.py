"""Visitors of the live page, with cameras that show a rendered hand and face."""

import pytest

from tests.browser.camera_video import write_video
from tests.browser.live_page import FAKE_CAMERA, START

# Keeps every stream that the page opens where a test can see it.
WATCH_STREAMS = """
    window.streams = [];
    const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
    if (ask) navigator.mediaDevices.getUserMedia = async (wish) => {
        const stream = await ask(wish);
        window.streams.push(stream);
        return stream;
    };
"""


@pytest.fixture(scope="session")
def camera_chromium(launch_chromium, tmp_path_factory):
    """A Chromium with a camera that shows the video of camera_video.py."""
    video = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    write_video(video)
    return launch_chromium(*FAKE_CAMERA, f"--use-file-for-fake-video-capture={video}")


@pytest.fixture
def visit(app_url):
    """Function (browser, url=the app's, script="") -> a new visitor's page at the live page; closed after the test.

    script: JavaScript that every document of this visitor runs first.
    """
    contexts = []

    def visit(browser, url: str = app_url, script: str = ""):
        context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
        contexts.append(context)
        context.add_init_script(WATCH_STREAMS)
        context.add_init_script(script)
        page = context.new_page()
        page.goto(f"{url}/live")
        page.get_by_role("heading", name="Live camera").wait_for(timeout=START)
        return page

    yield visit
    for context in contexts:
        context.close()
