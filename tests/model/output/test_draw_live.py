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


@pytest.mark.parametrize("scale", [1.0, 2.0], ids=["thin lines", "thick lines"])
@pytest.mark.parametrize("layer", ["skeleton", "contours", "mesh", "points"])
def test_strokes_are_those_of_a_photo(result, layer, scale):
    """The sum of all ink within a quarter: widths come in steps of two pixels here. Faces have no points."""
    size = round(result.width * scale), round(result.height * scale)
    instances = [[replace(each, landmarks=each.landmarks * scale, sigma=each.sigma * scale) for each in kind] for kind in (result.hands, result.faces)]
    given = replace(result, width=size[0], height=size[1], hands=tuple(instances[0]), faces=tuple(instances[1]) if layer != "points" else ())
    layers = Layers(**{name: name == layer for name in ("skeleton", "contours", "mesh", "points", "labels")})
    grey = np.full((size[1], size[0], 3), GREY, np.uint8)
    live, photo = (np.abs(drawing(grey, given, layers).astype(int) - GREY).sum() for drawing in (draw_live, draw))
    assert live == pytest.approx(photo, rel=0.25)
