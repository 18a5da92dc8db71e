"""The picture that answers: a landmark pointed at or reached by the keyboard says what it is; zoom, before and after, three dimensions."""

import json
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.camera_video import EXAMPLES
from tests.browser.live_page import SECONDS
from tests.browser.photos_page import download, drawing, drop_zone, wait_for_another_drawing

pytestmark = pytest.mark.browser

TIP = 8  # of the index finger


@pytest.fixture
def result(page) -> dict:
    """The page shows greeting.webp; its JSON document, as the page gives it."""
    drop_zone(page).set_input_files(EXAMPLES / "greeting.webp")
    stage(page).wait_for(timeout=60 * SECONDS)
    page.get_by_text("Two hands (one left and one right) and one face.").wait_for(timeout=60 * SECONDS)
    return json.loads(download(page, "JSON").path().read_text())


def stage(page):
    return page.get_by_role("application", name="Landmarks of 3 hands and faces")


def tip(page):
    return page.locator(".tip")


def place(page, landmark) -> tuple[float, float]:
    """Of a landmark in photo pixels: x and y in the window."""
    box = stage(page).bounding_box()
    return box["x"] + (landmark[0] + 0.5) * box["width"] / 800, box["y"] + (landmark[1] + 0.5) * box["height"] / 600


def left_hand(result) -> dict:
    return next(hand for hand in result["hands"] if hand["handedness"] == "left")


def test_a_landmark_answers_to_the_mouse(page, result):
    hand = left_hand(result)
    page.mouse.move(*place(page, hand["landmarks"][TIP]))
    expect(tip(page)).to_contain_text("Index finger tip")
    expect(tip(page)).to_contain_text("Point 8 · Left hand")
    x, y, z = (float(number.replace("−", "-")) for number in re.search(r"x (\S+) · y (\S+) · z (\S+) px", tip(page).inner_text()).groups())
    assert (x, y, z) == pytest.approx(hand["landmarks"][TIP], abs=0.06)
    expect(tip(page)).to_contain_text(f"Expected error ± {hand['sigma'][TIP]:.1f} px")
    left, top = place(page, [20, 20])
    page.mouse.move(left, top)
    expect(tip(page)).to_be_hidden()


def test_a_pressed_landmark_stays(page, result):
    page.mouse.click(*place(page, left_hand(result)["landmarks"][TIP]))
    page.mouse.move(*place(page, [20, 20]))
    expect(tip(page)).to_contain_text("Index finger tip")
    page.mouse.click(*place(page, [20, 20]))
    expect(tip(page)).to_be_hidden()


def test_every_landmark_is_reached_by_the_keyboard(page, result):
    stage(page).focus()
    for key in ("Escape", "ArrowRight"):  # the focus itself may have chosen the first one
        page.keyboard.press(key)
    expect(tip(page)).to_contain_text("Point 0 · Left hand")
    page.keyboard.press("ArrowRight")
    expect(tip(page)).to_contain_text("Point 1 · Left hand")
    page.keyboard.press("ArrowDown")
    expect(tip(page)).to_contain_text("Wrist")
    expect(tip(page)).to_contain_text("Right hand")
    page.keyboard.press("ArrowLeft")
    expect(tip(page)).to_contain_text("Pinky tip")
    page.keyboard.press("ArrowDown")
    expect(tip(page)).to_contain_text("Point 0 · Face")
    page.keyboard.press("Escape")
    expect(tip(page)).to_be_hidden()


def test_zoom_by_buttons_and_wheel(page, result):
    scale = "image => new DOMMatrix(getComputedStyle(image).transform).a"
    image = stage(page).locator("img")
    before = drawing(page)
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    page.get_by_role("button", name="Zoom in").click()
    assert image.evaluate(scale) == pytest.approx(1.5)
    wait_for_another_drawing(page, before)
    page.get_by_role("button", name="Zoom out").click()
    assert image.evaluate(scale) == 1 and drawing(page) == before, "as it was"
    page.mouse.move(*place(page, left_hand(result)["landmarks"][TIP]))
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(500)
    assert image.evaluate(scale) == 1, "without the focus the page scrolls"
    page.evaluate("""document.querySelector("[data-testid=stMain]").scrollTo(0, 0)""")
    page.mouse.click(*place(page, left_hand(result)["landmarks"][TIP]))
    page.mouse.wheel(0, -300)
    expect(page.get_by_role("button", name="Zoom out")).to_be_enabled()
    assert image.evaluate(scale) > 1.5
    expect(tip(page)).to_contain_text("Index finger tip")


def test_before_and_after(page, result):
    slider = page.get_by_role("slider", name="Without points")
    slider.fill("60")
    assert page.locator(".stage > canvas").evaluate("canvas => getComputedStyle(canvas).clipPath") == "inset(0px 0px 0px 60%)"
    expect(page.locator(".divider")).to_be_visible()
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".divider")).to_be_hidden()


def test_three_dimensions(page, result, tmp_path):
    """three.js comes only when it is asked for; the object turns by mouse and keyboard, and another one can be chosen."""
    scripts = []
    page.on("request", lambda request: scripts.append(request.url))
    page.get_by_role("button", name="3-D view").click()
    space = page.get_by_role("application", name="in three dimensions")
    space.wait_for(timeout=30 * SECONDS)
    assert any("solid_view" in url for url in scripts)
    assert "Left hand" in space.get_attribute("aria-label")
    page.wait_for_timeout(500)
    space.screenshot(path=tmp_path / "front.png")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(space).to_have_attribute("data-around", "0.60")
    space.screenshot(path=tmp_path / "side.png")
    front, side = (Image.open(tmp_path / name).convert("RGB") for name in ("front.png", "side.png"))
    assert front.tobytes() != side.tobytes()
    assert sum(max(pixel) > 90 for pixel in front.get_flattened_data()) > 2000, "something is drawn"
    box = space.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=4)
    page.mouse.up()
    assert float(space.get_attribute("data-around")) == pytest.approx(1.6, abs=0.1)
    page.get_by_role("combobox", name="Hand or face").select_option("Face")
    expect(page.get_by_role("application", name="Face in three dimensions")).to_have_attribute("data-around", "0.00")
    page.get_by_role("button", name="3-D view").click()
    expect(space).to_be_hidden()
    assert not page.errors


def test_a_finger_taps_a_landmark(chromium, app_url):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(app_url)
    drop_zone(page).set_input_files(EXAMPLES / "greeting.webp")
    stage(page).wait_for(timeout=60 * SECONDS)
    page.wait_for_timeout(2 * SECONDS)
    box = stage(page).bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.75)
    expect(tip(page)).to_contain_text("Face")
    tip_box = tip(page).bounding_box()
    assert box["x"] <= tip_box["x"] and tip_box["x"] + tip_box["width"] <= box["x"] + box["width"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
