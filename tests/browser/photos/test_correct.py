"""A visitor corrects points in a real Chromium: by mouse, by keyboard, and takes the corrections along."""

import json
import re
import zipfile

import pytest

from tests.browser.camera_video import EXAMPLES
from tests.browser.live_page import SECONDS

pytestmark = pytest.mark.browser


@pytest.fixture
def editor(page):
    """The picture with points, of a photo of two hands and a face."""
    page.get_by_role("heading", name="Find hands and faces").wait_for(timeout=60 * SECONDS)
    page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(EXAMPLES / "greeting.webp")
    page.get_by_text("Two hands (one left and one right) and one face.").wait_for(timeout=60 * SECONDS)
    page.get_by_text("Correct the points").click()
    editor = page.get_by_role("application", name="Photo with the points to correct")
    editor.wait_for(timeout=30 * SECONDS)
    page.wait_for_function(
        "async () => { const image = document.createElement('img'); const shown = [...document.querySelectorAll('*')]"
        ".map((each) => each.shadowRoot?.querySelector('svg image')).find(Boolean);"
        "if (!shown) return false; image.src = shown.href.baseVal; await image.decode(); return image.naturalWidth === 800; }",
        timeout=30 * SECONDS,
    )
    return editor


def chosen(editor) -> tuple[float, float]:
    """Where the chosen point is, pixels of the photo."""
    x, y = re.search(r"(-?[\d.]+), (-?[\d.]+)$", editor.get_attribute("aria-label")).groups()
    return float(x), float(y)


def on_screen(editor, x: float, y: float) -> tuple[float, float]:
    at = editor.evaluate("(svg, [x, y]) => { const p = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM()); return [p.x, p.y]; }", [x, y])
    return at[0], at[1]


def choose(page, instance: str, point: str) -> None:
    page.get_by_label("Hand or face").select_option(label=instance)
    page.get_by_label("Point", exact=True).select_option(label=point)


def drag(page, editor, start: tuple[float, float], end: tuple[float, float]) -> None:
    """As a person does it, who watches the point and not the pointer: the page may still be coming in, and move under the pointer or away from it."""
    for _ in range(6):
        drag_once(page, editor, start, end)
        start = chosen(editor)
        if start == pytest.approx(end, abs=0.5):
            break
        page.wait_for_timeout(1 * SECONDS)


def drag_once(page, editor, start: tuple[float, float], end: tuple[float, float]) -> None:
    editor.scroll_into_view_if_needed()
    places = [editor.bounding_box()]
    while len(places) < 6 or places[-1] != places[-6]:
        page.wait_for_timeout(100)
        places.append(editor.bounding_box())
    x, y = start
    page.mouse.move(*on_screen(editor, x, y))
    page.mouse.down()
    for fraction in (0.5, *[1.0] * 10):
        at = chosen(editor)
        wanted = [a + fraction * (b - a) for a, b in zip(start, end)]
        x, y = x + wanted[0] - at[0], y + wanted[1] - at[1]
        page.mouse.move(*on_screen(editor, x, y))
        if fraction == 1 and chosen(editor) == pytest.approx(end, abs=0.5):
            break
    page.mouse.up()


def wait_for(page, condition, seconds: float = 30) -> None:
    for _ in range(int(10 * seconds)):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen in time")


def exported(page) -> dict:
    with page.expect_download(timeout=30 * SECONDS) as event:
        page.get_by_role("link", name="Download the corrections (ZIP)").click()
    with zipfile.ZipFile(event.value.path()) as archive:
        assert archive.testzip() is None and archive.read("corrections/images/greeting.webp") == (EXAMPLES / "greeting.webp").read_bytes()
        return json.loads(archive.read("corrections/annotations.json"))


def test_a_point_by_mouse_and_by_keyboard_undo_and_the_zip(page, editor):
    choose(page, "Right hand", "8 index finger tip")
    start = chosen(editor)
    target = start[0] + 30, start[1] - 40
    drag(page, editor, start, target)
    assert chosen(editor) == pytest.approx(target, abs=1.0)
    page.get_by_text("Corrected: one hand or face").wait_for(timeout=30 * SECONDS)
    dragged = chosen(editor)

    editor.press("n")
    choose_next = chosen(editor)
    assert "middle finger mcp" in editor.get_attribute("aria-label")
    for _ in range(3):
        editor.press("ArrowRight")
    editor.press("Shift+ArrowDown")
    nudged = chosen(editor)
    assert nudged[0] > choose_next[0] and nudged[1] - choose_next[1] > 2 * (nudged[0] - choose_next[0])
    page.get_by_role("button", name="It is a left hand").click()
    page.get_by_text("now a left hand").wait_for(timeout=30 * SECONDS)

    page.get_by_role("button", name="Redo").and_(page.locator(":disabled")).wait_for(timeout=30 * SECONDS)
    page.get_by_role("button", name="Undo").click()  # the side
    page.get_by_role("button", name="Redo").and_(page.locator(":enabled")).wait_for(timeout=30 * SECONDS)
    for _ in range(4):  # the nudges: one step, or several where the keys came slowly
        before = chosen(editor)
        editor.press("Control+z")
        wait_for(page, lambda before=before: chosen(editor) != before)
        if chosen(editor) == choose_next:
            break
    assert chosen(editor) == choose_next

    table = exported(page)
    hand = next(annotation for annotation in table["annotations"] if annotation["corrected"])
    assert hand["handedness"] == "right" and hand["keypoints"][24:26] == pytest.approx(dragged, abs=0.06)
    assert hand["keypoints"][27:29] == pytest.approx(choose_next, abs=0.06)
    assert [annotation["corrected"] for annotation in table["annotations"]].count(True) == 1
    assert not page.errors


def test_a_face_s_neighbours_move_along_and_corrections_outlast_another_page(page, editor):
    choose(page, "Face", "1 nose bridge 6")
    start = chosen(editor)
    page.get_by_label("Point", exact=True).select_option(label="4 nose bridge 5")
    neighbour = chosen(editor)
    choose(page, "Face", "1 nose bridge 6")
    drag(page, editor, start, (start[0] + 20, start[1]))
    page.get_by_text("Corrected: one hand or face").wait_for(timeout=30 * SECONDS)
    page.get_by_label("Point", exact=True).select_option(label="4 nose bridge 5")
    assert 2 < chosen(editor)[0] - neighbour[0] < 20, "a neighbour moves, but less"
    page.get_by_label("Point", exact=True).select_option(index=10)
    page.get_by_role("link", name="Live camera").click()
    page.get_by_role("heading", name="Live camera").wait_for(timeout=30 * SECONDS)
    page.get_by_role("link", name="Photos").click()
    page.get_by_text("Correct the points").wait_for(timeout=30 * SECONDS)
    if not editor.is_visible():
        page.get_by_text("Correct the points").click()
    page.get_by_text("Corrected: one hand or face").wait_for(timeout=30 * SECONDS)
    choose(page, "Face", "1 nose bridge 6")
    assert chosen(editor)[0] == pytest.approx(start[0] + 20, abs=1.0)
    assert not page.errors


def test_a_hand_is_removed_and_added_by_a_box_without_a_mouse(page, editor):
    choose(page, "Right hand", "0 wrist")
    wrist = chosen(editor)
    page.get_by_role("button", name="Remove this detection").click()
    page.get_by_text("one false detection removed").wait_for(timeout=30 * SECONDS)
    page.get_by_role("button", name="Add a missed hand").click()
    for _ in range(20):
        editor.press("ArrowLeft")
    for _ in range(4):
        editor.press("ArrowDown")
    for _ in range(2):
        editor.press("Shift+ArrowRight")
    editor.press("Shift+ArrowDown")
    editor.press("Enter")
    page.get_by_text("The network is").wait_for(timeout=30 * SECONDS)
    page.get_by_label("Point", exact=True).select_option(label="0 wrist")
    assert chosen(editor) == pytest.approx(wrist, abs=40)
    assert not page.errors
