"""The live page at three widths: picture left and controls right within one window; on a phone below each other, start in view."""

import pytest
from playwright.sync_api import expect

from tests.browser.live_page import START, press_start
from tests.browser.windows import SIZES, box

pytestmark = pytest.mark.browser


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def window(camera_chromium, visit, request):
    """(page, width, height): the live page in a window of that size."""
    page = visit(camera_chromium)
    width, height = request.param
    page.set_viewport_size({"width": width, "height": height})
    return page, width, height


def test_picture_and_controls_are_in_one_window(window):
    page, width, height = window
    start = page.get_by_role("button", name="Start camera")
    assert box(start)[3] <= height, "start is in view"
    press_start(page, "device")
    page.get_by_role("button", name="Freeze").wait_for(timeout=START)
    expect(page.get_by_text("frames per second")).to_be_visible(timeout=START)
    left, top, right, bottom = box(page.locator(".stage"))
    assert 0 <= left and right <= width and 0 <= top and bottom <= height, "the whole picture"
    stop = box(page.get_by_role("button", name="Stop camera"))
    record = box(page.get_by_role("button", name="Record a clip"))
    assert record[3] <= height and record[2] <= width
    figures = box(page.get_by_text("frames per second"))
    assert bottom <= stop[1] and stop[3] <= height and figures[3] <= height
    for control in (page.get_by_text("Face mesh"), page.get_by_role("slider", name="Minimum confidence"), page.get_by_text("Mirror", exact=True)):
        beside = box(control)
        if width > 1000:
            assert beside[0] >= right and beside[3] <= height, "beside the picture"
        else:
            assert beside[1] >= bottom, "below the picture"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_states_are_shown_on_the_picture(launch_chromium, visit):
    page = visit(launch_chromium("--use-fake-ui-for-media-stream"))
    press_start(page, "device")
    alert = page.get_by_role("alert").filter(has_text="No camera was found")
    expect(alert).to_be_visible(timeout=START)
    picture, message = box(page.locator(".stage")), box(alert)
    assert picture[0] <= message[0] and message[2] <= picture[2] and picture[1] <= message[1] and message[3] <= picture[3] + 1
