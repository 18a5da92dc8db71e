"""A result drawn by Python and by the browser is the same picture: colours, widths and opacities, layer by layer."""

from dataclasses import replace

import numpy as np
import pytest

from model import Landmarker, Result
from model.output import draw as draw_module
from model.output.draw import Layers, draw
from model.output.serialize import to_json_document
from model.photo.image_file import open_photo
from tests.browser.camera_video import EXAMPLES
from tests.browser.runtime.test_runtime import as_picture, runtime

__all__ = ["runtime"]  # a fixture: pytest takes it from here
pytestmark = pytest.mark.browser

GREY = 128
LAYERS = ("skeleton", "contours", "mesh", "points", "boxes", "uncertain")
DRAW = """(async () => {
    const { result, layers, uncertain } = given;
    const context = new OffscreenCanvas(result.width, result.height).getContext("2d");
    context.fillStyle = "rgb(128, 128, 128)";
    context.fillRect(0, 0, result.width, result.height);
    draw.draw(context, { ...result, uncertain }, { layers });
    const { data } = context.getImageData(0, 0, result.width, result.height);
    return text(data);
})()"""


@pytest.fixture(scope="module")
def result() -> Result:
    """Two hands and a face, one of the hands drawn faint in part, as its expected error is large."""
    found = Landmarker(threads=1).detect(open_photo(EXAMPLES / "greeting.webp"))
    first, *others = found.hands
    doubtful = replace(first, sigma=(np.linspace(0, 0.2, 21) * first.size).astype(np.float32))
    return replace(found, hands=(doubtful, *others))


def both(runtime, result: Result, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """The layer alone on a grey photo: (H, W, 3) uint8 by Python, and by the browser."""
    chosen = {name: name == layer for name in LAYERS[:-1]} | {"labels": False}
    if layer == "uncertain":
        result = Result(result.width, result.height, (), (), {}, uncertain=(*result.hands, *result.faces))
    document = to_json_document("", result)
    uncertain = [{"kind": each.kind, "score": each.score, "landmarks": each.landmarks.tolist(), "sigma": each.sigma.tolist()} for each in result.uncertain]
    given = {"result": document, "layers": chosen, "uncertain": uncertain}
    shape = (result.height, result.width)
    ours = draw(np.full((*shape, 3), GREY, np.uint8), result, Layers(**chosen, uncertain=layer == "uncertain"))
    return ours, as_picture(runtime(DRAW, given), (*shape, 4))[..., :3]


def differences(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Of two drawings on grey: the mean difference where either has ink, in grey levels; the relative difference of all ink."""
    ours, theirs = ours.astype(int) - GREY, theirs.astype(int) - GREY
    inked = (np.abs(ours) > 8).any(-1) | (np.abs(theirs) > 8).any(-1)
    return float(np.abs(ours - theirs)[inked].mean()), float(np.abs(ours).sum() / np.abs(theirs).sum() - 1)


@pytest.mark.parametrize("layer", LAYERS)
def test_both_draw_the_same(runtime, result, layer):
    """Smooth edges may differ a little: the browser's renderer is another one than OpenCV's. Dashes have more edges than lines."""
    level, ink = differences(*both(runtime, result, layer))
    most_level, most_ink = (14, 0.16) if layer == "uncertain" else (9, 0.12)
    assert level < most_level and abs(ink) < most_ink, (level, ink)


@pytest.mark.parametrize("change", [{"width": draw_module.BONE["width"] * 1.3}, {"halo": 2.6}, {"halo_ink": 0.8}], ids=["width", "halo", "ink"])
def test_another_style_would_be_noticed(runtime, result, monkeypatch, change):
    monkeypatch.setattr(draw_module, "BONE", draw_module.BONE | change)
    level, ink = differences(*both(runtime, result, "skeleton"))
    assert level >= 9 or abs(ink) >= 0.12, (level, ink)
