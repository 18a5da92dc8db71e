"""The windows that every page must suit, and where an element stands in one."""

from tests.browser.live_page import SECONDS

SIZES = [(1440, 900), (1024, 768), (390, 844)]  # a desktop, a tablet, a phone


def box(element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom in pixels of the window, once the element stands still."""
    element.wait_for(timeout=60 * SECONDS)
    place = element.evaluate(
        """async element => {
          let [before, now] = [null, null];
          while (before === null || before !== now) {
            before = now;
            await new Promise((done) => setTimeout(done, 300));
            const { left, top, right, bottom } = element.getBoundingClientRect();
            now = JSON.stringify([left, top, right, bottom]);
          }
          return JSON.parse(now);
        }"""
    )
    return tuple(place)
