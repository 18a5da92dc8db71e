"""MediaPipe as a worker of the benchmark: python peer_worker.py CORES, in a virtual environment of its own. Messages: see workers.py.

mp.solutions with its defaults: hands, face_mesh with refine_landmarks, and the full-range face detector. It has no setting
for threads, so the CPUs it may use are limited; with more than one, hands and face mesh run side by side.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pipe

CORES = int(sys.argv[1])
answers = pipe.start(CORES)

import mediapipe as mp  # noqa: E402 - after the choice of CPUs

BOX_MARGIN = 0.07  # people draw a hand's box larger than its points' extent by this on each side
LIVE_OBJECTS = {"hands": 2, "mesh": 1}  # MediaPipe's defaults
STILL_OBJECTS = {"hands": 8, "mesh": 8}
FILES = ("hand_landmark_full", "palm_detection_full", "face_landmark_with_attention", "face_detection_short_range")
MODEL_MB = sum(path.stat().st_size for path in Path(mp.__file__).parent.rglob("*.tflite") if path.stem in FILES) / 1e6
threads = ThreadPoolExecutor(CORES)


@cache
def solution(part: str, live: bool, few: bool):
    most = LIVE_OBJECTS if live or few else STILL_OBJECTS
    if part == "hands":
        return mp.solutions.hands.Hands(static_image_mode=not live, max_num_hands=most[part])
    if part == "mesh":
        return mp.solutions.face_mesh.FaceMesh(static_image_mode=not live, max_num_faces=most[part], refine_landmarks=True)
    return mp.solutions.face_detection.FaceDetection(model_selection=1)


def pixels(landmarks, width: int, height: int) -> list:
    """0..1 from edge to edge -> pixels with integers at their centres."""
    return [(point.x * width - 0.5, point.y * height - 0.5) for point in landmarks.landmark]


def around(points: np.ndarray) -> np.ndarray:
    """(N, 21, 2) -> boxes (N, 4) as people draw them."""
    low, high = points.min(1), points.max(1)
    return np.hstack([low - BOX_MARGIN * (high - low), (high - low) * (1 + 2 * BOX_MARGIN)])


def answer(question: pipe.Arrays) -> pipe.Arrays:
    picture, live, few = question["picture"], bool(question["live"]), bool(question["few"])
    height, width = picture.shape[:2]
    parts = str(question["parts"]).split()
    for part in parts:
        solution(part, live, few)  # made before the clock starts
    reply = {"model_mb": np.array(MODEL_MB)}
    with pipe.measured(reply):
        seen = dict(zip(parts, threads.map(lambda part: solution(part, live, few).process(picture), parts)))
    if "hands" in seen:
        hands = seen["hands"]
        points = np.array([pixels(hand, width, height) for hand in hands.multi_hand_landmarks or ()]).reshape(-1, 21, 2)
        world = [[(p.x, p.y, p.z) for p in hand.landmark] for hand in hands.multi_hand_world_landmarks or ()]
        sides = [side.classification[0] for side in hands.multi_handedness or ()]
        reply |= {
            "hand_points": points,
            "hand_xyz": np.array(world).reshape(-1, 21, 3),
            "hand_right": np.array([side.label == "Left" for side in sides], bool),  # it takes every picture for a mirrored one
            "hand_box": around(points) if len(points) else np.zeros((0, 4)),
            "hand_score": np.array([side.score for side in sides]),  # the only score it tells
        }
    if "mesh" in seen:
        meshes = [pixels(face, width, height) for face in seen["mesh"].multi_face_landmarks or ()]
        reply["face_points"] = np.array(meshes).reshape(-1, 478, 2)
    if "boxes" in seen:
        found = seen["boxes"].detections or ()
        boxes = [face.location_data.relative_bounding_box for face in found]
        reply["face_box"] = np.array([(b.xmin * width - 0.5, b.ymin * height - 0.5, b.width * width, b.height * height) for b in boxes]).reshape(-1, 4)
        reply["face_score"] = np.array([face.score[0] for face in found])
    return reply


pipe.serve(answers, answer)
