"""The drawing: where the ink goes, how strong it is, and that it stays inside what it was given."""

from dataclasses import replace

import numpy as np
import pytest

from model.output.draw import FAINTEST, PLAIN_GROUND, UNCERTAIN_COLOUR, Layers, dashes, draw, label, opacity, uncertain_label
from model.runtime.geometry import ROI
from model.runtime.result import Face, Hand, Result
from model.runtime.topology import FINGERS, HAND_EDGES

NOTHING = Layers(skeleton=False, contours=False, mesh=False, points=False, labels=False)
GREY = 128


def photo(width=400, height=300) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def hand(centre=(200, 150), size=160, sigma=0.0) -> Hand:
    """An open hand: the wrist below, five straight fingers above."""
    x = np.zeros(21)
    y = np.zeros(21)
    for number, finger in enumerate(FINGERS):
        for joint, point in enumerate(finger.points):
            x[point] = (number - 2) * 0.2
            y[point] = -0.4 - 0.2 * joint
    points = np.stack([x, y + 0.5, np.zeros(21)], axis=1) * size + (*centre, 0)
    points = points.astype(np.float32)
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    box = (*map(float, low), *map(float, high - low))
    return Hand(points, 0.9, box, np.full(21, sigma, np.float32), "left", 0.97, ROI(*centre, size * 1.4))


def face(centre=(200, 150), size=160) -> Face:
    rng = np.random.default_rng(0)
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = rng.uniform(-size / 2, size / 2, (478, 2)) + centre
    box = (centre[0] - size / 2, centre[1] - size / 2, size, size)
    return Face(points, 0.99, box, np.zeros(478, np.float32), points[:68, :2].copy(), ROI(*centre, size * 1.4))


def result(*instances, width=400, height=300) -> Result:
    hands = tuple(instance for instance in instances if isinstance(instance, Hand))
    return Result(width, height, hands, tuple(instance for instance in instances if isinstance(instance, Face)), {})


def test_nothing_found_changes_nothing():
    rgb = photo()
    assert np.array_equal(draw(rgb, result()), rgb)


def test_all_layers_off_changes_nothing():
    rgb = photo()
    assert np.array_equal(draw(rgb, result(hand(), face()), NOTHING), rgb)


def test_the_given_picture_is_not_drawn_on():
    rgb = photo()
    draw(rgb, result(hand()))
    assert (rgb == GREY).all()


@pytest.mark.parametrize("layer", ["skeleton", "contours", "mesh", "points", "labels", "boxes", "numbers"])
def test_every_layer_draws_something(layer):
    drawn = draw(photo(), result(hand(), face()), replace(NOTHING, **{layer: True}))
    assert (drawn != GREY).any()


def test_photo_layer_off_leaves_a_plain_ground():
    drawn = draw(photo(), result(), Layers(photo=False))
    assert (drawn == [int(PLAIN_GROUND[i : i + 2], 16) for i in (1, 3, 5)]).all()


def test_dots_have_their_fingers_colour_at_the_point():
    one = hand(size=240)
    drawn = draw(photo(), result(one), replace(NOTHING, points=True))
    for finger in FINGERS:
        colour = [int(finger.colour[i : i + 2], 16) for i in (1, 3, 5)]
        for x, y in np.rint(one.landmarks[list(finger.points), :2]).astype(int):
            assert np.abs(drawn[y, x].astype(int) - colour).max() <= 2


def test_ink_is_centred_on_the_point():
    """Dots at sub-pixel places: the centre of gravity of the ink is where the point is."""
    one = hand(size=240)
    moved = replace(one, landmarks=one.landmarks + np.float32([0.3, -0.4, 0]))
    drawn = draw(photo(), result(moved), replace(NOTHING, points=True))
    ink = np.abs(drawn.astype(float) - GREY).sum(axis=2)
    x, y = moved.landmarks[8, :2]
    left, top = int(x) - 9, int(y) - 9
    patch = ink[top : top + 20, left : left + 20]
    rows, columns = np.mgrid[top : top + 20, left : left + 20]
    assert (columns * patch).sum() / patch.sum() == pytest.approx(x, abs=0.1)
    assert (rows * patch).sum() / patch.sum() == pytest.approx(y, abs=0.1)


def test_smaller_copy_of_the_photo_is_drawn_alike():
    """A drawing on a picture of half the size is the drawing on the full picture, halved."""
    found = result(hand(size=240))
    layers = replace(NOTHING, skeleton=True, points=True)
    full, half = draw(photo(), found, layers), draw(photo(200, 150), found, layers)
    halved = full.reshape(150, 2, 200, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - half).mean() < 1.5


def test_line_width_follows_the_size_of_the_hand():
    def inked(size):
        found = result(hand((800, 600), size), width=1600, height=1200)
        drawn = draw(photo(1600, 1200), found, replace(NOTHING, skeleton=True))
        return (drawn != GREY).any(axis=2).sum()

    assert inked(800) / inked(400) == pytest.approx(4, rel=0.15)  # twice as long and twice as wide


def test_lines_are_smooth():
    """Slanted edges have half-covered pixels, not only full ones."""
    one = hand()
    turned = one.landmarks.copy()
    turned[:, :2] = (turned[:, :2] - 200) @ np.float32([[0.9, 0.436], [-0.436, 0.9]]) + 200
    drawn = draw(photo(), result(replace(one, landmarks=turned)), replace(NOTHING, skeleton=True))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 100


def test_unsure_points_are_fainter_but_there():
    def ink(sigma):
        drawn = draw(photo(), result(hand(sigma=sigma)), replace(NOTHING, skeleton=True, points=True))
        return np.abs(drawn.astype(int) - GREY).sum()

    sure, unsure, lost = ink(0), ink(14), ink(100)
    assert sure > unsure > lost > 0


def test_opacity_range():
    strength = opacity(np.array([0.0, 3.0, 9.0, 15.0, 1e6]), 100)
    assert strength == pytest.approx([1, 1, (1 + FAINTEST) / 2, FAINTEST, FAINTEST])


def test_label_text():
    assert label(hand()) == "Hand 90 % · left 97 %"
    assert label(replace(hand(), handedness_score=0.55)) == "Hand 90 % · left or right?"
    assert label(face()) == "Face 99 %"
    assert uncertain_label(replace(hand(), score=0.234)) == "Uncertain hand 23 %" and uncertain_label(face()) == "Uncertain face 99 %"


class TestUncertain:
    UNCERTAIN = replace(NOTHING, uncertain=True)

    def test_it_is_drawn_on_demand_only(self):
        found = replace(result(), uncertain=(hand(), face()))
        assert (draw(photo(), found, Layers()) == GREY).all()
        bare = draw(photo(), found, self.UNCERTAIN)
        labelled = draw(photo(), found, replace(self.UNCERTAIN, labels=True))
        assert (bare != GREY).any() and (bare != labelled).any()

    def test_bones_are_dashed(self):
        """Along a bone there is ink and there are gaps, about half of each; a confident bone has no gap."""
        one = hand(size=280)
        start, end = one.landmarks[[0, 17], :2]
        x, y = np.rint(start + np.linspace(0.05, 0.95, 200)[:, None] * (end - start)).astype(int).T
        colour = [int(UNCERTAIN_COLOUR[i : i + 2], 16) for i in (1, 3, 5)]
        dashed = draw(photo(), replace(result(), uncertain=(one,)), self.UNCERTAIN)[y, x]
        full = draw(photo(), result(one), replace(NOTHING, skeleton=True))[y, x]
        inked = np.abs(dashed.astype(int) - colour).max(axis=1) < 40
        assert 0.3 < inked.mean() < 0.85 and np.abs(np.diff(inked.astype(int))).sum() >= 4
        assert (full != GREY).any(axis=1).all()

    def test_dashes_follow_a_path(self):
        corner = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)])
        ends = dashes(corner, 2.0)
        assert len(ends) == 12 and (ends[[0, -1]] == corner[[0, 2]]).all()
        assert (np.minimum(np.abs(ends[:, 1]), np.abs(ends[:, 0] - 10)) < 1e-9).all(), "all ends lie on the path"
        assert dashes(np.zeros((3, 2)), 2.0).shape == (2, 2), "a path of no length"


@pytest.mark.parametrize("centre, visible", [((0, 0), True), ((400, 300), True), ((-500, -500), False), ((5000, 150), False), ((200, 299), True)])
def test_objects_at_and_beyond_the_edge(centre, visible):
    """The part of them that lies in the picture is drawn as in a larger picture around this one. (Labels stay inside on purpose.)"""
    everything = Layers(mesh=True, boxes=True, numbers=True, labels=False)
    drawn = draw(photo(), result(hand(centre), face(centre)), everything)
    assert drawn.shape == (300, 400, 3) and drawn.dtype == np.uint8
    assert (drawn != GREY).any() == visible
    if visible:
        moved = centre[0] + 400, centre[1] + 300
        around = draw(photo(1200, 900), result(hand(moved), face(moved), width=1200, height=900), everything)
        apart = np.abs(drawn.astype(int) - around[300:600, 400:800]).max(axis=2)
        assert (apart > 24).sum() < 0.01 * (drawn != GREY).any(axis=2).sum(), "more than rounding to a sixteenth of a pixel"


def test_far_away_point_does_not_overflow():
    one = hand()
    far = one.landmarks.copy()
    far[8, :2] = 1e7, -1e7
    assert draw(photo(), result(replace(one, landmarks=far))).shape == (300, 400, 3)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
def test_tiny_pictures(size):
    """A picture smaller than a label: its hand is drawn, and nothing far from it."""
    width, height = size
    drawn = draw(photo(width, height), result(hand((0, 0), 2), width=width, height=height), Layers(boxes=True, numbers=True))
    assert drawn.shape == (height, width, 3) and drawn.dtype == np.uint8
    assert (drawn[0, 0] != GREY).any()
    assert (drawn[100:] == GREY).all() and (drawn[:, 150:] == GREY).all()


def test_labels_do_not_cover_each_other():
    """Two hands at one place: both labels can be read."""
    one = draw(photo(), result(hand()), replace(NOTHING, labels=True))
    two = draw(photo(), result(hand(), hand()), replace(NOTHING, labels=True))
    assert (two != GREY).any(axis=2).sum() > 1.8 * (one != GREY).any(axis=2).sum()


def test_every_bone_is_drawn():
    one = hand(size=240)
    drawn = draw(photo(), result(one), replace(NOTHING, skeleton=True))
    for a, b in HAND_EDGES:
        x, y = np.rint(one.landmarks[[a, b], :2].mean(axis=0)).astype(int)
        assert (drawn[y, x] != GREY).any(), (a, b)
