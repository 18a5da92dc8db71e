"""The upload page through Streamlit's AppTest: a visitor without a browser, with the real network."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from model.output.draw import Layers
from model.runtime.confidence import MIN_CONFIDENCE
from model.runtime.geometry import ROI
from model.runtime.result import Face, Hand, Result
from pages.parts.album.analyse import annotated_view, drawn_example, traced
from pages.parts.album.limits import Limits
from pages.parts.downloads.downloads import as_coco, as_csv, as_json
from pages.parts.photos import result_card, stage_views
from pages.parts.shared.examples import EXAMPLES as EXAMPLES_OFFERED
from pages.parts.shared.result_text import details

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "model" / "examples"


def png(colour=(120, 90, 60), size=(64, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def upload(visitor: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    visitor.file_uploader[0].set_value(list(files))
    return visitor.run()


@pytest.fixture
def visitor() -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=60).run()


def choose(visitor: AppTest, number: int) -> AppTest:
    """The photo of this number, from 1, in the strip of small pictures."""
    next(button for button in visitor.button if button.label == f"Photo {number}").click()
    return visitor.run()


def texts(visitor: AppTest) -> list[str]:
    return [element.value for element in visitor.text]


def test_empty_page_offers_examples(visitor):
    assert not visitor.exception
    assert visitor.title[0].value == "Find hands and faces"
    labels = {button.label for button in visitor.button}
    assert {"Wave", "Peace sign", "Pointing", "Typing", "Group", "Profile"} < labels
    assert [example.file for example in EXAMPLES_OFFERED][-1] == "thumbs-up.webp", "the hard one comes last"


def test_example_is_analysed_on_click(visitor):
    """Chosen once more it is shown again, and not taken in twice."""
    for title, shown in (("Wave", "wave.webp"), ("Typing", "typing.webp"), ("Wave", "wave.webp")):
        next(b for b in visitor.button if b.label == title).click()
        visitor.run()
        assert not visitor.exception and texts(visitor) == [shown]
    photos = list(visitor.session_state["photo_list"])
    assert [photo.name for photo in photos] == ["wave.webp", "typing.webp"]
    assert len(photos[0].result.hands) == len(photos[0].result.faces) == 1


def test_examples_are_drawn_by_the_network_once(monkeypatch):
    """For all visitors together; what is drawn differs from the picture where its hand and face are."""
    from model import Landmarker, open_photo

    calls = []
    detect = Landmarker.detect
    monkeypatch.setattr(Landmarker, "detect", lambda self, *a, **k: calls.append(1) or detect(self, *a, **k))
    drawn_example.clear()
    wave = EXAMPLES_OFFERED[0]
    pictures = [drawn_example(wave), drawn_example(wave)]
    assert pictures[0] == pictures[1] and len(calls) == 1
    drawn = np.asarray(Image.open(io.BytesIO(pictures[0])).convert("RGB")).astype(int)
    plain = np.asarray(Image.fromarray(open_photo(wave.path)).resize(drawn.shape[1::-1], Image.Resampling.BOX))
    assert (np.abs(drawn - plain).max(axis=2) > 60).mean() > 0.004


def test_bad_file_gets_a_sentence_and_the_others_go_on(visitor):
    upload(
        visitor,
        ("notes.txt", b"not a picture", "text/plain"),
        ("empty.png", b"", "image/png"),
        ("wall.png", png(), "image/png"),
    )
    assert not visitor.exception
    assert any("3 photos**, 2 of them could not be read" in m.value for m in visitor.markdown)
    for number in (1, 2):
        choose(visitor, number)
        assert len(visitor.error) == 1 and visitor.error[0].value.strip().endswith(".")
    choose(visitor, 3)
    assert not visitor.error
    by_name = {photo.name: photo for photo in visitor.session_state["photo_list"]}
    assert by_name["wall.png"].result is not None and by_name["notes.txt"].error


def test_names_are_never_markup(visitor):
    name = "<img src=x onerror=alert(1)> **bold** [link](javascript:1) :red[x].png"
    upload(visitor, (name, png(), "image/png"))
    assert not visitor.exception
    assert any("onerror" in text for text in texts(visitor))
    rendered = [*visitor.markdown, *visitor.caption, *visitor.error, *visitor.expander, *visitor.button]
    assert not any("onerror" in str(getattr(e, "value", "")) + str(getattr(e, "label", "")) for e in rendered)


def test_a_photo_is_analysed_once(visitor, monkeypatch):
    from model import Landmarker

    calls = []
    detect = Landmarker.detect
    monkeypatch.setattr(Landmarker, "detect", lambda self, *a, **k: calls.append(1) or detect(self, *a, **k))
    upload(visitor, ("a.png", png(), "image/png"), ("the same, again.png", png(), "image/png"))
    visitor.run()
    visitor.run()
    assert len(visitor.session_state["photo_list"]) == 2
    assert len(calls) == 1


def test_any_photo_can_be_removed_and_the_others_stay(visitor):
    """They are listed in the order they came; what came last is shown, and what is shown is removed."""
    photo_list = visitor.session_state["photo_list"]
    upload(visitor, ("a.png", png(), "image/png"), ("b.png", png((1, 2, 3)), "image/png"))
    upload(visitor, ("c.png", png((4, 5, 6)), "image/png"))
    assert [photo.name for photo in photo_list] == ["a.png", "b.png", "c.png"] and texts(visitor) == ["c.png"]
    choose(visitor, 2)
    assert texts(visitor) == ["b.png"]
    next(b for b in visitor.button if b.label == "Remove").click()
    visitor.run()
    assert not visitor.exception and [photo.name for photo in photo_list] == ["a.png", "c.png"]
    assert texts(visitor) == ["c.png"] and visitor.file_uploader[0].value == []


def test_remove_all_photos(visitor):
    upload(visitor, ("a.png", png(), "image/png"), ("b.png", png((1, 2, 3)), "image/png"))
    next(b for b in visitor.button if b.label == "Remove all").click()
    visitor.run()
    assert not visitor.exception and len(visitor.session_state["photo_list"]) == 0
    assert visitor.file_uploader[0].value == []


def test_camera_pictures_stay(visitor):
    def shot(colour):
        file = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(file, "JPEG")
        visitor.camera_input[0].set_value(("shot.jpg", file.getvalue(), "image/jpeg"))
        visitor.run()

    visitor.toggle(key="camera_on").set_value(True)
    visitor.run()
    shot("red")
    shot("blue")
    visitor.toggle(key="camera_on").set_value(False)
    visitor.run()
    assert not visitor.exception
    assert [photo.name for photo in visitor.session_state["photo_list"]] == ["camera 1.jpg", "camera 2.jpg"]


def test_photos_survive_a_visit_to_another_page(visitor):
    upload(visitor, ("a.png", png(), "image/png"))
    visitor.switch_page("pages/live.py").run()
    visitor.switch_page("pages/upload.py").run()
    assert texts(visitor) == ["a.png"]
    assert [photo.name for photo in visitor.session_state["photo_list"]] == ["a.png"]


def test_layers_can_be_switched(visitor, monkeypatch):
    """What is switched is what is drawn, in the picture on the page and in the one to download."""
    shown = []

    monkeypatch.setattr(result_card, "show_picture", lambda photo, layers: shown.append((layers, annotated_view(photo, layers))))
    visitor.session_state["photo_list"].add("greeting.webp", (EXAMPLES / "greeting.webp").read_bytes())
    visitor.run()
    visitor.pills(key="layers").set_value(["mesh", "photo"])
    visitor.run()
    visitor.pills(key="layers").set_value([])
    visitor.run()
    assert not visitor.exception
    nothing = Layers(**dict.fromkeys(vars(Layers()), False))
    assert [layers for layers, _ in shown] == [Layers(), replace(nothing, mesh=True, photo=True), nothing]
    usual, mesh, dark = (np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int) for _, picture in shown)
    assert (np.abs(usual - mesh).max(axis=2) > 60).mean() > 0.005, "the hands' bones are gone"
    assert dark.max() < 60, "neither photo nor drawing"


def right_hand(x: float) -> Hand:
    points = np.random.default_rng(0).uniform(0, 60, (21, 3)).astype(np.float32) + (x, 100, 0)
    return Hand(points, 0.9, (x, 100, 60, 60), np.ones(21, np.float32), "right", 0.95, ROI(x + 30, 130, 120))


def test_hands_of_one_side_are_numbered(visitor):
    """Two right hands have different names in the findings and where one is chosen; a single one needs no number."""
    photo_list = visitor.session_state["photo_list"]
    for name, count in (("two.png", 2), ("one.png", 1)):
        key = photo_list.add(name, png((count, 2, 3), (400, 300)))
        photo = next(photo for photo in photo_list if photo.key == key)
        photo.result = Result(400, 300, tuple(right_hand(100.0 * (1 + index)) for index in range(count)), (), {"total": 1.0})
    visitor.run()
    for number, named in ((1, ["Right hand 1", "Right hand 2"]), (2, ["Right hand"])):
        choose(visitor, number)
        assert not visitor.exception
        [findings] = [element.value for element in visitor.markdown if element.value.startswith("- **")]
        assert [line.split("**")[1] for line in findings.splitlines()] == named


def test_points_and_trace_open(visitor):
    visitor.session_state["photo_list"].add("greeting.webp", (EXAMPLES / "greeting.webp").read_bytes())
    visitor.run()
    photo = next(iter(visitor.session_state["photo_list"]))
    instances = len(photo.result.hands) + len(photo.result.faces)
    assert instances == 3
    assert not visitor.dataframe and not visitor.tabs, "nothing is computed before it is asked for"
    visitor.session_state[f"show_points_{photo.key}"] = True
    visitor.session_state[f"show_trace_{photo.key}"] = True
    visitor.run()
    assert not visitor.exception
    assert [tab.label for tab in visitor.tabs] == ["1 Crop", "2 Values", "3 Features", "4 Coordinates", "5 Photo"]
    table = visitor.dataframe[0].value
    assert list(table.columns) == ["point", "x", "y", "z", "error"] and len(table) == 21


def test_trace_leads_to_the_drawn_points():
    """The vector shown, taken back to the photo as the page explains it, gives the points that are drawn; those of a mean of several crops, of which the
    first is shown, nearly."""
    from model import Landmarker, open_photo
    from pages.parts.photos.stage_views import photo_points

    result = Landmarker().detect(open_photo(EXAMPLES / "greeting.webp"), trace=True)
    instances = [*result.hands, *result.faces]
    assert len(instances) == 3
    exact = [getattr(instance, "crops", 1) == 1 for instance in instances]
    assert exact.count(True) >= 2
    for instance, same in zip(instances, exact):
        assert np.abs(photo_points(instance) - instance.landmarks)[:, :2].max() < (0.05 if same else 0.1 * max(instance.box[2:]))


def test_one_of_many_photos_is_shown(visitor):
    """The first of those that came last; all others are small pictures to choose from."""
    upload(visitor, *[(f"{i}.png", png((i, 0, 0)), "image/png") for i in range(12)])
    assert not visitor.exception and texts(visitor) == ["0.png"]
    assert any("12 photos" in m.value for m in visitor.markdown)
    assert all(photo.thumbnail for photo in visitor.session_state["photo_list"])
    choose(visitor, 12)
    assert texts(visitor) == ["11.png"]


class TestAlbum:
    def test_limits(self, monkeypatch):
        from pages.parts.album import photo_list

        monkeypatch.setattr(photo_list, "MOST_PHOTOS", 2)
        mine = photo_list.PhotoList()
        assert mine.add("a", b"1") and mine.add("b", b"2")
        assert mine.add("c", b"3") is None
        assert mine.complaints() == [photo_list.FULL] and not mine.complaints()
        assert mine.add("a", b"1"), "what is in already needs no room"
        mine.clear()
        monkeypatch.setattr(photo_list, "MOST_BYTES", 3)
        assert mine.add("a", b"123") and mine.add("b", b"4") is None

    @pytest.mark.parametrize(
        "name, shown",
        [
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\me.jpg", "me.jpg"),
            ("a\u202egpj.exe\x00\n.jpg", "agpj.exe.jpg"),
            ("", "photo"),
            ("x" * 255, "x" * 38 + "…" + "x" * 20),
        ],
    )
    def test_shown_name(self, name, shown):
        from pages.parts.album.photo_list import Photo

        photo = Photo(name, b"")
        assert photo.shown_name == shown
        assert len(photo.stem.encode()) <= 200
        assert photo.stem and all(c.isalnum() or c in "-_" for c in photo.stem)

    @pytest.mark.parametrize(
        "name, label",
        [
            ("2026-11-25 13.25.29 left_hand_session_0001_camera_front_subject_07_take_12.jpg",) * 2,
            ("x" * 251 + ".jpg",) * 2,
            ('5" back\\slash\n\u200d\u202e.jpg',) * 2,
            ("../../etc/passwd", "passwd"),
            ("a\0\ud800.jpg", "a?.jpg"),
            ("", "photo"),
        ],
    )
    def test_label_is_the_whole_name(self, name, label):
        from pages.parts.album.photo_list import Photo

        photo = Photo(name, b"")
        photo.result = Result(8, 8, (), (Face(np.zeros((478, 3), np.float32), 1.0, (0, 0, 1, 1), np.zeros(478), np.zeros((68, 2)), None),), {})
        assert photo.label == label == json.loads(as_json(photo))["photo"]
        assert [image["file_name"] for image in json.loads(as_coco([photo]))["images"]] == [label]
        assert next(csv.DictReader(io.StringIO(as_csv(photo), newline="")))["photo"] == label

    def test_photos_of_one_name_are_numbered(self):
        from pages.parts.album import photo_list

        mine = photo_list.PhotoList()
        keys = [mine.add(name, content) for name, content in (("a.jpg", b"1"), ("a.jpg", b"2"), ("a.jpg", b"1"), ("a.jpg", b"3"))]
        assert keys[0] == keys[2] and [photo.label for photo in mine] == ["a.jpg", "a (2).jpg", "a (3).jpg"]
        mine.remove(keys[1])
        mine.add("b/a.jpg", b"4")
        assert [photo.label for photo in mine] == ["a.jpg", "a (3).jpg", "a (2).jpg"]


def test_names_come_in_as_their_owners_wrote_them(visitor):
    """Browsers send a quotation mark in a file's name as %22."""
    upload(visitor, ("5%22 %41.png", png(), "image/png"))
    assert texts(visitor) == ['5" %41.png']


class TestDownloads:
    @pytest.fixture
    def photos(self):
        from model import Landmarker, open_photo
        from pages.parts.album.photo_list import Photo

        landmarker = Landmarker()
        photos = [Photo(file, (EXAMPLES / file).read_bytes()) for file in ("greeting.webp", "hands.webp")]
        for photo in photos:
            photo.result = landmarker.detect(open_photo(photo.content))
        photos.append(Photo("notes.txt", b"not a picture", error="This is not a picture."))
        return photos

    def test_zip_holds_everything(self, photos):
        from model.output.draw import Layers
        from pages.parts.downloads.downloads import as_zip

        with zipfile.ZipFile(io.BytesIO(b"".join(as_zip(photos, Layers())))) as files:
            assert files.testzip() is None
            labels = {f"yolo/{kind}/{name}" for kind in ("hands", "faces") for name in ("data.yaml", "labels/greeting.txt", "labels/hands.txt")}
            assert set(files.namelist()) == labels | {
                "annotated/01_greeting.png", "annotated/02_hands.png", "landmarks.jsonl", "landmarks.csv", "coco.json",
                "label_studio/tasks.json", "label_studio/interface.xml",
            }  # fmt: skip
            with Image.open(files.open("annotated/01_greeting.png")) as picture:
                assert picture.size == (800, 600)
            lines = [json.loads(line) for line in files.read("landmarks.jsonl").decode().splitlines()]
            assert [line["photo"] for line in lines] == ["greeting.webp", "hands.webp", "notes.txt"]
            assert lines[2] == {"photo": "notes.txt", "error": "This is not a picture."}
            assert (lines[0]["width"], lines[0]["height"]) == (800, 600)
            coco = json.loads(files.read("coco.json"))
            assert [image["file_name"] for image in coco["images"]] == ["greeting.webp", "hands.webp"]


class TestTensorPictures:
    def test_grid_has_every_plane_once(self):
        from pages.parts.shared.images import GAP, grid

        sheet = grid(np.random.default_rng(0).random((21, 64, 64)), columns=7, tile=32)
        assert sheet.shape == (3 * (32 + GAP) - GAP, 7 * (32 + GAP) - GAP, 3) and sheet.dtype == np.uint8

    def test_heat_of_a_flat_plane_is_dark(self):
        from pages.parts.shared.images import heat

        assert heat(np.full((4, 4), 7.0), 16).max() < 10

    def test_strongest_ignores_flat_planes(self):
        from pages.parts.shared.images import strongest

        planes = np.zeros((3, 8, 8), np.float32)
        planes[0] = 100
        planes[2, 4, 4] = 5
        assert strongest(planes) == 2


class TestLimits:
    """Sliders for the confidence and the number of detections, and the switch that draws rejected ones."""

    @pytest.fixture
    def example(self, visitor):
        """A visitor with a photo of two hands and a face, and an uncertain hand of 5 %."""
        photo = self.photo_of(visitor)
        photo.result = replace(photo.result, uncertain=(replace(right_hand(300.0), score=0.05),))
        return visitor.run()

    @staticmethod
    def photo_of(visitor):
        """The photo in the visitor's photo list; at first it is put there."""
        photo_list = visitor.session_state["photo_list"]
        if not len(photo_list):
            photo_list.add("greeting.webp", (EXAMPLES / "greeting.webp").read_bytes())
            visitor.run()
        return next(iter(photo_list))

    @pytest.fixture
    def drawn(self, monkeypatch) -> list[bytes]:
        """The pictures that the page has shown."""
        pictures = []

        monkeypatch.setattr(result_card, "show_picture", lambda photo, layers: pictures.append(annotated_view(photo, layers)))
        return pictures

    @staticmethod
    def findings(visitor) -> str:
        return "\n".join(element.value for element in (*visitor.markdown, *visitor.caption))

    def test_they_start_at_the_released_minimum(self, example):
        photo = self.photo_of(example)
        assert photo.limits == Limits() and photo.limits.min_confidence == MIN_CONFIDENCE
        assert example.slider(key="minimum_hand").value == round(100 * MIN_CONFIDENCE["hand"])
        assert example.slider(key="minimum_hand").label == "Minimum confidence of hands"
        assert "Two hands (one left and one right) and one face." in self.findings(example)
        assert "One uncertain detection is hidden." in self.findings(example)

    def test_they_act_on_everything_without_the_network(self, drawn, example, monkeypatch):
        def never(*_, **__):
            raise AssertionError("the network must not run again")

        monkeypatch.setattr("model.inference.session.Session.run", never)
        photo = self.photo_of(example)
        example.slider(key="minimum_hand").set_value(1)
        example.slider(key="minimum_face").set_value(100)
        example.run()
        assert not example.exception
        assert "Three hands" in self.findings(example) and "no faces" in self.findings(example)
        assert drawn[-1] != drawn[-2]
        files = json.loads(as_json(photo)), list(csv.DictReader(io.StringIO(as_csv(photo)))), json.loads(as_coco([photo]))
        assert (len(files[0]["hands"]), len(files[0]["faces"]), len(files[1]), len(files[2]["annotations"])) == (3, 0, 63, 3)
        example.select_slider(key="most_hands").set_value(1)
        example.run()
        assert "One hand" in self.findings(example) and len(json.loads(as_json(photo))["hands"]) == 1
        example.session_state[f"show_points_{photo.key}"] = True
        example.run()
        assert len(example.dataframe[0].value) == 21 and not example.exception

    def test_they_outlast_a_visit_to_another_page(self, example):
        example.slider(key="minimum_hand").set_value(90)
        example.run()
        example.switch_page("pages/live.py").run()
        example.switch_page("pages/upload.py").run()
        assert example.slider(key="minimum_hand").value == 90 and self.photo_of(example).limits.hand == 0.9

    def test_uncertain_detections_are_drawn_on_demand(self, drawn, example):
        example.toggle(key="uncertain").set_value(True)
        example.run()
        assert not example.exception and "- Uncertain hand 5 %" in self.findings(example)
        assert drawn[-1] != drawn[-2]
        example.slider(key="minimum_hand").set_value(0)
        example.run()
        assert "No uncertain detections." in self.findings(example)
        for kind in ("hand", "face"):
            example.slider(key=f"minimum_{kind}").set_value(100)
        example.run()
        assert "No hands or faces found." in self.findings(example) and "hidden" not in self.findings(example)
        example.slider(key="minimum_hand").set_value(0)
        example.toggle(key="uncertain").set_value(False)
        example.run()
        assert "One uncertain detection is hidden." in self.findings(example)
        assert len(json.loads(as_json(self.photo_of(example)))["hands"]) == 3

    def test_the_trace_follows(self, visitor, monkeypatch):
        """A minimum below the released one: the way to what is now shown is shown too."""
        results = []
        monkeypatch.setattr(stage_views, "traced", lambda photo: results.append(traced(photo)) or results[-1])
        photo = self.photo_of(visitor)
        visitor.slider(key="minimum_hand").set_value(0)
        visitor.slider(key="minimum_face").set_value(0)
        visitor.session_state[f"show_trace_{photo.key}"] = True
        visitor.run()
        assert not visitor.exception and visitor.tabs
        found = [*results[-1].hands, *results[-1].faces]
        assert [instance.score for instance in found] == [instance.score for instance in (*photo.shown.hands, *photo.shown.faces)]
        assert len(found) >= 3 and all(instance.trace for instance in found)
        visitor.slider(key="minimum_hand").set_value(99)
        visitor.run()
        assert not visitor.exception and [hand.score for hand in results[-1].hands] == [hand.score for hand in photo.shown.hands]


def test_one_number_with_one_meaning():
    hand = replace(right_hand(100.0), sigma=np.full(21, 1.6, np.float32))
    assert details(hand) == "Hand 90 % · right 95 % · points ± 2 px"
    assert details(replace(hand, handedness_score=0.55, sigma=hand.sigma / 4)) == "Hand 90 % · left or right? · points ± 0.4 px"
    assert details(replace(hand, sigma=np.full(21, 6, np.float32))).endswith("points ± 6 px · 21 of 21 points uncertain (drawn faint)")


class TestAddress:
    """An example has an address; a visitor's own photo has none."""

    @staticmethod
    def at(address: str) -> AppTest:
        visitor = AppTest.from_file(ROOT / "app.py", default_timeout=60)
        visitor.query_params["photo"] = address
        return visitor.run()

    def test_the_addressed_example_is_shown_once(self):
        visitor = self.at("wave")
        assert not visitor.exception and texts(visitor) == ["wave.webp"]
        next(button for button in visitor.button if button.label == "Remove").click()
        visitor.run()
        assert not len(visitor.session_state["photo_list"]) and "photo" not in visitor.query_params

    def test_no_other_file_is_opened(self):
        for name in ("../../app", "greeting.webp", "", "nobody"):
            visitor = self.at(name)
            assert not visitor.exception and not len(visitor.session_state["photo_list"])

    def test_the_address_follows_what_is_shown(self, visitor):
        next(button for button in visitor.button if button.label == "Wave").click()
        visitor.run()
        assert visitor.query_params["photo"] == "wave"
        upload(visitor, ("mine.png", png(), "image/png"))
        assert "photo" not in visitor.query_params
