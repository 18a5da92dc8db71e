"""What a visitor does on the photos page, for the tests that drive it."""

import time

from tests.browser.live_page import SECONDS


def drop_zone(page):
    """The file input of the page's album, once the page is there."""
    page.get_by_role("heading", name="Find hands and faces").wait_for(timeout=60 * SECONDS)
    return page.locator("[class*=st-key-photos_] input[type=file]")


def download(page, name: str, role: str = "button"):
    """What the browser has saved after a press on the button, or link, of this name."""
    with page.expect_download(timeout=30 * SECONDS) as event:
        page.get_by_role(role, name=name, exact=True).first.click()
    assert event.value.failure() is None
    return event.value


def drawing(page) -> str:
    """What is drawn over the photo, as an address."""
    canvas = page.locator(".st-key-picture .stage > canvas")
    canvas.wait_for(timeout=30 * SECONDS)
    return canvas.evaluate("canvas => canvas.toDataURL()")


def wait_for_another_drawing(page, before: str) -> None:
    """Until other pixels than `before` (drawing) are there, at most 30 s."""
    deadline = time.monotonic() + 30
    while drawing(page) == before:
        assert time.monotonic() < deadline, "the drawing is as before"
        page.wait_for_timeout(100)
