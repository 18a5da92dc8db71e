"""The widgets of the training on corrections, with a stand-in for the process that trains."""

import json
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.correct import teach, teaching
from pages.parts.server import background_run
from pages.parts.server.background_run import FINISHED, RUNNING, STOPPED, BackgroundRun

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "model" / "examples"


def epoch(number: int, truth: list) -> dict:
    points = [[[x + 10 - number, y] for x, y in crop] for crop in truth]
    figures = {"own": 0.2 - 0.05 * number, "kept": 0.05, "loss": 9.0 - number if number else None, "losses": {}}
    return {"number": number, "seconds": 1.0, "learning_rate": 1e-3, "predictions": points} | figures


TRUTH = [[[10.0 + 5 * k, 100.0] for k in range(21)]]
RUN = {"planned": 2, "kind": "hand", "truth": TRUTH}
BEGUN = {"run": RUN, "epochs": [epoch(0, TRUTH), epoch(1, TRUTH)]}
DONE = {"run": RUN | {"seconds": 61.0}, "epochs": [epoch(n, TRUTH) for n in range(3)]}
DONE["figures"] = {"before": {"corrected": 0.2, "built_in": 0.05}, "after": {"corrected": 0.1, "built_in": 0.051}}
START = "import json, pathlib, sys, time; run = pathlib.Path(sys.argv[1]); given = sys.stdin.buffer.read(); assert given[:2] == b'PK'"
WAITING = f"{START}; (run / 'trace.json').write_text(json.dumps({BEGUN!r})); time.sleep(120)"
WHOLE = f"{START}; (run / 'own.zip').write_bytes(b'the network'); (run / 'trace.json').write_text(json.dumps({DONE!r}))"


@pytest.fixture
def run(monkeypatch):
    """The server's training; nobody else's."""
    run = BackgroundRun("pointillist-test-")
    monkeypatch.setattr(teach, "shared_teaching", lambda: run)
    yield run
    run.clean_up()


@pytest.fixture
def visitor(run) -> AppTest:
    """A visitor with a corrected hand, in the room where the network is taught."""
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    visitor.session_state["photo_list"].add("greeting.webp", (EXAMPLES / "greeting.webp").read_bytes())
    visitor.run()
    assert "Teach the network with your corrections" not in [expander.label for expander in visitor.expander], "nothing is corrected yet"
    photo = next(iter(visitor.session_state["photo_list"]))
    visitor.session_state["corrections"].edit(photo, [{"n": 1, "do": "move", "number": 0, "points": [[8, 100, 120]]}])
    visitor.session_state["teach_room"] = True
    return visitor.run()


def stand_in(monkeypatch, code: str) -> None:
    monkeypatch.setattr(teaching, "command", lambda kind, folder: [sys.executable, "-c", code, str(folder)])


def words(visitor) -> str:
    return "\n".join(element.value for element in (*visitor.markdown, *visitor.caption, *visitor.info, *visitor.warning, *visitor.error))


def wait_for(condition, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_train_and_take_the_network_along(visitor, run, monkeypatch):
    stand_in(monkeypatch, WHOLE)
    assert not visitor.exception
    visitor.button(key="teach").click()
    visitor.run()
    wait_for(lambda: run.state in (FINISHED, "idle"))
    visitor.run()
    assert not visitor.exception and run.state == "idle", "what the run has written is in the visit's memory, its folder gone"
    assert "Your hand network is ready" in words(visitor)
    assert [(metric.label, metric.value) for metric in visitor.metric] == [("On your corrected crops", "10.0%"), ("On the project's own pictures", "5.1%")]
    assert [metric.delta.split()[0] for metric in visitor.metric] == ["-50%", "+2%"]
    taught = visitor.session_state["taught"]
    assert taught.content == b"the network" and len(taught.lesson.crops) == 1
    visitor.run()
    assert "Your hand network is ready" in words(visitor), "it stays for the visit"


def test_watch_and_stop(visitor, run, monkeypatch):
    stand_in(monkeypatch, WAITING)
    visitor.button(key="teach").click()
    visitor.run()
    wait_for(lambda: run.document("trace.json"))
    visitor.run()
    assert not visitor.exception and run.state == RUNNING
    assert not [button for button in visitor.button if button.key == "teach"]
    visitor.button(key="stop_teaching").click()
    visitor.run()
    assert run.state == STOPPED and "The training was stopped." in words(visitor)


def test_a_second_visitor_waits(visitor, run, monkeypatch):
    stand_in(monkeypatch, WAITING)
    teaching.start(run, "somebody else", "hand", visitor.session_state["corrections"].corrected())
    visitor.run()
    assert "Another visitor's training is running" in words(visitor)
    assert not [button for button in visitor.button if button.key in ("teach", "stop_teaching")]
    run.stop()
    visitor.run()
    assert "stopped" not in words(visitor) and [button for button in visitor.button if button.key == "teach"]


def test_a_failure_says_why(visitor, run, monkeypatch):
    stand_in(monkeypatch, f"{START}; sys.exit('No hand is corrected in these photos.')")
    visitor.button(key="teach").click()
    visitor.run()
    wait_for(lambda: run.state != RUNNING)
    visitor.run()
    assert "No hand is corrected" in words(visitor)


def test_without_torch_the_command_is_offered(visitor, monkeypatch):
    monkeypatch.setattr(background_run, "torch_is_there", lambda: False)
    visitor.run()
    assert not [button for button in visitor.button if button.key == "teach"] and "PyTorch" in words(visitor)
    assert visitor.code[0].value == "python3 make.py teach --corrections corrections.zip --kind hand --output own"


def test_the_kinds_that_are_corrected_can_be_chosen(visitor):
    photo = next(iter(visitor.session_state["photo_list"]))
    corrections = visitor.session_state["corrections"]
    assert teaching.counts(corrections.corrected()) == {"hand": 1}
    corrections.edit(photo, [{"n": 2, "do": "remove", "number": 2}, {"n": 3, "do": "remove", "number": 1}])
    assert teaching.counts(corrections.corrected()) == {"hand": 2, "face": 1}
    visitor.run()
    assert not visitor.exception and "Train on my corrected hands" in [button.label for button in visitor.button]


def test_the_page_needs_no_torch():
    import subprocess

    code = "import sys, pages.parts.correct.teach, pages.parts.correct.correct_photo; assert 'torch' not in sys.modules and 'tqdm' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_real_command_is_understood(tmp_path):
    import importlib.util

    command = teaching.command("hand", tmp_path)
    assert command[0] == sys.executable and importlib.util.find_spec(command[2]) and json.dumps(command)
