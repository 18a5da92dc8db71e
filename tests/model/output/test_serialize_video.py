"""A video's results as files that others read."""

import csv
import io
import json

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from model.output.annotated_video import AnnotatedVideo, encoder
from model.output.draw_live import draw_live
from model.output.serialize_video import CSV_COLUMNS, CsvFile, JsonLines, ParquetFile, document_at, documents, to_frame_document, to_result
from model.runtime.topology import HAND_POINTS
from model.video.tracks import Tracks
from model.video.video_file import Frame, Video
from tests.model.drawn_world import photo
from tests.model.tracking.test_tracker import FACE, FPS, HAND


@pytest.fixture
def frames(landmarker):
    """Twelve frames, of which two show nothing; with their pictures."""
    tracks = Tracks(landmarker)
    pictures = [photo(640, 480, *([] if number in (5, 6) else [HAND, FACE])) for number in range(12)]
    return [(rgb, tracks.update(Frame(number, number / FPS, rgb))) for number, rgb in enumerate(pictures)]


@pytest.fixture
def expected(frames) -> list[dict]:
    return [to_frame_document("a.mp4", tracked) for _, tracked in frames]


def written(make, expected) -> io.BytesIO:
    file = io.BytesIO()
    writer = make(file)
    for document in expected:
        writer.add(document)
    writer.close()
    file.seek(0)
    return file


def test_a_document_for_each_frame(expected):
    lines = [json.loads(line) for line in written(JsonLines, expected).read().splitlines()]
    assert lines == expected
    assert [line["frame"] for line in lines] == list(range(12)) and lines[3]["time"] == 0.1
    assert list(lines[0]) == ["video", "frame", "time", "width", "height", "hands", "faces"]
    assert lines[5]["hands"] == lines[5]["faces"] == []
    hand, face = lines[2]["hands"][0], lines[2]["faces"][0]
    assert hand["fingertip_speed"] >= 0 and lines[0]["hands"][0]["fingertip_speed"] is None and "fingertip_speed" not in face
    assert {hand["track"], face["track"]} == {1, 2} and len(hand["landmarks"]) == 21 and len(face["ibug68"]) == 68


def test_csv(expected):
    rows = list(csv.DictReader(io.TextIOWrapper(written(CsvFile, expected), "utf-8", newline="")))
    assert tuple(rows[0]) == CSV_COLUMNS and len(rows) == sum(21 * len(each["hands"]) + 478 * len(each["faces"]) for each in expected)
    tip = next(row for row in rows if row["frame"] == "2" and row["name"] == "index_finger_tip")
    hand = expected[2]["hands"][0]
    assert [float(tip[axis]) for axis in "xyz"] == hand["landmarks"][HAND_POINTS.index("index_finger_tip")]
    assert (tip["video"], tip["time"], tip["track"], tip["kind"], tip["handedness"]) == ("a.mp4", "0.0667", str(hand["track"]), "hand", "right")


def test_a_name_is_no_formula(expected):
    text = written(CsvFile, [expected[0] | {"video": "=1+1.mp4"}]).read().decode()
    assert "\n'=1+1.mp4,0," in text and "\n=" not in text


def test_parquet(expected):
    table = pq.read_table(written(lambda file: ParquetFile(file, {"camera": "x"}), expected))
    assert table.schema.metadata[b"camera"] == b"x"
    rows = table.to_pylist()
    assert len(rows) == sum(len(each["hands"]) + len(each["faces"]) for each in expected)
    hand = next(row for row in rows if row["kind"] == "hand" and row["frame"] == 2)
    assert np.allclose(hand["landmarks"], expected[2]["hands"][0]["landmarks"], atol=1e-3) and hand["handedness"] == "right" and hand["ibug68"] is None
    assert {row["track"] for row in rows} == {1, 2} and rows[0]["video"] == "a.mp4"


def test_documents_come_back_from_parquet(expected, monkeypatch):
    monkeypatch.setattr("model.output.serialize_video.ROWS", 5)  # several groups
    times = [each["time"] for each in expected]
    assert list(documents(written(ParquetFile, expected), "a.mp4", (640, 480), times)) == expected


def test_one_frame_comes_back_as_a_result(frames, expected, monkeypatch):
    monkeypatch.setattr("model.output.serialize_video.ROWS", 5)
    file = written(ParquetFile, expected)
    for number in (0, 5, 7):
        document = document_at(file, "a.mp4", (640, 480), number, expected[number]["time"])
        assert document == expected[number]
        back, first = to_result(document), frames[number][1].result
        assert (back.width, back.height, len(back.hands), len(back.faces)) == (640, 480, len(first.hands), len(first.faces))
        for one, other in zip([*back.hands, *back.faces], [*first.hands, *first.faces]):
            assert np.abs(one.landmarks - other.landmarks).max() < 0.01 and np.abs(one.sigma - other.sigma).max() < 0.01
            assert one.kind == other.kind and one.score == pytest.approx(other.score, abs=1e-4) and one.box == pytest.approx(other.box, abs=0.01)
            assert (one.roi.cx, one.roi.cy) == pytest.approx((one.landmarks[:, 0].mean(), one.landmarks[:, 1].mean()), abs=one.size)
        assert [hand.handedness for hand in back.hands] == [hand.handedness for hand in first.hands]
        assert all(np.allclose(one.ibug68, other.ibug68, atol=0.01) for one, other in zip(back.faces, first.faces))


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
def test_annotated_video(frames, codec, monkeypatch):
    monkeypatch.setattr("model.output.annotated_video.encoder", lambda: codec)
    file = io.BytesIO()
    drawn = AnnotatedVideo(file)
    for rgb, tracked in frames:
        drawn.add(rgb, tracked.result, tracked.seconds + (1 if tracked.number > 8 else 0))  # a pause
    drawn.close()
    with Video(file.getvalue()) as video:
        seen = list(video)
    assert len(seen) == 12 and (video.width, video.height) == (640, 480)
    assert np.allclose([frame.seconds for frame in seen], [n / FPS + (n > 8) for n in range(12)], atol=0.001)
    expected = draw_live(frames[3][0], frames[3][1].result).astype(int)
    plain = frames[3][0].astype(int)
    assert np.abs(seen[3].rgb - expected).mean() < np.abs(seen[3].rgb - plain).mean() / 1.5
    with av.open(io.BytesIO(file.getvalue())) as opened:
        assert opened.streams.video[0].codec_context.name in {"libx264": ("h264",), "libvpx-vp9": ("vp9", "libvpx-vp9")}[codec]


def test_h264_where_there_is_one(monkeypatch):
    assert encoder() == "libx264"
    monkeypatch.setattr(av, "codecs_available", {"libvpx-vp9"})
    assert encoder() == "libvpx-vp9"


@pytest.mark.parametrize("size, longest, expected", [((63, 47), None, (62, 46)), ((1, 1), None, (16, 16)), ((2000, 1000), 1280, (1280, 640))])
def test_sizes_that_encoders_take(frames, size, longest, expected):
    file = io.BytesIO()
    drawn = AnnotatedVideo(file, longest)
    drawn.add(np.zeros((size[1], size[0], 3), np.uint8), frames[5][1].result, 0.0)
    drawn.close()
    with Video(file.getvalue()) as video:
        assert (video.width, video.height) == expected
