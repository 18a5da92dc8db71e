"""Photos that are analysed in the visitor's own browser: they are bounded, freed, removed one by one, and survive a worker that dies."""

import base64
import csv
import io
import json
import struct
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import expect

from pages.parts.album.photo_list import MOST_PHOTOS
from tests.browser.camera_video import EXAMPLES
from tests.browser.live_page import SECONDS, START

pytestmark = pytest.mark.browser

# Every picture that the page decodes, every address it gives to a picture, every worker; `ends(number)`: whether the worker
# that gets the photo of this number, from 0, is ended at that moment, without a word, as a browser does that needs its memory.
WATCH = """
    window.bitmaps = [];
    window.addresses = new Set();
    window.photos = 0;
    window.ends = () => false;
    const decode = createImageBitmap;
    window.createImageBitmap = async (...given) => {
        const bitmap = await decode(...given);
        window.bitmaps.push(bitmap);
        return bitmap;
    };
    const [give, take] = [URL.createObjectURL, URL.revokeObjectURL];
    URL.createObjectURL = (content) => {
        const address = give.call(URL, content);
        if (content.type.startsWith("image/")) window.addresses.add(address);
        return address;
    };
    URL.revokeObjectURL = (address) => (window.addresses.delete(address), take.call(URL, address));
    const send = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...others) {
        send.call(this, message, ...others);
        if (message.type === "photo" && window.ends(window.photos++)) this.terminate();
    };
"""


@pytest.fixture
def visitor(chromium, app_url):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(app_url)
    page.get_by_text("Process on my device").first.click(timeout=START)
    page.locator(".drop").wait_for(timeout=START)
    yield page
    context.close()


def choose(page, *photos) -> None:
    page.locator(".drop input").set_input_files(list(photos))


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as files:
        for name, data in members:
            files.writestr(name, data)
    return bytearray(content.getvalue())


def choose_zip(page, content: bytes) -> None:
    choose(page, {"name": "photos.zip", "mimeType": "application/zip", "buffer": bytes(content)})


def saved(page, button: str) -> bytes:
    with page.expect_download(timeout=30 * SECONDS) as event:
        page.get_by_role("button", name=button).first.click()
    return event.value.path().read_bytes()


def found(page, name: str) -> None:
    expect(page.get_by_role("heading", name=f"{name}: 2 hands, 1 face")).to_be_visible(timeout=START)


def test_photos_are_freed_and_can_be_removed(visitor, tmp_path):
    large = tmp_path / "large.jpg"
    Image.open(EXAMPLES / "greeting.webp").resize((3200, 2400)).save(large)
    choose(visitor, large, EXAMPLES / "hands.webp", EXAMPLES / "greeting.webp")
    found(visitor, "large.jpg")
    found(visitor, "greeting.webp")  # the last one
    assert visitor.evaluate("bitmaps.length") == 3
    assert visitor.evaluate("bitmaps.every((bitmap) => bitmap.width === 0)"), "decoded pixels are kept"
    article = visitor.locator("article", has_text="large.jpg")
    shown = article.get_by_role("img", name="The photo with its landmarks: 2 hands, 1 face.")
    assert shown.evaluate("(image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight])") == [1280, 960]

    with visitor.expect_download(timeout=30 * SECONDS) as event:
        article.get_by_role("button", name="Save PNG").click()
    with Image.open(event.value.path()) as picture:
        assert picture.size == (3200, 2400), "a saved picture has the photo's own size"
    visitor.wait_for_function("bitmaps.every((bitmap) => bitmap.width === 0)")

    visitor.get_by_role("button", name="Remove hands.webp").click()
    expect(visitor.locator("article")).to_have_count(2)
    expect(visitor.get_by_text("hands.webp")).to_have_count(0)
    visitor.get_by_role("button", name="Remove all photos").click()
    expect(visitor.locator("article")).to_have_count(0)
    expect(visitor.get_by_role("button", name="Remove all photos")).to_be_hidden()
    kept = visitor.evaluate("[...addresses].length")
    assert kept <= 1, "only the file that was offered for download, for some seconds"
    choose(visitor, EXAMPLES / "greeting.webp")
    found(visitor, "greeting.webp")


def test_photos_of_a_zip_are_taken_in_and_the_rest_is_counted(visitor):
    photo, other = (EXAMPLES / "greeting.webp").read_bytes(), (EXAMPLES / "hands.webp").read_bytes()
    content = packed(
        ("holiday/day 1/a.webp", photo), ("holiday/b.webp", other), ("__MACOSX/holiday/._a.webp", b"x"), ("holiday/.DS_Store", b"x"),
        ("notes.txt", b"x"), ("bomb.png", bytes(200_000_000)), ("empty/", b""),
    )  # fmt: skip
    choose_zip(visitor, content)
    found(visitor, "a.webp")
    expect(visitor.locator("article[data-hands]", has_text="b.webp")).to_be_visible(timeout=START)
    expect(visitor.locator("article")).to_have_count(2)
    expect(visitor.get_by_text("Of the ZIP 2 files were skipped: 1 is no photo or video, 1 is too large.")).to_be_visible()


def test_a_zip_that_is_damaged_or_lies_is_reported(visitor):
    photo = (EXAMPLES / "greeting.webp").read_bytes()
    stored = packed(("a.webp", photo), ("b.webp", photo + b" "), method=zipfile.ZIP_STORED)
    damaged = stored.copy()
    damaged[damaged.index(photo) + 20] ^= 255
    choose_zip(visitor, damaged)
    expect(visitor.get_by_text("Of the ZIP 1 file was skipped: 1 is damaged.")).to_be_visible(timeout=START)
    expect(visitor.locator("article")).to_have_count(1)
    choose_zip(visitor, stored[:60])
    expect(visitor.get_by_text("The ZIP is damaged: nothing of it could be taken in.")).to_be_visible(timeout=START)
    encrypted = packed(("c.webp", photo))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(signature) + place] |= 1
    choose_zip(visitor, encrypted)
    expect(visitor.get_by_text("Of the ZIP 1 file was skipped: 1 is encrypted.")).to_be_visible(timeout=START)
    choose_zip(visitor, packed(("c.webp", photo), method=zipfile.ZIP_LZMA))
    expect(visitor.get_by_text("1 is packed in an unusual way.")).to_be_visible(timeout=START)
    bomb = packed(("d.webp", bytes(100_000_000)))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", bomb, bomb.index(signature) + place, 1000)  # it unpacks to more than it says
    choose_zip(visitor, bomb)
    expect(visitor.get_by_text("Of the ZIP 1 file was skipped: 1 is damaged.")).to_be_visible(timeout=START)
    many = packed(("a.webp", photo))
    struct.pack_into("<I", many, many.rindex(b"PK\x05\x06") + 12, 2_000_000)
    choose_zip(visitor, many)
    expect(visitor.get_by_text("The ZIP holds too many files, or says so: nothing of it was taken in.")).to_be_visible(timeout=START)
    expect(visitor.locator("article")).to_have_count(1)


def test_photos_of_a_folder_are_taken_in(visitor, tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("a.webp", "deep/b.webp", "deep/notes.txt", ".hidden.webp"):
        (tmp_path / name).write_bytes((EXAMPLES / "greeting.webp").read_bytes())
    with visitor.expect_file_chooser() as event:
        visitor.get_by_role("button", name="Choose a folder").click()
    event.value.set_files(tmp_path)
    found(visitor, "a.webp")
    found(visitor, "b.webp")
    expect(visitor.locator("article")).to_have_count(2)


def test_a_photo_that_is_dropped_is_taken_in(visitor):
    photo = base64.b64encode((EXAMPLES / "greeting.webp").read_bytes()).decode()
    visitor.locator(".drop").evaluate(
        """(zone, text) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], "dropped.webp"));
            zone.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        }""",
        photo,
    )
    found(visitor, "dropped.webp")


def test_points_are_saved_for_label_tools(visitor):
    choose(visitor, EXAMPLES / "greeting.webp", EXAMPLES / "hands.webp")
    found(visitor, "greeting.webp")
    expect(visitor.locator("article[data-hands]", has_text="hands.webp")).to_be_visible(timeout=START)
    article = visitor.locator("article", has_text="greeting.webp")
    with zipfile.ZipFile(io.BytesIO(saved(article.page, "Save YOLO-pose"))) as files:
        assert {name.split("/")[0] for name in files.namelist()} == {"hands", "faces"}
    with zipfile.ZipFile(io.BytesIO(saved(article.page, "Save Label Studio"))) as files:
        assert set(files.namelist()) == {"tasks.json", "interface.xml"}
    with zipfile.ZipFile(io.BytesIO(saved(visitor, "Save all points (ZIP)"))) as files:
        assert files.testzip() is None
        labels = {name: files.read(name).decode() for name in files.namelist() if name.startswith("yolo/hands/labels/")}
        assert {name: text.count("\n") for name, text in labels.items()} == {"yolo/hands/labels/greeting.txt": 2, "yolo/hands/labels/hands.txt": 2}
        assert len(json.loads(files.read("label_studio/tasks.json"))) == 2
        assert len(json.loads(files.read("coco.json"))["images"]) == 2
        assert {row["photo"] for row in csv.DictReader(io.StringIO(files.read("landmarks.csv").decode()))} == {"greeting.webp", "hands.webp"}
        assert len(files.read("landmarks.jsonl").splitlines()) == 2


def test_uploaded_photos_come_along(visitor):
    """They are analysed here, and the server keeps them until they are removed there."""
    switch = visitor.get_by_text("Process on my device").first
    switch.click()
    upload = visitor.locator("[class*=st-key-photos_] input[type=file]")
    upload.set_input_files([EXAMPLES / "hands.webp", EXAMPLES / "greeting.webp"])
    expect(visitor.get_by_text("2 photos")).to_be_visible(timeout=START)
    switch.click()
    found(visitor, "greeting.webp")
    expect(visitor.locator("article[data-hands]", has_text="hands.webp")).to_be_visible(timeout=START)
    expect(visitor.get_by_text("2 photos that you uploaded are in the server's memory")).to_be_visible()
    visitor.get_by_role("button", name="Remove from the server").click()
    expect(visitor.get_by_text("that you uploaded")).to_have_count(0)
    expect(visitor.locator("article[data-hands]")).to_have_count(2)
    switch.click()
    expect(visitor.get_by_text("Try an example")).to_be_visible(timeout=START)


def test_an_example_comes_to_the_device(visitor):
    """Pressed again after it was removed it comes again."""
    for _ in range(2):
        visitor.get_by_role("button", name="Wave").click()
        expect(visitor.get_by_role("heading", name="wave.webp: 1 hand, 1 face")).to_be_visible(timeout=START)
        visitor.get_by_role("button", name="Remove wave.webp").click()
        expect(visitor.locator("article")).to_have_count(0)


def test_photos_are_bounded(visitor):
    files = [{"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"} for number in range(MOST_PHOTOS + 1)]
    choose(visitor, *files)
    expect(visitor.get_by_text(f"the limit is {MOST_PHOTOS} photos. Remove some and add the rest.")).to_be_visible()
    expect(visitor.locator("article")).to_have_count(MOST_PHOTOS)
    expect(visitor.get_by_text(f"{MOST_PHOTOS - 1}.jpg: this browser cannot open it as a picture")).to_be_visible()
    visitor.get_by_role("button", name="Remove 3.jpg").click()
    choose(visitor, EXAMPLES / "greeting.webp")
    found(visitor, "greeting.webp")


def test_an_example_beyond_the_bound_is_refused_in_words(visitor):
    files = [{"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"} for number in range(MOST_PHOTOS)]
    choose(visitor, *files)
    expect(visitor.locator("article")).to_have_count(MOST_PHOTOS)
    limit = visitor.get_by_text(f"the limit is {MOST_PHOTOS} photos. Remove some and add the rest.")
    expect(limit).to_be_hidden()
    visitor.get_by_role("button", name="Wave").click()
    expect(limit).to_be_visible(timeout=START)
    expect(visitor.locator("article")).to_have_count(MOST_PHOTOS)


def test_a_worker_that_dies_is_reported_and_started_again(visitor):
    visitor.evaluate("() => { ends = (number) => number === 1; }")
    choose(visitor, EXAMPLES / "greeting.webp")
    found(visitor, "greeting.webp")
    choose(visitor, EXAMPLES / "hands.webp", EXAMPLES / "group.webp")
    expect(visitor.get_by_role("status")).to_contain_text("The network stopped (the browser ended it) and is started again.", timeout=START)
    for name in ("hands.webp: 2 hands", "group.webp: "):
        expect(visitor.locator("article[data-hands]", has_text=name)).to_be_visible(timeout=START)
    assert visitor.evaluate("photos") == 4, "the photo that it died at was analysed again"


def test_a_photo_that_always_ends_the_worker_does_not_stop_the_rest(visitor):
    visitor.evaluate("() => { ends = (number) => number < 2; }")
    choose(visitor, EXAMPLES / "hands.webp", EXAMPLES / "greeting.webp")
    expect(visitor.get_by_text("hands.webp: the network stopped at this photo. Try a smaller copy of it")).to_be_visible(timeout=START)
    found(visitor, "greeting.webp")


def test_transparent_parts_are_white(visitor, tmp_path):
    """As on the server; not what the photo before them showed there."""
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (800, 600), (0, 0, 0, 0)).save(clear)
    choose(visitor, EXAMPLES / "greeting.webp", clear)  # of one size
    expect(visitor.get_by_role("heading", name="clear.png: 0 hands, 0 faces")).to_be_visible(timeout=START)
    pixel = (
        visitor.locator("article", has_text="clear.png")
        .get_by_role("img")
        .evaluate(
            """async (image) => {
            await image.decode();
            const context = new OffscreenCanvas(1, 1).getContext("2d");
            context.drawImage(image, 0, 0);
            return [...context.getImageData(0, 0, 1, 1).data];
        }"""
        )
    )
    assert min(pixel) > 250
