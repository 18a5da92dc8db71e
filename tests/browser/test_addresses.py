"""Addresses of what the pages show: they can be passed on, and a reload keeps them."""

import pytest

from tests.browser.live_page import SECONDS

pytestmark = pytest.mark.browser


def test_an_example_has_an_address_that_survives_a_reload(page, app_url):
    page.get_by_role("button", name="Wave", exact=True).click(timeout=60 * SECONDS)
    page.wait_for_url("**/?photo=wave", timeout=60 * SECONDS)
    page.reload()
    page.get_by_role("img", name="The photo with its landmarks.").wait_for(timeout=60 * SECONDS)
    page.get_by_text("wave.webp", exact=True).wait_for()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.wait_for_url(lambda url: "photo=" not in url, timeout=60 * SECONDS)


def test_tab_stage_and_network_have_addresses(page, app_url):
    page.goto(f"{app_url}/training?stage=3")
    page.get_by_role("heading", name="3 Feature extraction").wait_for(timeout=120 * SECONDS)
    page.get_by_role("button", name="Next stage").click()
    page.wait_for_url("**stage=4*", timeout=60 * SECONDS)
    page.goto(f"{app_url}/training?section=Training+trace&network=Face+landmarks")
    page.get_by_text("How the network that finds the points of faces was trained").wait_for(timeout=120 * SECONDS)
    page.reload()
    page.get_by_text("How the network that finds the points of faces was trained").wait_for(timeout=120 * SECONDS)
