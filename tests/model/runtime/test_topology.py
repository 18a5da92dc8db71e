"""The names, lines and colours of the points hang together."""

import re

import pytest

from model.constants import CONSTANTS
from model.runtime.topology import (
    FACE_CONTOURS,
    FACE_MESH_EDGES,
    FACE_NAMES,
    FACE_TRIANGLES,
    FINGERS,
    HAND_EDGES,
    HAND_POINTS,
    IBUG_GROUPS,
    IBUG_NAMES,
    IRIS_CENTRES,
    PALM,
    Path,
)  # fmt: skip


def test_hand_points_in_the_usual_order():
    assert len(HAND_POINTS) == len(set(HAND_POINTS)) == 21
    assert HAND_POINTS[0] == "wrist" and HAND_POINTS[8] == "index_finger_tip" and HAND_POINTS[17] == "pinky_mcp"


def test_hand_edges_are_one_piece():
    reached = {0}
    for _ in HAND_EDGES:
        reached |= {point for edge in HAND_EDGES if reached & set(edge) for point in edge}
    assert reached == set(range(21))


def test_each_finger_from_base_to_tip_in_its_own_colour():
    assert sorted(point for finger in FINGERS for point in finger.points) == list(range(1, 21))
    assert all(HAND_POINTS[finger.points[-1]].endswith("_tip") for finger in FINGERS)
    assert len({finger.colour for finger in FINGERS}) == 5
    assert all(re.fullmatch("#[0-9A-F]{6}", finger.colour) for finger in FINGERS)
    assert set(PALM.points) < set(range(21))


def test_face_contours_lie_in_the_mesh():
    for contour in FACE_CONTOURS:
        assert len(contour.points) == len(set(contour.points))
        assert 0 <= min(contour.points) and max(contour.points) < 478
    assert len(FACE_NAMES) == len(set(FACE_NAMES)) == 478
    assert FACE_NAMES[IRIS_CENTRES["left"]] == "left_iris_centre"


def test_triangles_cover_the_face_once():
    assert {point for triangle in FACE_TRIANGLES for point in triangle} == set(range(468))
    directed = [edge for a, b, c in FACE_TRIANGLES for edge in ((a, b), (b, c), (c, a))]
    assert len(directed) == len(set(directed))  # all turn the same way, no edge has three triangles
    assert len(FACE_MESH_EDGES) == len({frozenset(edge) for edge in directed})


def test_ibug_groups_are_the_68_points():
    assert [point for group in IBUG_GROUPS for point in group.points] == list(range(68))
    assert IBUG_NAMES[36] == "right_eye_0"


@pytest.mark.parametrize("closed, edges", [(True, ((1, 2), (2, 3), (3, 1))), (False, ((1, 2), (2, 3)))])
def test_path_edges(closed, edges):
    assert Path("p", (1, 2, 3), closed).edges == edges


def test_regions_of_interest_name_real_points():
    assert HAND_POINTS[CONSTANTS["roi"]["hand"]["up_to"]] == "middle_finger_mcp"
    oval = next(contour for contour in FACE_CONTOURS if contour.name == "oval")
    assert {CONSTANTS["roi"]["face"]["up_from"], CONSTANTS["roi"]["face"]["up_to"]} < set(oval.points)
