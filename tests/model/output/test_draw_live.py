"""The drawing of live pictures beside that of photos: the same strokes, within what its fewer passes cost."""

from dataclasses import replace

import numpy as np
import pytest

from model import Landmarker
from model.output.draw import Layers, draw
from model.output.draw_live import draw_live
from model.photo.image_file import open_photo
from tests.benchmark.truth.rendered import EXAMPLES

GREY = 128


@pytest.fixture(scope="module")
def result():
    return Landmarker(threads=1).detect(open_photo(EXAMPLES / "greeting.webp"))


@pytest.mark.parametrize("scales", [(0.9, 1.0, 1.1, 1.2, 1.3), (1.8, 1.9, 2.0)], ids=["thin lines", "thick lines"])
@pytest.mark.parametrize("layer", ["skeleton", "contours", "mesh", "points"])
def test_strokes_are_those_of_a_photo(result, layer, scales):
    """The sum of all ink within a quarter, over several sizes: widths come in steps of two pixels here. Faces have no points."""
    layers = Layers(**{name: name == layer for name in ("skeleton", "contours", "mesh", "points", "labels")})
    live = photo = 0
    for scale in scales:
        width, height = round(result.width * scale), round(result.height * scale)
        hands, faces = (
            tuple(replace(each, landmarks=each.landmarks * scale, sigma=each.sigma * scale) for each in kind) for kind in (result.hands, result.faces)
        )
        given = replace(result, width=width, height=height, hands=hands, faces=faces if layer != "points" else ())
        grey = np.full((height, width, 3), GREY, np.uint8)
        live += np.abs(draw_live(grey, given, layers).astype(int) - GREY).sum()
        photo += np.abs(draw(grey, given, layers).astype(int) - GREY).sum()
    assert live == pytest.approx(photo, rel=0.25)
