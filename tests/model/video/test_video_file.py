"""Whatever is given as a video becomes upright frames with their times, or one plain sentence."""

import contextlib
import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from model.photo.image_file import PhotoError, open_photo
from model.video import video_limits
from model.video.media_type import is_video
from model.video.video_decoder import Film
from model.video.video_file import Frame, Video, VideoError, frame_at, open_video
from model.video.video_limits import in_words
from tests.model import clips
from tests.model.clips import KINDS, animation, clip, odd_clips, quarters

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def frames(content: bytes, **options) -> tuple[Video, list[Frame]]:
    with Video(content, **options) as video:
        return video, list(video)


def corners(rgb: np.ndarray) -> np.ndarray:
    """The colours in the middle of the four quarters, in reading order."""
    height, width = rgb.shape[:2]
    return rgb[[height // 4, height // 4, -height // 4, -height // 4], [width // 4, -width // 4, width // 4, -width // 4]].astype(int)


@pytest.mark.parametrize("kind", KINDS)
def test_containers(kind, tmp_path):
    content = clip([quarters()] * 15, kind)
    (tmp_path / "a").write_bytes(content)
    for source in (content, tmp_path / "a", str(tmp_path / "a")):
        assert is_video(source)
        with open_video(source) as video:
            found = list(video)
        assert (video.width, video.height, len(found), video.note) == (64, 48, 15, None)
        assert [frame.number for frame in found] == list(range(15))
        assert np.allclose([frame.seconds for frame in found], np.arange(15) / 30, atol=0.002)
        assert found[0].rgb.dtype == np.uint8 and np.abs(corners(found[-1].rgb) - corners(quarters())).max() < 12
        assert video.seconds == pytest.approx(0.5, abs=0.05) and video.frames == pytest.approx(15, abs=1)
        assert video.share(14, found[-1].seconds) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm", "matroska"])
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_video_is_upright(kind, turn):
    """As phones store it: the pictures lie on their side, and the metadata say how to turn them back."""
    stored = np.rot90(quarters(), -turn // 90)
    video, [first, *_] = frames(clip([stored] * 3, kind, rotation=turn if turn < 270 else -90))
    assert (video.width, video.height) == (64, 48)
    assert np.abs(corners(first.rgb) - corners(quarters())).max() < 12


@pytest.mark.parametrize("kind", ["mp4", "matroska"])
def test_a_frame_rate_that_varies(kind):
    times = [0, 0.04, 0.05, 0.5, 1.7, 1.75]
    _, found = frames(clip([quarters()] * 6, kind, seconds=times))
    assert np.allclose([frame.seconds for frame in found], times, atol=0.002)


def test_times_begin_at_zero_and_grow(monkeypatch):
    times = [5.0, 5.1, 5.1, 4.0, 5.2]
    monkeypatch.setattr("model.video.video_decoder.Film.pictures", lambda self: iter([(seconds, quarters()) for seconds in times]))
    _, found = frames(clip([quarters()]))
    seconds = [frame.seconds for frame in found]
    assert seconds[0] == 0 and np.diff(seconds).min() > 0 and seconds[-1] == pytest.approx(0.2)


def test_frames_of_another_size_are_scaled(monkeypatch):
    monkeypatch.setattr("model.video.video_decoder.Film.pictures", lambda self: iter([(0.0, quarters()), (0.1, quarters(128, 96))]))
    _, found = frames(clip([quarters()]))
    assert found[1].rgb.shape == (48, 64, 3) and np.abs(corners(found[1].rgb) - corners(quarters())).max() < 2


def test_pixels_that_are_not_square():
    """Stored 64 pixels wide, meant to be seen 128 wide."""
    content = clip([quarters()] * 3, shape=2)
    video, [first, *_] = frames(content)
    assert (video.width, video.height) == first.rgb.shape[1::-1] == (128, 48)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_animations(kind):
    pictures = [np.roll(quarters(), 8 * number, axis=1) for number in range(5)]
    content = animation(pictures, kind, [40, 200, 40, 40, 40])
    assert is_video(content)
    video, found = frames(content)
    assert (video.width, video.height, video.note) == (64, 48, None)
    assert np.allclose([frame.seconds for frame in found], [0, 0.04, 0.24, 0.28, 0.32])
    assert all((frame.rgb == picture).all() for frame, picture in zip(found, pictures, strict=True))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "JPEG"])
def test_one_picture_is_a_photo(kind):
    file = io.BytesIO()
    Image.fromarray(quarters()).save(file, kind)
    assert not is_video(file.getvalue()) and open_photo(file.getvalue()).shape == (48, 64, 3)


def test_an_animation_that_tells_no_time():
    """As browsers show it: ten frames a second."""
    _, found = frames(animation([quarters(), 255 - quarters()], "GIF", 0))
    assert [frame.seconds for frame in found] == [0, 0.1]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "mov"])
def test_transparency_lies_on_white(kind):
    rgba = np.dstack([quarters(), np.full((48, 64), 255, np.uint8)])
    rgba[:24, :32, 3] = 0
    other = rgba.copy()
    other[24:, :32, :3] = 255, 255, 0
    content = clip([rgba, other], "mov", codec="qtrle", pixels="argb") if kind == "mov" else animation([rgba, other], kind)
    _, found = frames(content)
    for frame, lower in zip(found, [(0, 0, 255), (255, 255, 0)], strict=True):
        assert corners(frame.rgb).tolist() == [[255, 255, 255], [0, 255, 0], [*lower], [255, 255, 255]]


@pytest.mark.parametrize("kind", ["webm", "matroska", "avi", "fragmented mp4"])
def test_a_broken_tail_ends_with_a_note(kind):
    random = np.random.default_rng(0)
    noise = [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(30)]
    content = clip(noise, movflags="frag_every_frame+empty_moov") if "mp4" in kind else clip(noise, kind)
    video, found = frames(content[: len(content) * 2 // 3])
    assert 10 < len(found) < 25
    assert kind == "fragmented mp4" or video.note == f"The file is damaged or incomplete: {len(found)} frames of it could be read."


def test_bytes_changed_in_the_middle_cost_some_frames():
    random = np.random.default_rng(0)
    content = bytearray(clip([random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(30)], "avi"))
    content[len(content) // 2 : len(content) // 2 + 600] = bytes(600)
    video, found = frames(bytes(content))
    assert len(found) >= 25 and video.note.startswith("The file is damaged or incomplete")


def test_an_index_at_the_end_that_is_missing():
    content = clip([quarters()] * 30)
    with pytest.raises(VideoError, match="^The video is damaged or incomplete and cannot be opened.$"):
        Video(content[: content.index(b"moov")])


@pytest.mark.parametrize("kind", ["mp4", "matroska", "webm"])
def test_sound_without_pictures(kind):
    with pytest.raises(VideoError, match="holds no moving pictures"):
        Video(clips.sound(kind))


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", "The file is empty."),
        (b"hello, I am a text", "This file is not a video in a format that can be opened."),
        (b"FLV\x01" + bytes(100), "This kind of video cannot be opened: save it as MP4, MOV, WebM, MKV or AVI and use that."),
        (b"\0\0\1\xba\x44" + bytes(100), "This kind of video cannot be opened: save it as MP4, MOV, WebM, MKV or AVI and use that."),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://localhost/a.ts\n", "This file is not a video in a format that can be opened."),
    ],
)
def test_what_is_no_video(content, sentence):
    with pytest.raises(VideoError) as caught:
        Video(content)
    assert str(caught.value) == sentence and not caught.value.again


@pytest.mark.parametrize("kind", KINDS)
def test_one_frame_is_that_of_the_iteration(kind, monkeypatch):
    """By the shortest way, or where time stamps do not lead there by decoding all before it."""
    pictures = [np.roll(quarters(), 5 * number, axis=1) for number in range(40)]
    content = clip(pictures, kind, options={"g": "12"})
    with Video(content) as video:
        frames = list(video)
    for number in (0, 1, 11, 12, 25, 39):
        found = frame_at(content, number, frames[number].seconds)
        assert found.number == number and np.array_equal(found.rgb, frames[number].rgb)
    monkeypatch.setattr(Film, "picture_at", lambda film, stamp: None)
    assert np.array_equal(frame_at(content, 25, frames[25].seconds).rgb, frames[25].rgb)
    with pytest.raises(VideoError):
        frame_at(content, 40, 3.0)


def test_seeking_leads_to_the_frame(monkeypatch):
    """Not only by decoding everything."""
    content = clip([np.roll(quarters(), 5 * number, axis=1) for number in range(40)], rotation=90, options={"g": "12"})
    with Video(content) as video:
        frames = list(video)
    monkeypatch.setattr(Video, "__iter__", lambda video: iter(()))
    assert np.array_equal(frame_at(content, 30, frames[30].seconds).rgb, frames[30].rgb)


def test_a_frame_of_an_animation():
    pictures = [np.full((8, 8, 3), value, np.uint8) for value in (0, 90, 255)]
    content = animation(pictures, "WEBP")
    assert np.array_equal(frame_at(content, 1, 0.04).rgb, pictures[1])


def test_what_is_no_file(tmp_path):
    for source in (tmp_path, tmp_path / "missing.mp4", "nul\0byte.mp4", "http://localhost/a.mp4", "concat:a|b"):
        assert not is_video(source)
        with pytest.raises(VideoError):
            Video(source)
    with pytest.raises(VideoError) as caught:
        Video(tmp_path / "missing.mp4")
    assert caught.value.again


class TestLimits:
    def test_pixels(self):
        runs = clip([quarters()] * 3, "mov", codec="qtrle", pixels="rgb24")
        with pytest.raises(VideoError, match=r"^The video's frames are too large: 7680 x 4320 pixels; the limit is 9 megapixels \(4K\)"):
            Video(clips.with_size(runs, 7680, 4320))
        with pytest.raises(VideoError):
            Video(clips.with_size(runs, 65_535, 65_535))

    def test_pixels_of_an_animation(self):
        file = io.BytesIO()
        large = Image.new("P", (4000, 4000))
        large.save(file, "GIF", save_all=True, append_images=[Image.new("P", (4000, 4000), 1)])
        with pytest.raises(VideoError, match="too large"):
            Video(file.getvalue())

    def test_length(self):
        content = clip([quarters()] * 3, seconds=[0, 1, 200])
        with pytest.raises(VideoError, match="^The video is too long: 3 min 20 s, the limit is 1 min.$"):
            Video(content, most_seconds=60)
        assert len(frames(content)[1]) == 3

    def test_a_length_that_the_file_does_not_tell(self):
        pictures = [np.full((8, 8, 3), value, np.uint8) for value in range(30)]
        video, found = frames(animation(pictures, "GIF", 500), most_seconds=5)
        assert len(found) == 13, "a second more does not matter"
        assert video.note == "Only the first 6.0 s were analysed: a video may not be longer."

    def test_number_of_frames(self, monkeypatch):
        monkeypatch.setattr("model.video.video_file.MOST_FRAMES", 4)
        video, found = frames(clip([quarters()] * 9))
        assert len(found) == 4 and video.note.startswith("Only the first 0.1 s")

    def test_bytes(self, monkeypatch):
        monkeypatch.setattr("model.video.video_file.MOST_BYTES", 1000)
        with pytest.raises(VideoError, match="too large"):
            Video(bytes(1001))

    def test_an_index_of_thousands_of_millions(self):
        content = clip([quarters()] * 3)
        with pytest.raises(VideoError, match="would take too long to open"):
            Video(clips.with_samples(content, 2**31))
        parts = clip([quarters()] * 3, movflags="frag_keyframe+empty_moov")
        at = parts.index(b"trun") + 4
        with pytest.raises(VideoError, match="would take too long to open"):
            Video(parts[:at] + (0).to_bytes(4) + (2**31).to_bytes(4) + parts[at + 8 :])

    def test_in_words(self):
        words = [in_words(seconds) for seconds in (0.04, 9.94, 12, 59.6, 200, 3600, 7500)]
        assert words == ["0.0 s", "9.9 s", "12 s", "1 min", "3 min 20 s", "1 h", "2 h 5 min"]
        assert video_limits.MOST_SECONDS == 3600


def test_memory_does_not_grow_with_the_length():
    content = clip((np.roll(quarters(640, 480), number, axis=1) for number in range(120)), options={"preset": "ultrafast"})
    with Video(content) as video:
        iterator = iter(video)
        next(iterator)
        tracemalloc.start()
        for frame in iterator:
            assert frame.rgb.shape == (480, 640, 3)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5 * 640 * 480 * 3, "some frames, not 120"


def test_a_hundred_odd_clips():
    """A result or one sentence, each."""
    seen = {"frames": 0, "photo": 0, "sentence": 0}
    for name, content in odd_clips(100):
        try:
            if is_video(content):
                video, found = frames(content)
                assert found and all(frame.rgb.shape == (video.height, video.width, 3) for frame in found), name
                sentence, outcome = video.note, "frames"
            else:
                open_photo(content)
                sentence, outcome = None, "photo"
        except (VideoError, PhotoError) as error:
            sentence, outcome = str(error), "sentence"
        assert sentence is None or (sentence.endswith(".") and "\n" not in sentence and sentence.count(". ") == 0), name
        seen[outcome] += 1
    assert sum(seen.values()) == 100 and min(seen["frames"], seen["sentence"]) >= 20 and seen["photo"] >= 2, seen


def test_nothing_in_a_file_opens_another_one(tmp_path):
    """A MOV with pictures that are said to lie in another file."""
    whole = clip([quarters()] * 3, "mov")
    (tmp_path / "other.mov").write_bytes(whole)
    at = whole.index(b"url \0\0\0\1")
    elsewhere = whole[:at] + b"url \0\0\0\0" + whole[at + 8 :]
    with contextlib.suppress(VideoError):
        _, found = frames(elsewhere)
        assert np.abs(corners(found[0].rgb) - corners(quarters())).max() < 12, "what is in this file"
