"""A world simple enough to know all the answers: coloured rectangles stand for hands and faces, and a stand-in for the
network finds them by their colour. What lies between - views, tiles, crops, the way back - is as in use.
"""

import cv2
import numpy as np

from model.constants import CONSTANTS, CROP, KINDS
from model.inference.network_file import PRESENCE
from model.runtime.topology import FACE_POINTS

COLOURS = {"hand": (255, 0, 0), "face": (0, 255, 0)}
COUNTS = {"hand": 21, "face": FACE_POINTS}
LEFT, RIGHT = 255, 190  # blue of the lower half
RIGHT_HAND = 0.8  # handedness of every hand that is not mirrored
TALL = 1.25  # an instance's height, as a multiple of its width


def template(kind: str) -> np.ndarray:
    """(K, 2) where the points lie on the instance, in units of its width; its centre is 0, 0 and y points down."""
    points = np.random.default_rng(7).uniform(-0.5, 0.5, (COUNTS[kind], 2)) * (0.9, 0.9 * TALL)
    points[1:5] = np.array([[-1, -TALL], [1, -TALL], [1, TALL], [-1, TALL]]) / 2
    rule = CONSTANTS["roi"][kind]
    points[rule["up_from"]] = 0, TALL / 2
    points[rule["up_to"]] = 0, -TALL / 4
    return points


def place(kind: str, cx: float, cy: float, width: float, degrees: float = 0) -> np.ndarray:
    """(K, 2) the points of an instance in photo pixels."""
    angle = np.radians(degrees)
    across, down = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    return np.array([cx, cy]) + template(kind) * width @ np.stack([across, down])


def photo(width: int, height: int, *instances: tuple) -> np.ndarray:
    """uint8 (H, W, 3): grey, with an instance for each (kind, cx, cy, width, degrees); blue tells its lower half, and this one's left and right."""
    rgb = np.full((height, width, 3), 90, np.uint8)
    for kind, cx, cy, size, degrees in instances:
        for left, right, low, high, blue in ((-0.5, 0.5, -TALL / 2, 0, 0), (-0.5, 0.5, 0, TALL / 2, LEFT), (0, 0.5, 0, TALL / 2, RIGHT)):
            angle = np.radians(degrees)
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            corners = np.array([[left, low], [right, low], [right, high], [left, high]]) * size @ turn + (cx, cy)
            red, green, _ = COLOURS[kind]
            cv2.fillConvexPoly(rgb, (corners * 16).round().astype(np.int32), (red, green, blue), cv2.LINE_AA, 4)
    return rgb


class ColourNetwork:
    """Has the outputs of the real network (model.inference.session.Session). `asked`: the outputs of every run so far."""

    metadata: dict = {}

    def __init__(self, *_):
        self.asked: list[tuple[int, tuple[str, ...]]] = []
        self.presence = 0.99
        self.score = 0.9  # of every detection
        self.sigma = 0.02  # of every landmark

    def run(self, pictures: np.ndarray, *outputs: str, least_presence: np.ndarray | None = None) -> dict[str, np.ndarray]:
        self.asked.append((len(pictures), outputs))
        if outputs == ("detections",):
            return {"detections": np.stack([self._detections(picture) for picture in pictures])}
        answers = [self._landmarks(picture) for picture in pictures]
        values = {name: np.array([answer[name] for answer in answers], np.float32) for name in outputs}
        if least_presence is not None:
            for presence in set(values).intersection(PRESENCE.values()):
                rows = values[presence][:, 0] >= least_presence
                values |= {name: own[rows] for name, own in values.items() if name != presence and not name.endswith("_features")}
        return values

    def _detections(self, picture: np.ndarray) -> np.ndarray:
        output = np.zeros((2, 1024, 7), np.float32)
        for index, kind in enumerate(KINDS):
            for cell, (pixels, up, _) in enumerate(_instances(picture, kind)):
                low, high = pixels.min(axis=0) - 0.5, pixels.max(axis=0) + 0.5
                output[index, cell] = (self.score, *(low + high) / 2, *(high - low), *up)
        return output

    def _landmarks(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        answer = {
            "handedness": np.array([RIGHT_HAND]),
            "hand_features": np.zeros((64, 64, 64)),
            "face_features": np.zeros((64, 64, 64)),
            "face_ibug68": np.full(136, 0.5),
        }
        answer["hand_heatmaps"] = np.full((21, 64, 64), 1 / 4096)
        for kind in KINDS:
            instances = _instances(picture, kind)
            xyz = np.full((COUNTS[kind], 3), 0.5)
            if instances:  # the one in the middle is meant
                pixels, up, mirrored = min(instances, key=lambda instance: np.linalg.norm(instance[0].mean(axis=0) - CROP / 2))
                down = -up
                across = np.array([down[1], -down[0]]) * (-1 if mirrored else 1)
                axes = np.stack([across, down])
                if kind == "hand" and mirrored:
                    answer["handedness"] = np.array([1 - RIGHT_HAND])
                along = pixels @ axes.T
                size = np.ptp(along[:, 0]) + 1
                middle = (along.min(axis=0) + along.max(axis=0)) / 2 @ axes
                xyz[:, :2] = (middle + template(kind) * size @ axes + 0.5) / CROP
                xyz[:, 2] = 0.1
            answer[kind] = xyz.ravel()
            answer[f"{kind}_sigma"] = np.full(COUNTS[kind], self.sigma)
            answer[f"{kind}_presence"] = np.array([self.presence if instances else 0.0])
        return answer


def _instances(picture: np.ndarray, kind: str) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """Pixels (N, 2), up vector and whether it is mirrored, of everything of this kind's colour."""
    red, green, blue = picture.astype(int).transpose(2, 0, 1)
    own, other = (red, green) if kind == "hand" else (green, red)
    count, labels = cv2.connectedComponents(((own > 160) & (other < 80)).astype(np.uint8))
    instances = []
    for label in range(1, count):
        y, x = np.nonzero(labels == label)
        lower = blue[y, x] > 128
        if len(x) >= 30 and lower.any() and not lower.all():
            pixels = np.stack([x, y], axis=1).astype(float)
            up = pixels[~lower].mean(axis=0) - pixels[lower].mean(axis=0)
            is_left = blue[y, x][lower] > (LEFT + RIGHT) / 2
            mirrored = False
            if 0 < is_left.sum() < len(is_left):
                rightwards = pixels[lower][~is_left].mean(axis=0) - pixels[lower][is_left].mean(axis=0)
                mirrored = bool(rightwards @ (-up[1], up[0]) < 0)
            instances.append((pixels, up / np.linalg.norm(up), mirrored))
    return instances
