"""The script that shows how one number of a feature map is made, on a page of its own: its sums are the network's."""

from pathlib import Path

import numpy as np
import pytest

from export import parity
from export.graph import stem
from model.inference.network_file import WEIGHTS
from pages.parts.explore.convolution_explorer import convolution_data

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).parents[3] / "pages" / "parts" / "explore" / "convolution_explorer.js"
LOAD = """
    async ([source, data]) => {
        document.body.innerHTML = '<div class="maps"></div><canvas class="crop"></canvas><canvas class="map" tabindex="0"></canvas>'
            + '<div class="channels"></div><div class="tables"></div><p class="sum"></p>';
        const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
        module.default({ parentElement: document.body, data });
    }
"""
KIND = "hand"


@pytest.fixture(scope="module")
def layer() -> stem.Stem:
    return stem.read(WEIGHTS, KIND)


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    return parity.inputs(KIND)[0]


@pytest.fixture
def explorer(chromium, layer, crop):
    page = chromium.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    data = convolution_data(layer, crop, np.array([[3.0, 5.0]])) | {"first": {"map": 0, "row": 1, "column": 0}}
    page.evaluate(LOAD, [SCRIPT.read_text(encoding="utf-8"), data])
    yield page
    assert not page.errors
    page.close()


def sentence(explorer) -> str:
    return explorer.locator(".sum").inner_text().replace("−", "-")


def numbers(explorer, table: int) -> np.ndarray:
    cells = explorer.locator("table").nth(table).locator("td").all_inner_texts()
    return np.array([float(cell.replace("−", "-")) for cell in cells]).reshape(6, 6)


def test_every_cell_reached_by_keyboard_has_the_networks_value(explorer, layer, crop):
    maps = layer.maps(crop)
    explorer.locator(".map").focus()
    for key, row, column in (("ArrowRight", 1, 1), ("ArrowDown", 2, 1), ("ArrowLeft", 2, 0), ("ArrowLeft", 2, 0), ("ArrowUp", 1, 0)):
        explorer.keyboard.press(key)
        assert sentence(explorer).startswith(f"Column {column}, row {row}: ")
        assert float(sentence(explorer).removesuffix(".").split("= ")[-1]) == pytest.approx(maps[0, row, column], abs=1e-3)


def test_other_maps_by_pointer(explorer, layer, crop):
    maps = layer.maps(crop)
    for chosen in range(len(maps)):
        explorer.locator(".maps button").nth(chosen).click()
        explorer.locator(".map").hover(position={"x": 162, "y": 203})  # 5 pixels a cell
        assert sentence(explorer).startswith("Column 32, row 40: ")
        assert float(sentence(explorer).removesuffix(".").split("= ")[-1]) == pytest.approx(maps[chosen, 40, 32], abs=1e-3)


def test_window_times_kernel_gives_the_products_and_their_sum(explorer, layer, crop):
    explorer.locator(".map").click(position={"x": 162, "y": 203})
    for channel, name in enumerate(("red", "green", "blue")):
        explorer.locator(".channels button").nth(channel).click()
        window, kernel, products = (numbers(explorer, table) for table in range(3))
        assert window == pytest.approx(layer.windows(crop)[40, 32, channel], abs=0.006)
        assert kernel == pytest.approx(layer.weight[0, channel], abs=0.006)
        assert products == pytest.approx(layer.windows(crop)[40, 32, channel] * layer.weight[0, channel], abs=6e-4)
        shown = float(sentence(explorer).split(f"{name} ")[1].split()[0])
        assert shown == pytest.approx(products.sum(), abs=36 * 6e-4)
