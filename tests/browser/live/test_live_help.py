"""What the live page says when a camera, a connection or a browser cannot do what it needs: always what to do."""

import pytest
from playwright.sync_api import expect

from tests.browser.live_page import FAKE_CAMERA, SECONDS, START, choose_server, press_start, start_on_device

pytestmark = pytest.mark.browser

both_modes = pytest.mark.parametrize("mode", ["device", "server"])


def says(page, sentence: str) -> None:
    expect(page.get_by_text(sentence).first).to_be_visible(timeout=START)


@both_modes
def test_camera_denied(launch_chromium, visit, mode):
    # A fake camera without the fake permission dialogue: headless Chromium denies.
    page = visit(launch_chromium("--use-fake-device-for-media-stream", "--deny-permission-prompts"))
    press_start(page, mode)
    says(page, "The camera was not allowed. Allow it for this page")


@both_modes
def test_no_camera(launch_chromium, visit, mode):
    page = visit(launch_chromium("--use-fake-ui-for-media-stream"))
    press_start(page, mode)
    says(page, "No camera was found. Connect one")


@both_modes
def test_camera_in_use(camera_chromium, visit, mode):
    """The error is made up, as Chromium reports a camera that another program holds; fake cameras never are."""
    in_use = """navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException("Could not start video source", "NotReadableError");
    };"""
    page = visit(camera_chromium, script=in_use)
    press_start(page, mode)
    says(page, "The camera is in use by another program. Close that program")


@both_modes
def test_insecure_origin(launch_chromium, visit, app_url, mode):
    browser = launch_chromium(*FAKE_CAMERA, "--host-resolver-rules=MAP pointillist.test 127.0.0.1")
    page = visit(browser, app_url.replace("localhost", "pointillist.test"))
    press_start(page, mode)
    says(page, "Browsers give the camera only to pages opened over HTTPS (or on localhost). Open this page with https://")


NO_CONNECTION = "No picture comes through from your camera. A firewall or router is probably in between"

# Server and browser learn of no address where the other can be reached (192.0.2.1 is nobody's: RFC 5737).
UNREACHABLE = r"""{
    const { addEventListener: listen, setRemoteDescription: receive } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.addEventListener = function (type, ...rest) {
        if (type === "connectionstatechange") listen.call(this, type, () => (top.connection = this.connectionState));
        if (type !== "icecandidate") listen.call(this, type, ...rest);
    };
    RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
        const elsewhere = sdp.replace(/(a=candidate:(?:\S+ ){4})\S+/g, (_, before) => before + "192.0.2.1");
        return receive.call(this, { type, sdp: elsewhere });
    };
}"""


def test_udp_blocked(launch_chromium, visit):
    """A Chromium that may not send UDP, as behind a strict firewall, has no address to offer."""
    page = visit(launch_chromium(*FAKE_CAMERA, "--webrtc-ip-handling-policy=disable_non_proxied_udp"))
    press_start(page, "server")
    says(page, NO_CONNECTION)
    says(page, "The mode “On this device” needs no connection.")


def test_connection_fails(camera_chromium, visit):
    """ICE tries until the browser gives up; what to do stays on the page, also after that."""
    page = visit(camera_chromium, script=UNREACHABLE)
    press_start(page, "server")
    says(page, NO_CONNECTION)
    page.wait_for_function("window.connection === 'failed'", timeout=START)
    page.wait_for_timeout(5 * SECONDS)
    says(page, NO_CONNECTION)


OLD = {
    "WebAssembly with SIMD": "WebAssembly.validate = () => false;",
    "module workers": "window.Worker = class { terminate() {} };",
    "OffscreenCanvas": "delete window.OffscreenCanvas;",
    "video frame callbacks": "delete HTMLVideoElement.prototype.requestVideoFrameCallback;",
}


@pytest.mark.parametrize("lacking", OLD)
def test_old_browser(chromium, visit, lacking):
    """It says what is missing and points to the server, which needs none of these."""
    page = visit(chromium, script=OLD[lacking])
    says(page, f"This browser is too old to run the network on this device (it lacks {lacking})")
    says(page, "Choose “On the server”.")
    choose_server(page)
    start = page.frame_locator('iframe[title*="webrtc"]').get_by_role("button", name="Start camera")
    expect(start).to_be_visible(timeout=START)
    expect(page.get_by_text("too old")).not_to_be_visible()


def test_browser_without_webrtc(camera_chromium, visit):
    """It says so and points to this device, where the camera works without."""
    page = visit(camera_chromium, script="delete window.RTCPeerConnection; delete window.webkitRTCPeerConnection;")
    choose_server(page)
    says(page, "This browser cannot send the camera's picture: WebRTC is missing or switched off.")
    page.get_by_text("On this device", exact=True).first.click()
    start_on_device(page)


# `ends`: how many frames end the worker that gets them, without a word, as a browser does that needs its memory.
MORTAL = """
    window.ends = 0;
    const send = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...others) {
        send.call(this, message, ...others);
        if (message.type === "frame" && window.ends && window.ends--) this.terminate();
    };
"""


def test_a_worker_that_dies_is_reported_and_started_again(camera_chromium, visit):
    page = visit(camera_chromium, script=MORTAL)
    view = start_on_device(page)
    expect(view).to_have_attribute("data-hands", "1", timeout=START)
    page.evaluate("ends = 1")
    says(page, "The network stopped (the browser ended it) and is started again …")
    expect(page.get_by_text("The network stopped")).not_to_be_visible(timeout=START)
    view.evaluate("(view) => { view.dataset.hands = 'none yet'; }")
    expect(view).to_have_attribute("data-hands", "1", timeout=START)


def test_a_worker_that_dies_again_and_again(camera_chromium, visit):
    page = visit(camera_chromium, script=MORTAL)
    view = start_on_device(page)
    expect(view).to_have_attribute("data-hands", "1", timeout=START)
    page.evaluate("ends = 2")
    says(page, "The live view stopped: the browser ended it. Close other tabs, then start the camera again.")
    view.evaluate("(view) => { view.dataset.hands = 'none yet'; }")
    start_on_device(page)
    expect(view).to_have_attribute("data-hands", "1", timeout=START)


def test_pictures_that_cannot_be_read(camera_chromium, visit):
    """One is dropped; if none can be read the page says so."""
    page = visit(camera_chromium, script="window.decode = createImageBitmap;")
    view = start_on_device(page)
    page.evaluate("() => { window.createImageBitmap = async () => { window.createImageBitmap = decode; throw new Error('lost'); }; }")
    page.wait_for_function("createImageBitmap === decode")
    view.evaluate("(view) => { view.dataset.hands = 'none yet'; }")
    expect(view).to_have_attribute("data-hands", "1", timeout=START)
    page.evaluate("() => { window.createImageBitmap = async () => { throw new Error('lost'); }; }")
    says(page, "The camera's pictures cannot be read.")
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()
