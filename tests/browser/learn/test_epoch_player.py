"""The player of the training trace, on a page of its own, with frames at times that this test decides."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

PARTS = Path(__file__).parents[3] / "pages" / "parts" / "shared"
LOAD = """
    async (source) => {
        document.body.innerHTML = '<button></button><label><input type="range"></label><output></output><div class="pictures"></div>';
        window.waiting = [];
        window.requestAnimationFrame = (step) => window.waiting.push(step);
        window.cancelAnimationFrame = () => { window.waiting = []; };
        window.frame = (time) => window.waiting.splice(0).forEach((step) => step(time));
        const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
        const epoch = (number) => ({ number, words: "made up", points: [[[10 * number, 0], [10 * number, 8]]] });
        const picture = { address: "data:,", kind: "hand", size: 64, truth: [[0, 0], [0, 8]], edges: [[0, 1]], colours: ["red", "red"] };
        module.default({ parentElement: document.body, data: { pictures: [picture], epochs: [1, 2, 3].map(epoch), moving: 0.1 } });
    }
"""


@pytest.fixture
def player(chromium):
    page = chromium.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.evaluate(LOAD, (PARTS / "epoch_player.js").read_text(encoding="utf-8"))
    yield page
    page.close()


def shown(player) -> str:
    return player.locator("output").inner_text()


def distance(player) -> float:
    return float(player.locator("canvas").get_attribute("aria-label").split("lie ")[1].split()[0])


@pytest.mark.parametrize("early", [0, 16, 5000])
def test_the_first_frame_may_lie_before_the_click(player, early):
    """A frame tells when it began, which may be before the click that asked for it. It is the beginning, whatever it says."""
    assert shown(player) == "Epoch 3 of 3: made up"
    player.get_by_role("button", name="Play").click()
    clicked = player.evaluate("performance.now()") - early
    player.evaluate("(time) => frame(time)", clicked)
    assert (shown(player), distance(player)) == ("Epoch 1 of 3: made up", 10)
    player.evaluate("(time) => frame(time)", clicked + 50)
    assert distance(player) == 15, "half a movement after half its time"
    player.evaluate("(time) => frame(time)", clicked + 100)
    assert (shown(player), distance(player)) == ("Epoch 2 of 3: made up", 20)
    player.evaluate("(time) => frame(time)", clicked + 210)
    assert (shown(player), distance(player)) == ("Epoch 3 of 3: made up", 30)
    assert player.get_by_role("button", name="Play").is_visible() and player.evaluate("waiting.length") == 0
    assert not player.errors


def test_a_hidden_tab_goes_on_where_it_was(player):
    player.get_by_role("button", name="Play").click()
    player.evaluate("frame(1000)")
    player.get_by_role("button", name="Pause").click()
    player.evaluate("frame(2000)")
    assert shown(player) == "Epoch 1 of 3: made up" and not player.errors
    player.get_by_role("slider").fill("1")
    assert shown(player) == "Epoch 2 of 3: made up"
