"""Correcting on the photos page, through Streamlit's AppTest and with the real network."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from model.output import coco_folder
from model.runtime.confidence import MIN_CONFIDENCE
from model.runtime.geometry import extent
from pages.parts.album.limits import Limits
from pages.parts.correct.correct_photo import pieces_of
from pages.parts.correct.editor import editor_data, named

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "model" / "examples"
MOVE = {"n": 1, "do": "move", "number": 0, "points": [[8, 100.0, 120.0]]}


@pytest.fixture
def visitor() -> AppTest:
    """A visitor with a photo of two hands and a face, with the editor open."""
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    visitor.session_state["photo_list"].add("greeting.webp", (EXAMPLES / "greeting.webp").read_bytes())
    visitor.run()
    visitor.session_state[f"correct_{photo_of(visitor).key}"] = True
    return visitor.run()


def photo_of(visitor):
    return next(iter(visitor.session_state["photo_list"]))


def correct(visitor, *edits):
    visitor.session_state["corrections"].edit(photo_of(visitor), edits)
    return visitor.run()


def words(visitor) -> str:
    return "\n".join(element.value for element in (*visitor.markdown, *visitor.caption))


def present(visitor):
    return visitor.session_state["corrections"].of(photo_of(visitor)).history.present


def test_it_is_offered_under_the_result(visitor):
    assert not visitor.exception and "Correct the points" in [expander.label for expander in visitor.expander]
    assert "Nothing is corrected yet." in words(visitor)
    assert [label.number for label in present(visitor).instances] == [0, 1, 2]


def test_an_edit_is_kept_from_page_to_page(visitor):
    correct(visitor, MOVE)
    assert not visitor.exception and "Corrected: one hand or face" in words(visitor)
    visitor.switch_page("pages/live.py").run()
    visitor.switch_page("pages/upload.py").run()
    assert present(visitor).instances[0].points[8].tolist() == [100, 120]
    visitor.session_state[f"correct_{photo_of(visitor).key}"] = True
    correct(visitor, {"n": 2, "do": "undo"})
    assert "Nothing is corrected yet." in words(visitor)
    correct(visitor, {"n": 3, "do": "redo"})
    assert present(visitor).instances[0].points[8].tolist() == [100, 120]


def test_an_edit_that_comes_twice_is_applied_once(visitor):
    correct(visitor, MOVE, {"n": 2, "do": "undo"})
    correct(visitor, MOVE, {"n": 2, "do": "undo"})
    assert not present(visitor).corrected and visitor.session_state["corrections"].of(photo_of(visitor)).applied == 2


def test_a_wrong_edit_says_why_and_changes_nothing(visitor):
    before = present(visitor)
    for n, edit in enumerate([{"do": "remove", "number": 55}, {"do": "add", "kind": "foot", "box": [1, 1, 9, 9]}, {"do": "add"}], 1):
        correct(visitor, edit | {"n": n})
        correction = visitor.session_state["corrections"].of(photo_of(visitor))
        assert correction.said.endswith(".") and not visitor.exception
    correct(visitor, {"n": 9, "do": "add", "kind": "hand", "box": [90000, 0, 50, 50]})
    assert "outside" in visitor.session_state["corrections"].of(photo_of(visitor)).said
    assert [label.points.tolist() for label in present(visitor).instances] == [label.points.tolist() for label in before.instances]


def test_a_missed_hand_is_added_by_its_box(visitor):
    """The network places the points in the box, whichever way is up."""
    hand = present(visitor).instances[0]
    low, high = extent(hand.points)
    correct(visitor, {"n": 1, "do": "remove", "number": 0}, {"n": 2, "do": "add", "kind": "hand", "box": [*low, high[0] - low[0], high[1] - low[1]]})
    *_, added = present(visitor).instances
    assert added.number == 1000 and added.handedness == hand.handedness
    apart = np.linalg.norm(added.points - hand.points, axis=1).mean() / max(high[0] - low[0], high[1] - low[1])
    assert apart < 0.06
    assert [label.number for label in present(visitor).removed] == [0]
    correction = visitor.session_state["corrections"].of(photo_of(visitor))
    assert correction.chosen == 1000 and "sure" in correction.said
    assert "one false detection removed" in words(visitor)


def test_what_nobody_corrected_follows_the_limits(visitor):
    photo = photo_of(visitor)
    visitor.session_state["photo_list"].limit(Limits(MIN_CONFIDENCE["hand"], MIN_CONFIDENCE["face"], 1, 0))
    assert len(visitor.session_state["corrections"].of(photo).history.present.instances) == 1
    visitor.session_state["photo_list"].limit(Limits())
    correct(visitor, MOVE)
    visitor.session_state["photo_list"].limit(Limits(MIN_CONFIDENCE["hand"], MIN_CONFIDENCE["face"], 1, 0))
    assert len(present(visitor).instances) == 3, "a correction stays as the visitor left it"


def test_corrections_go_with_their_photo(visitor):
    correct(visitor, MOVE)
    corrections = visitor.session_state["corrections"]
    assert len(corrections.corrected()) == 1
    visitor.session_state["photo_list"].remove(photo_of(visitor).key)
    assert corrections.corrected() == [] and corrections._corrections == {}


def test_the_zip_comes_back(visitor):
    correct(visitor, MOVE, {"n": 2, "do": "side", "number": 1, "handedness": "right"})
    content = b"".join(pieces_of(visitor.session_state["corrections"]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        table = json.loads(archive.read("corrections/annotations.json"))
        assert archive.read("corrections/images/greeting.webp") == (EXAMPLES / "greeting.webp").read_bytes()
    assert [len(annotation["keypoints"]) for annotation in table["annotations"]] == [63, 63, 1434]

    other = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    uploader = next(each for each in other.file_uploader if "ZIP of corrections" in each.label)
    uploader.set_value(("corrections.zip", content, "application/zip"))
    other.run()
    assert not other.exception and not other.error
    labels = present(other)
    assert labels.instances[0].points[8].tolist() == [100, 120] and labels.instances[1].handedness == "right"
    assert [label.corrected for label in labels.instances] == [True, True, False]
    assert photo_of(other).result is not None


def test_a_zip_too_large_to_come_back_is_announced(visitor, monkeypatch):
    correct(visitor, MOVE)
    assert not visitor.warning
    options = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: 0.01 if name == "server.maxUploadSize" else options(name))
    visitor.run()
    assert not visitor.exception and "back" in visitor.warning[0].value


def test_a_zip_that_is_none_gets_a_sentence(visitor):
    uploader = next(each for each in visitor.file_uploader if "ZIP of corrections" in each.label)
    uploader.set_value(("corrections.zip", b"no zip", "application/zip"))
    visitor.run()
    assert not visitor.exception and any("no ZIP that can be read" in error.value for error in visitor.error)


def test_names_tell_instances_apart(visitor):
    labels = present(visitor)
    two = labels.turned(0, "left").turned(1, "left")
    assert sorted(name for name, _ in named(two.instances)) == ["Face", "Left hand 1", "Left hand 2"]


def test_the_editor_s_data_names_every_point(visitor, monkeypatch):
    monkeypatch.setattr("pages.parts.correct.editor.visitors_photo_list", lambda: visitor.session_state["photo_list"])
    monkeypatch.setattr("pages.parts.correct.editor.address_of", lambda file, made: file)
    data = editor_data(photo_of(visitor), visitor.session_state["corrections"].of(photo_of(visitor)))
    assert {kind: len(names) for kind, names in data["names"].items()} == {"hand": 21, "face": 478}
    assert [len(instance["points"]) for instance in data["instances"]] == [21, 21, 478]
    assert json.dumps(data)


def test_coco_folder_bounds_match_the_page_s():
    from pages.parts.album.photo_list import MOST_BYTES, MOST_PHOTOS

    assert (coco_folder.MOST_PHOTOS, coco_folder.MOST_BYTES) == (MOST_PHOTOS, MOST_BYTES)
