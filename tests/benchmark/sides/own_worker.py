"""Pointillist as a worker of the benchmark: python own_worker.py CORES. Messages: see workers.py."""

import sys
from pathlib import Path

import numpy as np
import pipe

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
CORES = int(sys.argv[1])
answers = pipe.start(CORES)

from model import Landmarker, Tracker  # noqa: E402 - after the choice of CPUs
from model.inference.network_file import WEIGHTS  # noqa: E402

landmarker = Landmarker(threads=CORES)
tracker = Tracker(landmarker)


def stacked(rows: list, *shape: int) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, *shape)


def answer(question: pipe.Arrays) -> pipe.Arrays:
    reply: pipe.Arrays = {}
    with pipe.measured(reply):
        result = tracker.update(question["picture"]) if question["live"] else landmarker.detect(question["picture"])
    return reply | {
        "model_mb": np.array(WEIGHTS.stat().st_size / 1e6),
        "hand_points": stacked([hand.landmarks[:, :2] for hand in result.hands], 21, 2),
        "hand_xyz": stacked([hand.landmarks for hand in result.hands], 21, 3),
        "hand_right": np.array([hand.handedness == "right" for hand in result.hands], bool),
        "hand_box": stacked([hand.box for hand in result.hands], 4),
        "hand_score": stacked([hand.score for hand in result.hands]),
        "face_points": stacked([face.landmarks[:, :2] for face in result.faces], 478, 2),
        "face_ibug": stacked([face.ibug68 for face in result.faces], 68, 2),
        "face_box": stacked([face.box for face in result.faces], 4),
        "face_score": stacked([face.score for face in result.faces]),
    }


pipe.serve(answers, answer)
