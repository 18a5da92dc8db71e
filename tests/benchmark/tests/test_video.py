"""The benchmark's video, and our half of it from file to file."""

import numpy as np

from tests.benchmark import video, video_memory
from tests.model.clips import clip


def test_the_scene_holds_one_hand_and_one_face():
    from model import Landmarker

    frames = video.scene(2)
    assert all(frame.shape == (480, 640, 3) for frame in frames) and (frames[0] != frames[1]).any()
    found = Landmarker(threads=1).detect(frames[0])
    assert (len(found.hands), len(found.faces)) == (1, 1)


def test_from_file_to_file():
    rows = video.files(clip(video.scene(3)), 1)
    assert len(rows) == 4 and all(row.ours > 0 and np.isnan(row.peer) for row in rows)


def test_memory_of_a_video():
    found = video_memory.measured((640, 480), 0.2, 1)
    assert found["error"] is None and found["frames"] == 6 and found["tracks"] == 3
    assert 50 < found["idle_mb"] <= found["peak_mb"] and found["kept_mb"] > 0
