"""A video on the upload page in a real Chromium: it plays, stands still where it should, and can be taken home."""

import json
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest

from model.photo.image_file import open_photo
from model.video.video_file import Video
from tests.browser.camera_video import EXAMPLES
from tests.browser.live_page import SECONDS
from tests.browser.photos_page import download, drop_zone
from tests.model.clips import clip, crossing, quarters

pytestmark = pytest.mark.browser


def drop(page, name: str, content: bytes) -> None:
    page.reload()
    drop_zone(page).set_input_files({"name": name, "mimeType": "video/mp4", "buffer": content})


def test_a_video_in_tracks_out(page):
    drop(page, "clip.mp4", clip(crossing(open_photo(EXAMPLES / "hands.webp"), 30)))
    page.get_by_text("Two hands and no faces.").wait_for(timeout=180 * SECONDS)
    player = page.locator("video")
    assert player.evaluate("video => new Promise(done => video.readyState ? done(video.videoWidth) : video.onloadeddata = () => done(video.videoWidth))") == 640
    assert player.evaluate("video => new Promise(done => { video.onseeked = () => done(video.currentTime); video.currentTime = 0.5; })") == pytest.approx(0.5)
    page.get_by_text("Frame by frame").click()
    page.get_by_role("img", name="Frame 0 with").wait_for(timeout=60 * SECONDS)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("img", name="Frame 1 with").wait_for(timeout=60 * SECONDS)

    with Video(download(page, "Video", "link").path()) as drawn:
        assert len(list(drawn)) == 30
    lines = [json.loads(line) for line in download(page, "JSON", "link").path().read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(30)) and lines[0]["video"] == "clip.mp4"
    assert len(pq.read_table(download(page, "Parquet", "link").path())) == 60
    assert len(download(page, "CSV", "link").path().read_text().splitlines()) == 1 + 60 * 21
    assert not page.errors


def test_a_frame_is_corrected_as_a_photo(page):
    drop(page, "clip.mp4", clip(crossing(open_photo(EXAMPLES / "hands.webp"), 12)))
    page.get_by_text("Two hands and no faces.").wait_for(timeout=180 * SECONDS)
    page.get_by_text("Frame by frame").click()
    page.get_by_role("img", name="Frame 0 with").wait_for(timeout=60 * SECONDS)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("img", name="Frame 1 with").wait_for(timeout=60 * SECONDS)
    page.get_by_role("button", name="Correct this frame").click()
    page.get_by_text("The frame is a photo now").wait_for(timeout=60 * SECONDS)
    page.get_by_text("clip.mp4, frame 1 (0.03 s).png").first.wait_for(timeout=60 * SECONDS)
    page.get_by_role("application", name="Photo with the points to correct").wait_for(timeout=60 * SECONDS)
    page.get_by_role("button", name="Remove this detection").click()
    page.get_by_text("one false detection removed").wait_for(timeout=30 * SECONDS)
    with zipfile.ZipFile(download(page, "Download the corrections (ZIP)", "link").path()) as archive:
        [table] = [name for name in archive.namelist() if name.endswith("annotations.json")]
        [image] = json.loads(archive.read(table))["images"]
        assert (image["width"], image["height"]) == (640, 480) and image["file_name"].endswith(".png")
        assert archive.read(f"corrections/images/{image['file_name']}").startswith(b"\x89PNG")
    assert not page.errors


def test_a_turned_video_stands_as_in_the_browser_itself(page):
    """Chromium and we read the same rotation from the metadata."""
    content = clip([quarters(128, 64)] * 3, rotation=90)
    with Video(content) as video:
        [ours, *_] = video
    page.set_content("<video></video><canvas></canvas>")
    theirs = page.evaluate(
        """bytes => new Promise((done, failed) => {
          const video = document.querySelector("video"), canvas = document.querySelector("canvas");
          video.onerror = () => failed(video.error.message);
          video.onseeked = () => {
            [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
            const drawing = canvas.getContext("2d");
            drawing.drawImage(video, 0, 0);
            done([canvas.width, canvas.height, ...drawing.getImageData(0, 0, canvas.width, canvas.height).data]);
          };
          video.onloadeddata = () => { video.currentTime = 0.01; };
          video.src = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: "video/mp4" }));
        })""",
        list(content),
    )
    width, height, *pixels = theirs
    assert (width, height) == (video.width, video.height) == (64, 128)
    assert np.abs(np.reshape(pixels, (height, width, 4))[..., :3].astype(int) - ours.rgb).mean() < 12
