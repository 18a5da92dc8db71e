"""The training page in a real Chromium: walked through by mouse, by keyboard and on a phone."""

import json
from urllib.parse import urlparse

import pytest

from model.training.run_log import TRACE
from tests.browser.live_page import SECONDS

pytestmark = pytest.mark.browser


@pytest.fixture
def lesson(page, app_url):
    """The training page; `page.hosts` collects whom it asks."""
    page.hosts = set()
    page.on("request", lambda request: page.hosts.add(urlparse(request.url).hostname))
    page.goto(f"{app_url}/training")
    page.get_by_role("tab", name="Data flow").wait_for(timeout=90 * SECONDS)
    return page


def section(page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def stage(page, name: str):
    return page.get_by_role("list", name="The five stages").get_by_role("button", name=name)


def pixels(page, selector: str) -> str:
    return page.locator(selector).first.evaluate("canvas => canvas.toDataURL()")


def test_the_five_stages_by_mouse(lesson):
    lesson.get_by_role("heading", name="1 Input image").wait_for(timeout=60 * SECONDS)
    for number, name in enumerate(("Preprocessing", "Feature extraction", "Landmark regression head", "Postprocessing"), 2):
        stage(lesson, name).click()
        lesson.get_by_role("heading", name=f"{number} {name}").wait_for(timeout=30 * SECONDS)
        assert stage(lesson, name).get_attribute("aria-pressed") == "true"
    lesson.get_by_text("photo pixel").wait_for()
    assert not lesson.errors
    assert lesson.hosts <= {"localhost", None, ""}, "the page asked another host"


def test_the_five_stages_by_keyboard(lesson):
    lesson.get_by_role("heading", name="1 Input image").wait_for(timeout=60 * SECONDS)
    stage(lesson, "Input image").focus()
    lesson.keyboard.press("Tab")
    lesson.keyboard.press("Enter")
    lesson.get_by_role("heading", name="2 Preprocessing").wait_for(timeout=30 * SECONDS)


def test_next_stage_comes_into_view_and_the_cards_stay(lesson):
    lesson.set_viewport_size({"width": 1024, "height": 768})
    lesson.get_by_role("heading", name="1 Input image").wait_for(timeout=60 * SECONDS)
    for heading in ("2 Preprocessing", "3 Feature extraction", "4 Landmark regression head"):
        lesson.get_by_role("button", name="Next stage").click()
        lesson.get_by_role("heading", name=heading).wait_for(timeout=30 * SECONDS)
        lesson.wait_for_function(
            """([cards, heading]) => {
                const [above, own] = [cards.getBoundingClientRect(), heading.getBoundingClientRect()];
                return above.top >= 0 && above.bottom <= own.top && own.bottom < 0.7 * innerHeight;
            }""",
            arg=[lesson.get_by_role("list", name="The five stages").element_handle(), lesson.get_by_role("heading", name=heading).element_handle()],
            timeout=20 * SECONDS,
        )
    card = stage(lesson, "Preprocessing").inner_text()
    values = [line.split(" → ")[0].strip() for line in card.splitlines() if "→" in line]
    assert len(values) == len(set(values)) == 3


def test_inside_a_convolution_by_keyboard(lesson):
    lesson.get_by_role("heading", name="1 Input image").wait_for(timeout=60 * SECONDS)
    stage(lesson, "Feature extraction").click()
    cells = lesson.get_by_role("img", name="The arrow keys choose a cell.")
    cells.wait_for(timeout=30 * SECONDS)
    lesson.get_by_role("button", name="Map 3 of the first convolution").click()
    before = cells.get_attribute("aria-label")
    cells.focus()
    lesson.keyboard.press("ArrowUp")
    assert before.startswith("Map 3, ") and cells.get_attribute("aria-label") != before
    assert lesson.locator("table caption").all_inner_texts() == ["Window", "× Kernel", "= Products"]
    assert "ReLU: max(0, " in lesson.get_by_text("+ bias").inner_text()


def test_feature_maps_by_hover_tap_and_keyboard(lesson):
    lesson.get_by_role("heading", name="1 Input image").wait_for(timeout=60 * SECONDS)
    stage(lesson, "Feature extraction").click()
    maps = lesson.get_by_role("button", name="Feature map ")
    maps.first.wait_for(timeout=30 * SECONDS)
    assert maps.count() == 64
    title = lesson.locator(".explorer .title")
    assert ": responds most to the " in title.inner_text(), "a map that says something comes first"
    maps.nth(12).click()
    assert title.inner_text().startswith("Map 12: ")
    before = pixels(lesson, ".explorer canvas")
    lesson.keyboard.press("ArrowRight")
    assert title.inner_text().startswith("Map 13: ")
    lesson.keyboard.press("ArrowDown")
    assert title.inner_text().startswith("Map 21: ")
    assert pixels(lesson, ".explorer canvas") != before
    maps.nth(5).hover()
    assert title.inner_text().startswith("Map 5: ")
    lesson.locator(".explorer canvas").hover(position={"x": 100, "y": 100})
    assert title.inner_text().startswith("Map 21: "), "hovering chooses nothing"
    assert lesson.locator(".explorer .value").inner_text().startswith("Column ")


def test_epochs_slide_and_play(lesson):
    run = json.loads(TRACE.read_text())["hand"]
    section(lesson, "Training trace")
    slider = lesson.get_by_role("slider", name="Epoch")
    slider.wait_for(timeout=60 * SECONDS)
    pictures = lesson.get_by_role("img", name="the predicted points lie")
    pictures.first.wait_for(timeout=60 * SECONDS)  # the slider is there before the run is
    assert pictures.count() == len(run["pictures"])
    shown = lesson.locator("output").first
    last = len(run["epochs"])
    assert shown.inner_text().startswith(f"Epoch {last} of {last}")
    end = pictures.first.get_attribute("aria-label")

    slider.focus()
    lesson.keyboard.press("Home")
    assert shown.inner_text().startswith("Epoch 1 of ")
    assert slider.get_attribute("aria-valuetext").startswith("Epoch 1.")
    assert pictures.first.get_attribute("aria-label") != end
    lesson.keyboard.press("ArrowRight")
    assert shown.inner_text().startswith("Epoch 2 of ")

    lesson.get_by_role("button", name="Play").click()
    lesson.get_by_role("button", name="Pause").wait_for()
    lesson.get_by_role("button", name="Play").wait_for(timeout=60 * SECONDS)
    assert shown.inner_text().startswith(f"Epoch {last} of {last}")
    assert pictures.first.get_attribute("aria-label") == end
    assert not lesson.errors


def test_points_come_nearer_over_the_epochs(lesson):
    section(lesson, "Training trace")
    slider = lesson.get_by_role("slider", name="Epoch")
    slider.wait_for(timeout=60 * SECONDS)
    lesson.get_by_role("img", name="the predicted points lie").first.wait_for(timeout=60 * SECONDS)
    slider.focus()
    distances = {}
    for key in ("Home", "End"):
        lesson.keyboard.press(key)
        labels = lesson.get_by_role("img", name="the predicted points lie").evaluate_all(
            "pictures => pictures.map((picture) => picture.getAttribute('aria-label'))"
        )
        distances[key] = sum(float(label.split("lie ")[1].split()[0]) for label in labels)
    assert distances["End"] < 0.7 * distances["Home"]


def test_charts_are_drawn(lesson):
    section(lesson, "Training trace")
    lesson.get_by_role("slider", name="Epoch").wait_for(timeout=60 * SECONDS)
    charts = "[data-testid=stVegaLiteChart] :is(svg, canvas)"
    lesson.wait_for_function(f"document.querySelectorAll('{charts}').length >= 5", timeout=30 * SECONDS)
    assert lesson.hosts <= {"localhost", None, ""}, "the page asked another host"


def test_layers_and_their_times(lesson):
    section(lesson, "Prediction trace")
    lesson.get_by_text("Layer 2: Convolutional feature extraction: ").wait_for(timeout=120 * SECONDS)
    assert lesson.get_by_text("could not be timed").count() == 0


def test_quiz_by_keyboard(lesson):
    section(lesson, "Quiz")
    question = lesson.get_by_role("radiogroup", name="What does the feature extraction stage mainly do?")
    question.wait_for(timeout=60 * SECONDS)
    question.get_by_role("radio").first.focus()
    lesson.keyboard.press("Space")
    check = lesson.get_by_role("button", name="Check").first
    lesson.wait_for_function("button => !button.disabled", arg=check.element_handle(), timeout=20 * SECONDS)
    check.focus()
    lesson.keyboard.press("Enter")
    lesson.get_by_text("Right. Its convolutions answer to edges").wait_for(timeout=20 * SECONDS)
    lesson.get_by_text("Score: 1 of").wait_for()
    assert lesson.get_by_role("tab", name="Quiz").get_attribute("aria-selected") == "true"
    lesson.get_by_role("button", name="Try again").click()
    lesson.get_by_text("Score: 0 of").wait_for(timeout=20 * SECONDS)


def test_phone_width_needs_no_sideways_scrolling(lesson):
    lesson.set_viewport_size({"width": 360, "height": 740})
    last = {  # what comes last in a section
        "Training trace": "What this run shows", "Prediction trace": "Layer 4: Postprocessing", "Train it yourself": "Train",
        "Quiz": "Score: 0 of", "Data flow": "Next stage",
    }  # fmt: skip
    for name, shown in last.items():
        section(lesson, name)
        lesson.get_by_role("tab", name=name, selected=True).wait_for(timeout=60 * SECONDS)
        lesson.get_by_role("tabpanel", name=name).get_by_text(shown).last.wait_for(timeout=120 * SECONDS)
        lesson.get_by_text("Glossary").wait_for(timeout=60 * SECONDS)
        assert lesson.evaluate("document.documentElement.scrollWidth") <= 360, name
        wide = lesson.evaluate(
            "[...document.querySelectorAll('[data-testid=stMain] img, [data-testid=stMain] canvas, [data-testid=stMain] button')]"
            ".filter((part) => part.offsetParent && !part.closest('[role=tablist], [data-testid=stDataFrame]'))"
            ".filter((part) => part.getBoundingClientRect().right > innerWidth).map((part) => part.outerHTML.slice(0, 80))"
        )
        assert not wide, name


def test_the_demo_training_runs_survives_a_page_change_and_stops(lesson):
    section(lesson, "Train it yourself")
    lesson.get_by_role("button", name="Train").click()
    running = lesson.get_by_text("Epoch 1 of 5, ")
    running.wait_for(timeout=180 * SECONDS)  # PyTorch starts, the pictures are drawn, then the steps are counted
    assert "loss" in running.inner_text()
    lesson.get_by_role("link", name="Photos").click()
    lesson.get_by_role("link", name="How it works").click()
    section(lesson, "Train it yourself")
    lesson.get_by_text("of 5, ").wait_for(timeout=60 * SECONDS)
    lesson.get_by_role("button", name="Stop").click()
    lesson.get_by_text("Stopped after").wait_for(timeout=60 * SECONDS)
    assert lesson.get_by_role("button", name="Train again").is_visible()
    assert not lesson.errors
