"""What a visitor does on the live page, for the tests that drive it."""

FAKE_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
SECONDS = 1000  # playwright counts milliseconds
START = 150 * SECONDS  # what starting may take where other work keeps the machine busy


def choose_server(page) -> None:
    page.get_by_role("radio", name="On the server").or_(page.get_by_text("On the server", exact=True)).first.click()


def press_start(page, mode: str):
    """Starts the camera in the mode "device" | "server"; returns where its element is: the page or a frame in it."""
    place = page
    if mode == "server":
        choose_server(page)
        place = page.frame_locator('iframe[title*="webrtc"]')
    place.get_by_role("button", name="Start camera").click(timeout=START)
    return place


def start_on_device(page):
    """The live view, its network loaded and its camera running."""
    press_start(page, "device")
    page.get_by_role("button", name="Freeze").wait_for(timeout=START)
    return page.locator(".live")


def start_on_server(page):
    """The frame with the server's video, which comes some seconds later."""
    return press_start(page, "server")
