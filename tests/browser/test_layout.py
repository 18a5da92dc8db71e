"""What the first window shows, at three widths; and what axe-core reports of the pages."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from tests.browser.camera_video import EXAMPLES
from tests.browser.live_page import SECONDS
from tests.browser.photos_page import drawing, drop_zone, wait_for_another_drawing
from tests.browser.windows import SIZES, box

pytestmark = pytest.mark.browser

FOUND = "Two hands (one left and one right) and one face."
PAGES = {"": "Find hands and faces", "live": "Live camera", "training": "How it works"}  # address -> heading


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def window(page, request):
    """(page, width, height): the photos page in a window of that size."""
    width, height = request.param
    page.set_viewport_size({"width": width, "height": height})
    return page, width, height


@pytest.mark.parametrize("upright", [False, True], ids=["landscape", "portrait"])
def test_result_is_in_the_first_window(window, tmp_path, upright):
    page, width, height = window
    photo = EXAMPLES / "greeting.webp"
    if upright:
        photo = tmp_path / "upright.png"
        Image.open(EXAMPLES / "greeting.webp").crop((200, 0, 600, 600)).save(photo)
    drop_zone(page).set_input_files(photo)
    picture = page.get_by_role("img", name="The photo with its landmarks.")
    left, top, right, bottom = box(picture)
    assert 0 <= left and right <= width and 0 <= top and bottom <= height, "the whole picture"
    assert bottom - top <= 0.7 * height + 1
    natural = picture.evaluate("image => image.naturalWidth / image.naturalHeight")
    assert (right - left) / (bottom - top) == pytest.approx(natural, rel=0.02), "neither squeezed nor cut"
    *_, below = box(page.get_by_text("one face.", exact=False).first)
    assert below <= height, "the findings"
    if width > 1000:
        *_, below = box(page.get_by_text("Hand bones", exact=True))
        assert below <= height, "the layers"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_picture_stays_where_it_is(window):
    """When a layer is switched, and when another photo comes in."""
    page, _, _ = window
    to_top = """document.querySelector("[data-testid=stMain]").scrollTo(0, 0)"""
    drop_zone(page).set_input_files(EXAMPLES / "greeting.webp")
    picture = page.get_by_role("img", name="The photo with its landmarks.")
    page.get_by_text(FOUND).wait_for(timeout=60 * SECONDS)
    before, points = box(picture), drawing(page)
    page.get_by_text("Boxes", exact=True).click()
    wait_for_another_drawing(page, points)
    page.evaluate(to_top)
    assert box(picture) == pytest.approx(before, abs=1)
    drop_zone(page).set_input_files(EXAMPLES / "hands.webp")
    page.get_by_text("2 photos").wait_for(timeout=60 * SECONDS)
    page.evaluate(to_top)
    assert box(picture) == pytest.approx(before, abs=1)


def test_an_example_is_pressed_and_its_points_show(window):
    """The picture itself, not only its title, can be pressed."""
    page, _, height = window
    picture = page.get_by_role("img", name="A woman in a living room waves with her right hand.")
    left, top, right, bottom = box(picture)
    assert bottom <= height, "examples are in the first window"
    page.mouse.click((left + right) / 2, (top + bottom) / 2)
    page.get_by_text("One hand (right) and one face.").wait_for(timeout=60 * SECONDS)


def test_pages_are_reached_without_a_menu(window):
    page, width, _ = window
    expect(page.locator(".brand")).to_have_text("Pointillist", timeout=60 * SECONDS)
    expect(page.locator(".st-key-pages").get_by_role("link")).to_have_count(len(PAGES))
    assert box(page.locator(".st-key-pages"))[2] <= width
    page.get_by_role("link", name="Live camera").click()
    expect(page.get_by_role("heading", name="Live camera")).to_be_visible(timeout=60 * SECONDS)
    expect(page.locator(".brand")).to_be_visible()


def test_lines_are_short(page):
    """About 75 characters a line: the widest line of text, over the mean width of a letter in it."""
    page.set_viewport_size({"width": 1440, "height": 900})
    intro = page.get_by_text("21 points on every hand")
    left, _, right, _ = box(intro)
    letter = intro.evaluate(
        """element => {
          const pen = document.createElement("canvas").getContext("2d");
          pen.font = getComputedStyle(element).font;
          return pen.measureText(element.textContent).width / element.textContent.length;
        }"""
    )
    assert (right - left) / letter <= 76


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_reports_nothing_serious(chromium, app_url, theme):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=theme)
    page = context.new_page()
    for address, heading in PAGES.items():
        page.goto(f"{app_url}/{address}")
        page.get_by_role("heading", level=1, name=heading).wait_for(timeout=60 * SECONDS)
        page.wait_for_timeout(3 * SECONDS)  # a page comes in piece by piece
        assert bad(page) == []
        if not address:
            drop_zone(page).set_input_files(EXAMPLES / "greeting.webp")
            page.get_by_text(FOUND).wait_for(timeout=60 * SECONDS)
            box(page.get_by_text("Example pictures"))
            assert bad(page) == []
            page.get_by_text("Correct the points").click()
            page.locator("svg[role=application]").wait_for(timeout=60 * SECONDS)  # the picture above is one too, once its script is there
            page.get_by_label("Hand or face").select_option(label="Face")
            assert bad(page) == []
    context.close()


def bad(page) -> list[str]:
    """Serious and critical findings, and headings out of order."""
    found = Axe().run(page).response["violations"]
    return [
        f"{finding['id']}: {node['html']}"
        for finding in found
        for node in finding["nodes"]
        if finding["impact"] in ("serious", "critical") or finding["id"] == "heading-order"
    ]
