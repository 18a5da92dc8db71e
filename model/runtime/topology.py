"""The points of a hand and of a face, and what joins them: data for drawing, tables and files.

Hands: the usual 21 points, wrist first, then thumb to little finger from base to tip. Faces: the 478 points of the
canonical face mesh (468 + two irises of 5: centre, then four on the rim), and the 68 points of iBUG's 300-W scheme.
"Right" and "left" are the person's own. All indices start at 0.
"""

from dataclasses import dataclass

from ..constants import CONSTANTS


@dataclass(frozen=True)
class Path:
    """Points joined in this order; a closed path returns to its first point."""

    name: str
    points: tuple[int, ...]
    closed: bool

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The pairs of joined points."""
        ends = self.points[1:] + (self.points[:1] if self.closed else ())
        return tuple(zip(self.points, ends))


@dataclass(frozen=True)
class Finger:
    """Base to tip, with the colour (#RRGGBB, from Okabe and Ito's colour-blind safe palette) it is drawn in."""

    name: str
    points: tuple[int, ...]
    colour: str


def _pairs(rows: list) -> tuple:
    return tuple(tuple(row) for row in rows)


def _paths(rows: list[dict]) -> tuple[Path, ...]:
    return tuple(Path(row["name"], tuple(row["points"]), row["closed"]) for row in rows)


HAND_POINTS: tuple[str, ...] = tuple(CONSTANTS["hand"]["points"])
HAND_EDGES: tuple[tuple[int, int], ...] = _pairs(CONSTANTS["hand"]["edges"])
FINGERS: tuple[Finger, ...] = tuple(Finger(finger["name"], tuple(finger["points"]), finger["colour"]) for finger in CONSTANTS["hand"]["fingers"])
PALM = Path("palm", tuple(CONSTANTS["hand"]["palm"]), closed=True)
PALM_COLOUR: str = CONSTANTS["hand"]["palm_colour"]

FACE_POINTS: int = CONSTANTS["face"]["points"]
FACE_CONTOURS: tuple[Path, ...] = _paths(CONSTANTS["face"]["contours"])
# Delaunay triangulation of the mean face (computed for this project); eyes and mouth are left open.
FACE_TRIANGLES: tuple[tuple[int, int, int], ...] = _pairs(CONSTANTS["face"]["triangles"])
FACE_MESH_EDGES: tuple[tuple[int, int], ...] = tuple(sorted({(min(edge), max(edge)) for a, b, c in FACE_TRIANGLES for edge in ((a, b), (b, c), (c, a))}))
IRIS_CENTRES: dict[str, int] = CONSTANTS["face"]["iris_centres"]

IBUG_GROUPS: tuple[Path, ...] = _paths(CONSTANTS["ibug68"]["groups"])


def _face_names() -> tuple[str, ...]:
    """A name for each of the 478 points: the contour it is on and its place there, or its number in the mesh."""
    names = [f"mesh_{index}" for index in range(FACE_POINTS)]
    for contour in FACE_CONTOURS:
        for place, index in enumerate(contour.points):
            names[index] = f"{contour.name}_{place}"
    for side, index in IRIS_CENTRES.items():
        names[index] = f"{side}_iris_centre"
    return tuple(names)


FACE_NAMES: tuple[str, ...] = _face_names()
IBUG_NAMES: tuple[str, ...] = tuple(f"{group.name}_{place}" for group in IBUG_GROUPS for place in range(len(group.points)))
POINT_NAMES: dict[str, tuple[str, ...]] = {"hand": HAND_POINTS, "face": FACE_NAMES}
