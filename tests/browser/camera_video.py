"""The fake camera's picture: a short video rendered from a shipped example picture, with its truth.

A hand and a face move, turn and grow a little. Every frame carries its number as black and white squares, so that a
picture taken from the stream can be compared with the truth of that very frame.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

EXAMPLES = Path(__file__).parents[2] / "model" / "examples"
WIDTH, HEIGHT = 640, 480
FRAMES = 240  # 8 s at 30 frames per second, then the browser starts again; the motion ends where it began
BITS, SQUARE = 8, 20  # the number's binary digits, from the top left corner

# The part of greeting.webp with the face and one (right) hand, as left, top, width in its pixels.
PART = (10, 190, 542)
OTHER_HAND = 534  # the column where its fingertips begin: moving in at the edge, they would now and then be a second, left hand


@dataclass(frozen=True)
class Truth:
    """Of one frame, in its pixels: hand (21, 2), face (68, 2), and the hand's larger side."""

    hand: np.ndarray
    face: np.ndarray
    hand_size: float


def _still() -> np.ndarray:
    """Transform (2, 3): pixel of the example picture -> pixel of the resting frame."""
    left, top, width = PART
    scale = WIDTH / width
    return np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])


def _motion(number: int) -> np.ndarray:
    """Transform (2, 3): resting frame -> frame `number`."""
    turn = 2 * np.pi * number / FRAMES
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 3.0 * np.sin(turn), 0.95 + 0.04 * np.cos(2 * turn))
    matrix[:, 2] += 12 * np.sin(2 * turn), 8 * np.sin(turn)
    return matrix


def _whole(number: int, moving: bool) -> np.ndarray:
    matrix = np.vstack([_still(), (0, 0, 1)])
    return (np.vstack([_motion(number), (0, 0, 1)]) @ matrix)[:2] if moving else matrix[:2]


def truth(number: int, moving: bool = True) -> Truth:
    labels = json.loads((EXAMPLES / "greeting.json").read_text())
    matrix = _whole(number, moving)

    def move(points) -> np.ndarray:
        return np.asarray(points, float)[:, :2] @ matrix[:, :2].T + matrix[:, 2]

    hand = move(next(hand for hand in labels["hands"] if hand["handedness"] == "right")["landmarks"])
    return Truth(hand, move(labels["faces"][0]["ibug68"]), float(np.ptp(hand, axis=0).max()))


def frame(number: int, moving: bool = True, noise: float = 0.0) -> np.ndarray:
    """(480, 640, 3) uint8 BGR. noise: standard deviation of a camera's noise, in grey levels."""
    picture = cv2.imread(str(EXAMPLES / "greeting.webp"))[:, :OTHER_HAND]
    picture = cv2.warpAffine(picture, _whole(number, moving), (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    if noise:
        picture = np.clip(picture + np.random.default_rng(number).normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
    for bit in range(BITS):
        picture[:SQUARE, bit * SQUARE : (bit + 1) * SQUARE] = 255 if number >> bit & 1 else 0
    return picture


def read_number(picture: np.ndarray) -> int:
    """The number of the frame that a picture (H, W, 3) of any size shows."""
    scale = picture.shape[1] / WIDTH
    middles = [(int(SQUARE / 2 * scale), int((bit + 0.5) * SQUARE * scale)) for bit in range(BITS)]
    return sum(int(picture[row, column].mean() > 127) << bit for bit, (row, column) in enumerate(middles))


def write_video(path: Path, moving: bool = True, noise: float = 0.0) -> None:
    """An .mjpeg file for Chromium's --use-file-for-fake-video-capture."""
    with path.open("wb") as video:
        for number in range(FRAMES):
            video.write(cv2.imencode(".jpg", frame(number, moving, noise), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
