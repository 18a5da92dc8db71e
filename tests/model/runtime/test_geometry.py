"""One transform between photo and crop, exact both ways."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.constants import CONSTANTS, CROP, KINDS
from model.runtime.geometry import ROI, ImagePyramid, angle_of, extract_crop, fit, letterbox, roi_from_box, roi_from_points, transform
from tests.model.drawn_world import place

rois = st.builds(
    ROI,
    cx=st.floats(-500, 8000),
    cy=st.floats(-500, 8000),
    side=st.floats(2, 9000),
    angle=st.floats(-10, 10),
    mirrored=st.booleans(),
)


@given(rois, st.lists(st.tuples(st.floats(-500, 8500), st.floats(-500, 8500)), min_size=1, max_size=20))
def test_photo_to_crop_and_back(roi, points):
    points = np.array(points)
    assert np.abs(transform(roi.to_photo(), transform(roi.to_crop(), points)) - points).max() < 0.01


@given(rois)
def test_crop_is_the_square_that_the_roi_describes(roi):
    corners = roi.corners()
    assert np.allclose(corners.mean(axis=0), (roi.cx, roi.cy), atol=1e-6)
    assert np.allclose(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1), roi.side)
    up = corners[0] - corners[3]
    assert math.isclose(math.remainder(angle_of(up) - roi.angle, math.tau), 0, abs_tol=1e-6)
    assert np.allclose(corners.max(axis=0) - (roi.cx, roi.cy), roi.reach()), "a turned square reaches as far to all sides"


@given(rois, st.integers(1, 9000))
def test_mirrored_roi_sees_the_same_in_the_mirrored_photo(roi, width):
    point = np.array([[30.0, 200.0]])
    (x, y), (mirrored_x, mirrored_y) = (transform(each.to_photo(), point)[0] for each in (roi, roi.mirror(width)))
    assert np.allclose((width - 1 - x, y), (mirrored_x, mirrored_y), atol=1e-6)


@pytest.mark.parametrize("up, degrees", [((0, -1), 0), ((1, 0), 90), ((0, 1), 180), ((-1, 0), -90), ((0, 0), 0)])
def test_angle_is_clockwise_from_up(up, degrees):
    assert math.degrees(angle_of(up)) == pytest.approx(degrees)


@pytest.mark.parametrize("kind", KINDS)
@given(angle=st.floats(-3, 3), size=st.floats(5, 2000))
def test_crop_from_points_is_upright_and_holds_them_all(kind, angle, size):
    points = place(kind, 300, 200, size, math.degrees(angle))
    roi = roi_from_points(kind, points)
    assert math.isclose(math.remainder(roi.angle - angle, math.tau), 0, abs_tol=1e-6)
    inside = transform(roi.to_crop(), points)
    assert inside.min() > 0 and inside.max() < CROP - 1
    assert np.allclose((inside.min(axis=0) + inside.max(axis=0)) / 2, (CROP - 1) / 2, atol=1e-3)


def test_crop_from_a_box_is_centred_on_it():
    roi = roi_from_box("hand", (10, 20, 40, 80), (1, 0))
    assert (roi.cx, roi.cy) == (30, 60)
    assert roi.side > 80
    assert roi.angle == pytest.approx(math.pi / 2)


@pytest.mark.parametrize("up, towards", [((0, -1), (0, 1)), ((1, 0), (-1, 0)), ((0, 1), (0, -1))])
def test_crop_of_a_face_lies_further_down_than_its_box(up, towards):
    """Down is away from `up`, in the face's own axes."""
    roi = roi_from_box("face", (10, 20, 60, 80), up)
    shift = CONSTANTS["roi"]["face"]["box_down"] * roi.side
    assert shift > 0 and (roi.cx, roi.cy) == pytest.approx((40 + towards[0] * shift, 60 + towards[1] * shift))


def test_points_in_one_place_still_give_an_invertible_crop():
    roi = roi_from_points("hand", np.full((21, 3), 5.0))
    assert np.isfinite(roi.to_crop()).all()


def ramp(width: int, height: int) -> np.ndarray:
    """A photo that says where one is: red grows with x, green with y; both 0..250 over the photo."""
    x, y = np.meshgrid(np.linspace(0, 250, width), np.linspace(0, 250, height))
    return np.stack([x, y, np.zeros_like(x)], axis=2).round().astype(np.uint8)


@settings(max_examples=25)
@given(side=st.floats(20, 560), angle=st.floats(-3.2, 3.2), mirrored=st.booleans(), cx=st.floats(300, 900), cy=st.floats(300, 500))
def test_cut_shows_what_the_transform_says(side, angle, mirrored, cx, cy):
    width, height = 1200, 800
    roi = ROI(cx, cy, side, angle, mirrored)
    crop = extract_crop(ramp(width, height), roi)
    at = np.array([[20, 20], [127, 127], [235, 30], [60, 220]])
    x, y = transform(roi.to_photo(), at.astype(float)).T
    inside = (x > 3) & (x < width - 4) & (y > 3) & (y < height - 4)
    seen = crop[at[:, 1], at[:, 0]].astype(float)
    assert np.abs(seen[:, 0] - x / (width - 1) * 250)[inside].max(initial=0) < 1.5
    assert np.abs(seen[:, 1] - y / (height - 1) * 250)[inside].max(initial=0) < 1.5


@pytest.mark.parametrize("side", [600, 1000, 1999])
def test_cut_of_a_large_region_does_not_alias(side):
    """Stripes of one pixel melt into grey instead of turning into false, wider stripes."""
    stripes = np.zeros((2000, 2000, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = extract_crop(stripes, ROI(1000, 1000, side))[8:-8, 8:-8]
    assert crop.std() < 30
    assert crop.mean() == pytest.approx(127, abs=5)


def test_cut_is_black_beyond_the_photo():
    white = np.full((50, 50, 3), 255, np.uint8)
    assert not extract_crop(white, ROI(5000, 5000, 100)).any()
    crop = extract_crop(white, ROI(0, 0, 40))
    assert not crop[:100, :100].any()
    assert (crop[160:, 160:] == 255).all()


@pytest.mark.parametrize("size", [(640, 480), (480, 641), (4003, 1001), (100, 60), (1, 1), (1, 5000), (7001, 2)])
def test_letterbox_keeps_the_whole_photo_and_its_places(size):
    width, height = size
    picture, to_photo = letterbox(ramp(width, height))
    assert max(picture.shape) == CROP and all(
        -0.5 <= side - CROP * length / max(size) < 32.5 and side % 32 == 0 for side, length in zip(picture.shape, (height, width))
    )
    corners = transform(np.linalg.inv(to_photo), np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]))
    # Halving drops an odd last row or column: less than a pixel of the letterboxed picture.
    assert corners.min() > -0.51 and corners.max() < CROP + 0.5
    if min(size) >= 100:
        at = np.argwhere(picture[..., :2].min(axis=2) > 20)[::97]  # (row, column)
        x, y = transform(to_photo, at[:, ::-1].astype(float)).T
        seen = picture[at[:, 0], at[:, 1]].astype(float)
        assert np.abs(seen[:, 0] - x / (width - 1) * 250).max() < 2.5
        assert np.abs(seen[:, 1] - y / (height - 1) * 250).max() < 2.5


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200))
def test_fit_is_exact_both_ways(width, height, longer):
    small, to_photo = fit(np.zeros((height, width, 3), np.uint8), longer)
    assert max(small.shape[:2]) == longer
    points = np.array([[0.0, 0.0], [width - 1, height - 1]])
    assert np.abs(transform(to_photo, transform(np.linalg.inv(to_photo), points)) - points).max() < 0.01


def test_kept_halvings_change_no_pixel():
    photo = np.random.default_rng(0).integers(0, 255, (1001, 1503, 3), np.uint8)
    kept = ImagePyramid(photo)
    for longer in (1503, 1280, 256, 576):
        for one, other in zip(fit(kept, longer), fit(photo, longer)):
            assert np.array_equal(one, other)
