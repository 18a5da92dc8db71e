"""The training page through Streamlit's AppTest: with a run made up here, and with hands and faces at known places."""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from export.graph import face_head
from model import Landmarker, Result, open_photo
from model.inference.network_file import WEIGHTS
from model.runtime.geometry import ROI, roi_from_points
from model.runtime.topology import HAND_POINTS
from model.training import run_log as traces
from pages.parts.explore import example_picker
from pages.parts.learn.questions import questions
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.shared.examples import Example
from pages.parts.training import demo_training, train_yourself
from pages.parts.training.demo_training import FAILED, FINISHED, RUNNING, STOPPED, DemoTraining, WatchedCrop

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "model" / "examples"
SECTIONS = ["Data flow", "Training trace", "Prediction trace", "Train it yourself", "Quiz"]


def run_document(epochs: int = 6, kind: str = "hand") -> dict:
    """A training trace in which every error falls by a third in each epoch; the ring finger is the hardest."""
    entries, count = [], {"hand": 21, "face": 68}[kind]
    for number in range(1, epochs + 1):
        error = 0.3 * 0.67 ** (number - 1)
        points = [error] * 13 + [1.5 * error] * 4 + [error] * (count - 17)
        accuracy = 1 - 2 * error if kind == "hand" else 1 - 1.5 * error
        entries.append(
            {
                "epoch": number, "crop": 128, "crops": 1000, "seconds": 60.0, "learning_rate": 1e-3, "loss": 100 * error,
                "losses": {f"{kind}.points": 50 * error}, "accuracy": {kind: accuracy},
                "nme": {kind: error}, "point_nme": {kind: points},
                "sets": {f"real_{kind}s": {"nme": error, "pck": accuracy, "rows": 10}},
                "predictions": [[[100 + 100 * error, 50.0]] * count], "watched": [[100 + 100 * error, 50.0]] * count,
            }
        )  # fmt: skip
    return {
        "run": {"name": "made up", "parameters": 1234, "device": "a test", "date": "2000-01-01"},
        "pck_threshold": 0.1,
        "pictures": [{"file": "trace/0.webp", "kind": kind, "size": 256, "truth": [[100.0, 50.0]] * count}],
        "epochs": entries,
    }


def released_document() -> dict:
    return {kind: run_document(kind=kind) for kind in ("hand", "face")}


@pytest.fixture
def run_file(tmp_path) -> Path:
    (tmp_path / "trace").mkdir()
    Image.new("RGB", (256, 256), "grey").save(tmp_path / "trace" / "0.webp")
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(released_document()))
    return path


@pytest.fixture
def with_run(monkeypatch, run_file):
    """The page reads the made-up runs."""
    read = traces.read_released
    monkeypatch.setattr(traces, "read_released", lambda path=run_file: read(path))


@pytest.fixture(scope="session")
def seen() -> dict[str, Result]:
    """Example file -> what the network says at the true places of its hands and faces, whatever the detector gives."""
    landmarker, results = Landmarker(), {}
    for file in EXAMPLES.glob("*.json"):
        truth = json.loads(file.read_text())
        rgb = open_photo(file.with_suffix(".webp"))
        hands = [("hand", roi_from_points("hand", np.array(hand["landmarks"]))) for hand in truth.get("hands", ())]
        faces = [("face", _face_place(np.array(face["ibug68"]))) for face in truth.get("faces", ())]
        found = landmarker.predict(rgb, hands + faces, trace=True)
        found = tuple(found[: len(hands)]), tuple(found[len(hands) :])
        results[file.with_suffix(".webp").name] = Result(rgb.shape[1], rgb.shape[0], *found, {"total": 1.0})
    return results


def _face_place(ibug: np.ndarray):
    low, high = ibug.min(axis=0), ibug.max(axis=0)
    return ROI(*((low + high) / 2), float(1.6 * (high - low).max()))


@pytest.fixture
def newcomer(monkeypatch, seen) -> Iterator[AppTest]:
    """Whoever opens the page for the first time."""
    with_truth = [Example("greeting.webp", "Two hands and a face", ""), Example("hands.webp", "Two hands", "")]
    monkeypatch.setattr(example_picker, "EXAMPLES", with_truth)
    example_picker.example_hands.clear()  # kept by Streamlit for all tests
    monkeypatch.setattr(example_picker, "traced", lambda photo: photo.result or seen[photo.name])
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    yield visitor.switch_page("pages/training.py").run()
    example_picker.example_hands.clear()


@pytest.fixture
def visitor(newcomer) -> AppTest:
    """Follows greeting.webp, whichever example comes first with these weights."""
    return newcomer.selectbox(key="subject_picture").set_value("Two hands and a face").run()


def followed(result: Result):
    """The hand or face that is followed where the visitor has not chosen one."""
    named = dict(example_picker.names(result))
    return named[example_picker.easiest(named.items())]


def show(visitor: AppTest, section: str) -> AppTest:
    """Run the page in a section. AppTest forgets the open tab, as it forgets all tabs, so it is given with every run."""
    visitor.session_state["section"] = section
    visitor.run()
    assert not visitor.exception, section
    return visitor


def said(visitor: AppTest) -> str:
    kinds = ("markdown", "info", "caption", "success", "error", "warning", "header", "subheader")
    return "\n".join(element.value for kind in kinds for element in visitor.get(kind))


def test_every_section_shows(visitor, with_run):
    assert [tab.label for tab in visitor.tabs] == SECTIONS
    for section in SECTIONS:
        show(visitor, section)
    assert "extracting image features and refining its predictions over time. A falling loss together with a rising accuracy" in said(visitor)


def test_the_key_insight_says_where_other_pictures_were_measured(visitor, with_run, run_file):
    assert "Of hands" not in said(visitor.run())
    document = released_document()
    document["hand"]["epochs"][-1]["sets"]["wild"] = {}
    run_file.write_text(json.dumps(document))
    assert "(Of hands, the last epochs are measured on other pictures than the first" in said(visitor.run())


def test_without_a_run_the_rest_still_works(visitor, monkeypatch):
    monkeypatch.setattr(traces, "read_released", lambda path=None: None)
    for section in SECTIONS:
        show(visitor, section)
    assert "There is no training trace" in said(show(visitor, "Training trace"))
    assert len(show(visitor, "Quiz").radio) >= 3


def test_a_broken_run_is_reported_in_a_sentence(visitor, with_run, run_file):
    run_file.write_text("{")
    assert "The training trace trace.json cannot be read." in said(show(visitor, "Training trace"))


class TestDataFlow:
    @pytest.mark.parametrize("picture", ["Two hands and a face", "Two hands"])
    def test_every_stage_shows(self, visitor, picture):
        visitor.selectbox(key="subject_picture").set_value(picture).run()
        names = ["Input image", "Preprocessing", "Feature extraction", "Landmark regression head", "Postprocessing"]
        for index, name in enumerate(names):
            assert not visitor.exception
            assert visitor.header[0].value == f"{index + 1} {name}"
            assert "In: " in said(visitor) and "Out: " in said(visitor) and visitor.latex
            if index < len(names) - 1:
                visitor.button(key="stage_next").click().run()
        assert visitor.button(key="stage_next").disabled
        visitor.button(key="stage_back").click().run()
        assert visitor.header[0].value == "4 Landmark regression head"

    def test_a_face_can_be_followed(self, visitor):
        instance = next(box for box in visitor.selectbox if box.label == "Hand or face")
        instance.set_value("Face").run()
        for stage in range(5):
            visitor.query_params["stage"] = str(stage + 1)
            visitor.run()
            assert not visitor.exception
        assert "1434" in said(visitor)

    @pytest.mark.parametrize("kind", ["hand", "face"])
    def test_the_regression_stage_shows_what_the_network_does(self, visitor, seen, kind):
        """A hand's point begins at its heat map's mean, a face's at the mean of its mixture of 78 maps; the rest is the layers behind."""
        instance = seen["greeting.webp"].faces[0] if kind == "face" else followed(seen["greeting.webp"])
        if kind == "face":
            next(box for box in visitor.selectbox if box.label == "Hand or face").set_value("Face").run()
        visitor.query_params["stage"] = "4"
        visitor.run()
        assert not visitor.exception
        point = {"hand": 8, "face": 4}[kind]
        if kind == "hand":
            maps = weighted = instance.trace.heatmaps[point]
        else:
            head = face_head.read(WEIGHTS)
            maps = head.maps(instance.trace.features)
            weighted = (head.spread[point][:, None, None] * maps).sum(axis=0)
        cells = (np.arange(64) + 0.5) / 64
        guess = (weighted.sum(axis=0) * cells).sum(), (weighted.sum(axis=1) * cells).sum()
        x, y, _ = instance.trace.vector.reshape(-1, 3)[point]
        assert f"x = {guess[0]:.3f}, y = {guess[1]:.3f}. Fully connected" in said(visitor)
        assert f"move the point by ({x - guess[0]:+.3f}, {y - guess[1]:+.3f})" in said(visitor)
        formula = visitor.latex[0].value
        assert ("spread" in formula) == ("78 heat maps" in said(visitor)) == (kind == "face")
        assert [expander.label for expander in visitor.expander if "78" in expander.label] == ["The 78 heat maps"] * (kind == "face")

    def test_numbers_are_those_of_the_picture(self, visitor, seen):
        result = seen["greeting.webp"]
        names = dict(example_picker.names(result))
        instance = names[example_picker.easiest(names.items())]
        visitor.query_params["stage"] = "5"
        visitor.run()
        assert "(0.45, 0.32, 0.05) × 256 → pixel **(115, 82, depth 13)**" in said(visitor)
        x, y, z = instance.trace.vector.reshape(-1, 3)[8]
        px, py, pz = instance.landmarks[8]
        assert f"x = {x:.3f}, y = {y:.3f}, z = {z:.3f}" in said(visitor)
        assert f"({x * 256 - 0.5:.0f}, {y * 256 - 0.5:.0f}), depth {z * 256:.0f}" in said(visitor)
        assert f"photo pixel **({px:.0f}, {py:.0f}), depth {pz:.0f}**" in said(visitor)

    def test_a_good_hand_comes_first_and_a_hard_one_is_offered(self, newcomer):
        visitor = newcomer
        good, *_, hard = example_picker.example_hands()
        assert good.error < 0.04 and good.error < hard.error and good.quality > hard.quality
        assert visitor.selectbox(key="subject_picture").value == good.picture
        assert next(box for box in visitor.selectbox if box.label == "Hand or face").value == good.name
        assert "A hard one:" not in said(visitor)
        visitor.button(key="hard_example").click().run()
        assert not visitor.exception
        assert visitor.selectbox(key="subject_picture").value == hard.picture
        assert next(box for box in visitor.selectbox if box.label == "Hand or face").value == hard.name
        assert f"be off by {hard.error:.1%} of the hand's size" in said(visitor)

    def test_the_good_hand_is_one_that_the_network_gets_right(self, newcomer):
        """By the truth of its picture, which the page does not know."""
        good, *_, hard = example_picker.example_hands()
        assert self.true_error(good) < min(0.04, self.true_error(hard))

    @staticmethod
    def true_error(hand) -> float:
        path = next(example.path for example in example_picker.EXAMPLES if example.title == hand.picture)
        instance = dict(example_picker.names(Landmarker().detect(open_photo(path))))[hand.name]
        points, size = instance.landmarks[:, :2], np.ptp(instance.landmarks[:, :2], axis=0).max()
        truths = [np.array(own["landmarks"])[:, :2] for own in json.loads(path.with_suffix(".json").read_text())["hands"]]
        return min(np.linalg.norm(points - truth, axis=1).mean() for truth in truths) / size

    def test_a_photo_is_opened_once_and_in_its_turn(self, visitor, seen, monkeypatch):
        """Whatever opens a photo at its full size takes a turn: the server's memory depends on it. Clicks open nothing."""
        opened = []
        for name, module in list(sys.modules.items()):
            if name.startswith("pages.") and hasattr(module, "open_photo"):
                monkeypatch.setattr(module, "open_photo", lambda content: (opened.append(WORK_QUEUE.working), open_photo(content))[1])
        photo_list = visitor.session_state["photo_list"]
        photo_list.add("mine.webp", (EXAMPLES / "hands.webp").read_bytes() + os.urandom(8))  # no other test has opened these bytes
        next(iter(photo_list)).result = seen["hands.webp"]
        visitor.run().selectbox(key="subject_picture").set_value(example_picker.OWN)
        for stage in (0, 1, 2, 3, 4, 0, 4):
            visitor.query_params["stage"] = str(stage + 1)
            visitor.run()
            assert not visitor.exception
        assert opened == [1]

    def test_the_last_photo_comes_first(self, newcomer, seen):
        visitor = newcomer
        photo_list = visitor.session_state["photo_list"]
        photo_list.add("mine.webp", (EXAMPLES / "hands.webp").read_bytes())
        next(iter(photo_list)).result = seen["hands.webp"]
        other = visitor.switch_page("pages/upload.py").run().switch_page("pages/training.py").run()
        assert not other.exception
        assert other.selectbox(key="subject_picture").options[0] == example_picker.OWN

    def test_nothing_found_is_said(self, visitor, monkeypatch):
        monkeypatch.setattr(example_picker, "traced", lambda photo: Result(10, 10, (), (), {"total": 1.0}))
        for section in SECTIONS:
            show(visitor, section)
        assert "finds no hand and no face" in said(show(visitor, "Data flow"))


class TestTrainingTrace:
    def test_figures_come_from_the_run(self, visitor, with_run):
        show(visitor, "Training trace")
        document = run_document()
        table = next(frame.value for frame in visitor.dataframe if {"observation", "hand"} <= set(frame.value))
        assert list(table["loss"]) == [epoch["loss"] for epoch in document["epochs"]]
        assert list(table["hand"]) == [epoch["accuracy"]["hand"] for epoch in document["epochs"]]
        assert table["observation"].str.len().min() > 5
        assert "The hardest finger is the ring" in said(visitor)
        assert "6 epochs, 6,000 crops, 6 minutes of training, 1,234 parameters" in said(visitor)

    def test_every_network_has_its_own_run(self, visitor, with_run):
        show(visitor, "Training trace")
        visitor.button_group(key="network").set_value("face")
        show(visitor, "Training trace")
        table = next(frame.value for frame in visitor.dataframe if {"observation", "face"} <= set(frame.value))
        assert "hand" not in table and list(table["face"]) == [epoch["accuracy"]["face"] for epoch in run_document(kind="face")["epochs"]]

    def test_the_detectors_run_is_shown_if_it_is_there(self, visitor, with_run, run_file):
        assert "detector" not in show(visitor, "Training trace").button_group(key="network").options
        epochs = [
            {"epoch": n, "crop": 256, "crops": 320, "seconds": 60, "loss": 2.5 / n, "sets": {"hand_scenes": {"recall": n / 4, "precision": 0.9}}}
            for n in (1, 2, 3)
        ]
        run_file.write_text(json.dumps(released_document() | {"detector": {"run": {}, "epochs": epochs}}))
        show(visitor, "Training trace").button_group(key="network").set_value("detector")
        assert "How it was trained: 3 epochs, 960 pictures, 3 minutes" in said(show(visitor, "Training trace"))

    def test_the_detectors_boxes_are_played_if_they_were_recorded(self, visitor, with_run, run_file):
        document = released_document()
        epochs = [
            {"epoch": n, "crop": 128, "crops": 10, "seconds": 1, "loss": 1.0, "sets": {"hand_scenes": {"recall": 0.5, "precision": 0.5}}} for n in (1, 2, 3)
        ]
        document["detector"] = {"run": {}, "epochs": epochs}
        run_file.write_text(json.dumps(document))
        show(visitor, "Training trace")
        visitor.segmented_control(key="network").set_value("detector").run()
        assert "Watch the boxes converge" not in [heading.value for heading in visitor.header]
        for epoch in epochs[1:]:  # the run had begun before it recorded them
            epoch["predictions"] = [[[0, 0.9, 10, 20, 30, 40]]]
        document["detector"]["pictures"] = [{"file": "trace/0.webp"}]
        run_file.write_text(json.dumps(document))
        visitor.run()
        assert "Watch the boxes converge" in [heading.value for heading in visitor.header]

    def test_the_textbooks_trace_stands_beside_it_and_says_so(self, visitor, with_run):
        show(visitor, "Training trace")
        textbook = next(table.value for table in visitor.table if "observation" in table.value)
        assert list(textbook["loss ↓"]) == [0.12, 0.08, 0.05, 0.035, 0.025]
        assert list(textbook["accuracy ↑"]) == [0.65, 0.75, 0.82, 0.88, 0.91]
        for word, observation in zip(("basic positions", "precise", "shapes", "joints", "Converges"), textbook["observation"]):
            assert word in observation
        assert "made up to show the idea, not measured" in said(visitor)

    def test_missing_pictures_leave_the_rest(self, visitor, with_run, run_file):
        (run_file.parent / "trace" / "0.webp").unlink()
        assert "comes without pictures" in said(show(visitor, "Training trace"))


class TestPredictionTrace:
    def test_layers_are_those_of_the_file(self, visitor):
        from export.graph import layers

        show(visitor, "Prediction trace")
        stages = layers.read(WEIGHTS)
        overview = visitor.dataframe[0].value
        assert [step.split(":")[0] for step in overview["step"]] == ["Layer 1", "Layer 2", "Layer 3", "Layer 4"]
        assert list(overview["parameters"])[:3] == [
            sum(layer.parameters for layer in stages[stage]) for stage in (layers.PREPROCESSING, "hand_features", "hand")
        ]
        assert list(overview["output"])[:3] == ["3 × 256 × 256", "64 × 64 × 64", "63"]
        assert (overview["ms"][1:3] > 0).all()
        assert overview["ms"].isna()[0], "in eight bits the first convolution reads the pixels as they come"
        before = len(visitor.dataframe[3].value)
        visitor.toggle(key="every_operation").set_value(True)
        show(visitor, "Prediction trace")
        assert len(visitor.dataframe[3].value) > before

    @pytest.mark.parametrize("name, sentence", [("Face", "78 heat maps say"), ("Left hand", "a heat map for each point")])
    def test_the_head_is_described_as_it_is(self, visitor, name, sentence):
        next(box for box in visitor.selectbox if box.label == "Hand or face").set_value(name).run()
        assert sentence in said(show(visitor, "Prediction trace"))

    def test_unmeasured_times_are_no_error(self, visitor, monkeypatch):
        import streamlit as st

        from pages.parts.learn import layer_times

        def fail(path):
            raise RuntimeError("The layers could not be timed on this machine.")

        st.cache_data.clear()
        monkeypatch.setattr(layer_times, "measure", fail)
        assert "could not be timed" in said(show(visitor, "Prediction trace"))


class TestQuiz:
    def test_first_question_and_number(self, visitor, with_run):
        show(visitor, "Quiz")
        assert len(visitor.radio) >= 6
        first = visitor.radio[0]
        assert "What does the feature extraction stage mainly do?" in first.label
        assert first.options == [
            "Detect edges and textures", "Normalise pixel values", "Scale coordinates", "Predict coordinates directly",
        ]  # fmt: skip
        assert "63 numbers" in visitor.radio[1].label and "65% to 91%" in visitor.radio[2].label

    def answer(self, visitor: AppTest, number: int, option: str) -> AppTest:
        visitor.radio[number].set_value(option)
        show(visitor, "Quiz")
        next(b for b in visitor.button if b.key == f"{visitor.radio[number].key}_check").click()
        return show(visitor, "Quiz")

    def test_answers_are_explained_counted_and_final(self, visitor, with_run):
        show(visitor, "Quiz")
        assert all(button.disabled for button in visitor.button if button.label == "Check")
        self.answer(visitor, 0, "Detect edges and textures")
        assert "Right." in visitor.success[0].value and "Score: 1 of" in said(visitor)
        assert visitor.radio[0].disabled and visitor.radio[0].index == 0
        self.answer(visitor, 1, "63 points, and one number for each")
        assert "21 landmarks × 3" in visitor.error[0].value and "Score: 1 of" in said(visitor)

    def test_all_right_gives_the_full_score(self, visitor, with_run, run_file, seen):
        show(visitor, "Quiz")
        named = dict(example_picker.names(seen["greeting.webp"]))
        names = [name.replace("_", " ") for name in HAND_POINTS]
        asked = questions(traces.read_released(run_file).landmarks["hand"], named[example_picker.easiest(named.items())], names, 0)
        for number, question in enumerate(asked):
            self.answer(visitor, number, question.options[question.right])
        assert not visitor.error and f"Score: {len(asked)} of {len(asked)}" in said(visitor)

    def test_answers_stay_when_another_section_is_visited(self, visitor, with_run):
        self.answer(show(visitor, "Quiz"), 0, "Scale coordinates")
        show(visitor, "Training trace")
        assert show(visitor, "Quiz").error

    def test_try_again(self, visitor, with_run):
        assert self.answer(show(visitor, "Quiz"), 0, "Scale coordinates").error
        visitor.button(key="quiz_again").click()
        show(visitor, "Quiz")
        assert not visitor.error and all(radio.value is None for radio in visitor.radio)

    def test_the_session_holds_no_right_answer(self, visitor, with_run):
        self.answer(show(visitor, "Quiz"), 0, "Scale coordinates")
        held = str({key: visitor.session_state[key] for key in ("quiz_round", "quiz_answers")})
        assert "Scale coordinates" in held and "Detect edges" not in held
        assert not [radio for radio in visitor.radio[1:] if radio.value is not None]

    @pytest.mark.parametrize("file, kind", [("hands.webp", "hands"), ("greeting.webp", "faces")])
    def test_questions_about_the_picture_have_one_right_answer(self, seen, run_file, file, kind):
        instance = getattr(seen[file], kind)[0]
        names = [str(number) for number in range(len(instance.landmarks))]
        for seed in range(5):
            asked = {q.name: q for q in questions(traces.read_released(run_file).landmarks["hand"], instance, names, seed)}
            assert all(len(set(q.options)) == len(q.options) >= 2 and q.why for q in asked.values())
            assert asked["hardest"].options[asked["hardest"].right] == "Ring"
            pixel = asked["pixel"]
            x = float(pixel.text.split("x = ")[1].split()[0])
            assert abs(int(pixel.options[pixel.right]) - (x * 256 - 0.5)) <= 0.7
        if kind == "hands":
            by_finger = instance.sigma[1:].reshape(5, 4).mean(axis=1)
            right = asked["unsure"].options[asked["unsure"].right]
            assert right == ["Thumb", "Index", "Middle", "Ring", "Pinky"][int(by_finger.argmax())]

    def test_the_order_changes_with_the_round_but_not_within_it(self, seen):
        orders = [tuple(q.options for q in questions(None, seen["hands.webp"].hands[0], ["p"] * 21, s)) for s in (0, 0, 1, 2)]
        assert orders[0] == orders[1] and len(set(orders)) > 1


def stand_in(run: Path, body: str) -> list[str]:
    """A command that writes a run's files as the training does."""
    return [sys.executable, "-c", f"import json, os, sys, time, pathlib\nrun = pathlib.Path({str(run)!r})\n{body}"]


EPOCH_AND_WAIT = f"""
document = {run_document(1)!r}
(run / "trace.json").write_text(json.dumps(document))
(run / "progress.json").write_text(json.dumps(dict(epoch=2, step=50, steps=100, loss=7.5)))
child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", "import time; time.sleep(120)"])
(run / "child").write_text(str(child))
time.sleep(120)
"""
ALL_EPOCHS = f'(run / "trace.json").write_text(json.dumps({run_document(5)!r}))'


CROP = WatchedCrop("hand", np.zeros((256, 256, 3), np.uint8), np.full((21, 2), 100.0))


def training(body: str) -> DemoTraining:
    return DemoTraining(lambda run, kind: stand_in(run, body))


def wait_for(condition, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except OSError:
        return False


class TestDemoTraining:
    def test_runs_to_the_end(self):
        demo = training(ALL_EPOCHS)
        assert demo.state == "idle" and demo.trace() is None
        assert demo.start("me", CROP)
        wait_for(lambda: demo.state != RUNNING)
        assert demo.state == FINISHED and len(demo.trace().epochs) == 5 and demo.progress().share == 1

    def test_one_at_a_time_and_stop_ends_all_its_processes(self):
        demo = training(EPOCH_AND_WAIT)
        assert demo.start("me", CROP) and not demo.start("you", CROP)
        wait_for(lambda: (demo.folder.path / "child").exists() and (demo.folder.path / "child").read_text())
        child = int((demo.folder.path / "child").read_text())
        assert demo.owner == "me" and demo.state == RUNNING
        assert demo.progress().share == pytest.approx(1.5 / 5) and "Epoch 2 of 5, 50%" in demo.progress().said
        own = os.getpgid(demo._process.pid)
        assert own != os.getpgid(0), "a group of its own"
        demo.stop()
        assert demo.state == STOPPED
        wait_for(lambda: not alive(child))
        assert demo.start("you", CROP) and demo.owner == "you"
        demo.stop()

    def test_a_failure_says_why(self):
        demo = training("sys.exit('no room left')")
        demo.start("me", CROP)
        wait_for(lambda: demo.state != RUNNING)
        assert demo.state == FAILED and demo.complaint() == "no room left"

    def test_the_real_command_is_understood(self, tmp_path):
        command = demo_training.demo_command(tmp_path)
        assert command[0] == sys.executable and "--demo" in command and importlib.util.find_spec(command[2])

    def test_a_stopped_run_goes_on_in_its_folder(self):
        count = "(run / 'starts').open('a').write('x')\n" + EPOCH_AND_WAIT
        demo = training(count)
        demo.start("me", CROP)
        wait_for(lambda: demo.trace())
        demo.stop()
        stopped = demo.keep(CROP)
        assert stopped.epochs == 1
        demo.start("you", CROP)
        wait_for(lambda: demo.file("child"))
        assert demo.file("starts") == b"x"
        demo.stop()
        assert demo.start("me", stopped.crop, stopped.folder) and demo.progress().said == "Epoch 1 of 5 is done."
        wait_for(lambda: demo.file("starts") == b"xx")
        demo.stop()

    def test_stopped_runs_are_bounded(self, monkeypatch):
        demo, kept = training(ALL_EPOCHS), []
        assert demo.keep(CROP) is None, "nothing ran"
        for visitor in range(demo_training.MOST_KEPT + 2):
            demo.start(str(visitor), CROP)
            wait_for(lambda: demo.state != RUNNING)
            kept.append(demo.keep(CROP))
        assert [run.folder.is_there for run in kept] == [False, False] + [True] * demo_training.MOST_KEPT
        assert [run.folder.path.exists() for run in kept] == [run.folder.is_there for run in kept]
        paths = [run.folder.path for run in kept]
        monkeypatch.setattr(demo_training, "MOST_BYTES", 1)
        assert demo.keep(CROP) is None, "too large"
        kept.clear()
        demo.forget()
        assert not any(path.exists() for path in paths), "they go with the visits"


class TestTrainYourself:
    @pytest.fixture
    def demo(self, monkeypatch):
        demo = training(EPOCH_AND_WAIT)
        monkeypatch.setattr(train_yourself, "shared_training", lambda: demo)
        yield demo
        demo.stop()

    def test_start_watch_leave_return_stop(self, visitor, demo):
        show(visitor, "Train it yourself")
        visitor.button(key="train").click()
        show(visitor, "Train it yourself")
        assert demo.state == RUNNING
        wait_for(demo.trace)
        visitor.switch_page("pages/upload.py").run()
        visitor.switch_page("pages/training.py").run()
        assert demo.state == RUNNING
        show(visitor, "Train it yourself")
        visitor.button(key="stop_training").click()
        show(visitor, "Train it yourself")
        assert demo.state == STOPPED and "Stopped after 1 of 5 epochs." in said(visitor)
        folder = demo.folder.path
        assert visitor.button(key="resume_training").label == "Resume after epoch 1"
        visitor.button(key="resume_training").click()
        show(visitor, "Train it yourself")
        assert demo.state == RUNNING and demo.folder.path == folder
        assert not [button for button in visitor.button if button.key in ("train", "resume_training")]

    def test_the_example_is_the_visitors_own(self, visitor, demo, seen):
        show(visitor, "Train it yourself")
        visitor.button(key="train").click()
        show(visitor, "Train it yourself")
        crop = visitor.session_state["watched_crop"]
        instance = followed(seen["greeting.webp"])
        assert crop.kind == "hand" and crop.rgb.shape == (256, 256, 3) and crop.rgb.std() > 10
        back = crop.reference @ instance.roi.to_photo()[:2, :2].T + instance.roi.to_photo()[:2, 2]
        assert back == pytest.approx(instance.landmarks[:, :2], abs=0.01)
        wait_for(demo.trace)
        show(visitor, "Train it yourself")
        assert "Your example, epoch by epoch" in [heading.value for heading in visitor.subheader]

    def test_a_second_visitor_is_reported(self, visitor, demo):
        demo.start("somebody else", CROP)
        show(visitor, "Train it yourself")
        assert "Another visitor's training is running" in said(visitor)
        assert not [button for button in visitor.button if button.key in ("train", "stop_training")]

    def test_without_torch_there_is_one_command(self, visitor, demo, monkeypatch):
        monkeypatch.setattr(demo_training, "torch_is_there", lambda: False)
        show(visitor, "Train it yourself")
        assert visitor.code[0].value == "python3 make.py train --demo"
        assert not [button for button in visitor.button if button.key == "train"]

    def test_the_page_needs_no_torch(self):
        import subprocess

        code = "import sys, pages.parts.training.train_yourself, pages.parts.learn.quiz, pages.parts.learn.layer_view, pages.parts.learn.data_flow"
        code += ", pages.parts.training.run_report; assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
