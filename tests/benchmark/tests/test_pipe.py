import io
import sys

import numpy as np

from tests.benchmark.sides import pipe, workers

ECHO = """
import sys
sys.path.insert(0, {here!r})
import pipe
answers = pipe.start(1)
print("loaded", flush=True)  # a library's chatter must not end up between the messages
pipe.serve(answers, lambda question: {{"shape": question["picture"].shape, "milliseconds": question["picture"].sum()}})
"""


def test_arrays_arrive_as_they_were_sent():
    stream = io.BytesIO()
    sent = {"picture": np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "parts": np.array("hands mesh"), "live": np.array(True)}
    pipe.send(stream, sent)
    stream.seek(0)
    received = pipe.receive(stream)
    assert received.keys() == sent.keys() and all((received[name] == sent[name]).all() for name in sent)
    assert str(received["parts"]) == "hands mesh" and pipe.receive(stream) is None


def test_a_worker_answers_until_it_is_left(tmp_path):
    script = tmp_path / "echo.py"
    script.write_text(ECHO.format(here=str(workers.HERE)))
    with workers.Worker(sys.executable, script, 1) as worker:
        for side in (3, 5):
            assert worker.ask(np.ones((side, 4, 3), np.uint8))["shape"].tolist() == [side, 4, 3]
        assert worker.started > 0
    assert worker._process.returncode == 0
