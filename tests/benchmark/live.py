"""The live page's figures: python -m tests.benchmark.live [--seconds 20] [--soak MINUTES]

Jitter and lag of the tracker on the rendered camera video (Python; the browser's filter and tracker are tested to be
equal), then both modes in a headless Chromium beside the server on this machine: frames per second, latency from the
camera to the drawn points, and with --soak the server's memory over that many minutes of live use. Prints each of
them as a line of JSON as soon as it is known.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from export.browser import chromium
from tests.browser.camera_video import BITS, FRAMES, SQUARE, WIDTH, frame, truth, write_video
from tests.conftest import AppServer

RATE = 30  # frames per second of the fake camera
NOISE = 2.0  # grey levels, a decent webcam in daylight


def follow(moving: bool, frames: int = 120) -> list[np.ndarray | None]:
    """The smoothed hand (21, 2) of each frame, None where there was none."""
    from model import Landmarker, Tracker

    tracker = Tracker(Landmarker())
    hands = []
    for number in range(frames):
        rgb = np.ascontiguousarray(frame(number, moving, NOISE)[:, :, ::-1])
        result = tracker.update(rgb, number / RATE)
        hands.append(result.hands[0].landmarks[:, :2] if result.hands else None)
    return hands


def jitter() -> float:
    """Root mean square movement of the points of a still hand around their mean, as a share of its size."""
    hands = [hand for hand in follow(moving=False)[30:] if hand is not None]  # the first second settles
    points = np.stack(hands)
    return float(np.sqrt(((points - points.mean(0)) ** 2).sum(-1).mean()) / truth(0, False).hand_size)


def lag() -> float:
    """Frames by which the drawn hand follows the true one: the shift at which the two motions agree best."""
    hands = follow(moving=True)
    held = [number for number in range(30, len(hands)) if hands[number] is not None]
    drawn = np.stack([hands[number].mean(0) for number in held])

    def disagreement(shift: float) -> float:
        low = np.floor(np.array(held) - shift).astype(int)
        part = (np.array(held) - shift - low)[:, None]
        centres = np.stack([truth(number).hand.mean(0) for number in range(-10, FRAMES)])
        true = centres[low + 10] * (1 - part) + centres[low + 11] * part
        apart = drawn - true
        return float(((apart - apart.mean(0)) ** 2).sum())  # a constant offset is no lag

    return float(min(np.arange(-1, 6, 0.1), key=disagreement))


def on_device(page, url: str, seconds: float) -> dict:
    page.goto(f"{url}/live")
    page.get_by_role("button", name="Start camera").click(timeout=120_000)
    page.get_by_role("button", name="Freeze").wait_for(timeout=120_000)
    page.wait_for_timeout(5000)
    view = page.locator(".live")
    seen = []
    for _ in range(int(seconds)):
        page.wait_for_timeout(1000)
        seen.append(view.evaluate("(element) => ({ ...element.dataset })"))
    return {
        "fps_median": float(np.median([float(figures["fps"]) for figures in seen])),
        "latency_ms_median": float(np.median([float(figures["latency"]) for figures in seen])),
        "held_both_share": float(np.mean([figures["hands"] == "1" and figures["faces"] == "1" for figures in seen])),
        "engine": view.locator(".engine").inner_text(),
    }


# In the page: reads the frame numbers of the camera and of the server's answer at the same moments.
COMPARE = """async ({ seconds, bits, square, width }) => {
    const own = document.createElement("video");
    own.muted = true;
    own.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    await own.play();
    const theirs = [...document.querySelectorAll("iframe")]
        .map((frame) => frame.contentDocument?.querySelector("video")).find(Boolean);
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const number = (video) => {
        [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
        context.drawImage(video, 0, 0);
        const scale = video.videoWidth / width;
        let value = 0;
        for (let bit = 0; bit < bits; bit++) {
            const [red] = context.getImageData((bit + 0.5) * square * scale, 0.5 * square * scale, 1, 1).data;
            value |= (red > 127) << bit;
        }
        return value;
    };
    const pairs = [];
    const first = theirs.getVideoPlaybackQuality().totalVideoFrames;
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
        pairs.push([number(own), number(theirs)]);
        await new Promise((next) => setTimeout(next, 50));
    }
    const frames = theirs.getVideoPlaybackQuality().totalVideoFrames - first;
    for (const track of own.srcObject.getTracks()) track.stop();
    return { pairs, frames };
}"""


def start_on_server(page, url: str) -> None:
    page.goto(f"{url}/live")
    page.get_by_text("On the server", exact=True).click(timeout=120_000)
    page.get_by_text("Mirror", exact=True).click()
    frame = page.frame_locator('iframe[title*="webrtc"]')
    frame.get_by_role("button", name="Start camera").click(timeout=120_000)
    page.get_by_text("frames per second").wait_for(timeout=120_000)
    page.wait_for_timeout(5000)
    frame.locator("video").wait_for()


def on_server(page, url: str, seconds: float) -> dict:
    start_on_server(page, url)
    given = {"seconds": seconds, "bits": BITS, "square": SQUARE, "width": WIDTH}
    found = page.evaluate(COMPARE, given)
    late = [(camera - answer) % FRAMES for camera, answer in found["pairs"]]
    metrics = [" ".join(text.split()) for text in page.get_by_text("frames per second").all_inner_texts()]
    return {
        "video_fps": found["frames"] / seconds,
        "latency_ms_p50": float(np.median(late)) / RATE * 1000,
        "latency_ms_p95": float(np.percentile(late, 95)) / RATE * 1000,
        "page_shows": metrics,
    }


def memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def soak(page, url: str, pid: int, minutes: float) -> list[float]:
    """The server's resident memory in MB, every 10 seconds of server mode."""
    start_on_server(page, url)
    curve = []
    for _ in range(int(minutes * 6) + 1):
        curve.append(round(memory_mb(pid), 1))
        page.wait_for_timeout(10_000)
    if not page.get_by_text("frames per second").is_visible():
        raise RuntimeError(f"The stream ended during the soak; memory so far: {curve}")
    return curve


def tell(name: str, figure) -> None:
    print(json.dumps({name: figure}), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--soak", type=float, default=0, metavar="MINUTES")
    o = options.parse_args()
    from playwright.sync_api import sync_playwright

    tell("jitter_share_of_hand", round(jitter(), 5))
    tell("lag_frames", round(lag(), 1))
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        video = Path(scratch) / "camera.mjpeg"
        write_video(video)
        server = AppServer(Path(scratch) / "server.log")
        try:
            server.wait_until_ready(120)
            switches = [
                "--disable-gpu",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={video}",
            ]
            browser = playwright.chromium.launch(executable_path=chromium.path(), args=[*chromium.SWITCHES, *switches])
            for name, measure in (("on_device", on_device), ("on_server", on_server)):
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                tell(name, measure(page, server.url, o.seconds))
                page.close()
                time.sleep(3)
            if o.soak:
                tell("server_memory_mb", soak(browser.new_page(), server.url, server.pid, o.soak))
            browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
