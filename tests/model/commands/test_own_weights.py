"""The app with a network of one's own: from the file or ZIP that teaching gives to a running server, or a sentence."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from model.commands import cli, own_weights
from model.inference.network_file import RELEASED, VARIABLE, WeightsError, prepared, prepared_folder
from model.inference.session import Session
from tests.conftest import ROOT, free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """The released network with another note in it, and other numbers: its hands are surer to be none."""
    model = onnx.load(RELEASED)
    [bias] = [each for each in model.graph.initializer if each.name == "hand.head.judge.bias"]
    values = onnx.numpy_helper.to_array(bias)
    bias.CopyFrom(onnx.numpy_helper.from_array((values - 3).astype(values.dtype), bias.name))
    entry = model.metadata_props.add()
    entry.key, entry.value = "fine_tuned", "here"
    file = tmp_path_factory.mktemp("own") / "own.onnx"
    onnx.save(model, file)
    return file


@pytest.fixture(scope="module")
def taught(own) -> Path:
    """The ZIP around it."""
    file = own.with_suffix(".zip")
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(own, "own.onnx")
        archive.writestr("CARD.md", "a card")
    return file


def test_a_zip_is_prepared_elsewhere_and_leaves_nothing(taught):
    before = sorted(taught.parent.iterdir())
    with own_weights.ready(taught) as file:
        session = Session(file)
        assert session.metadata["fine_tuned"] == "here"
        picture = np.zeros((1, 256, 256, 3), np.uint8)
        presence = [each.run(picture, "hand_presence")["hand_presence"].item() for each in (session, Session())]
        assert presence[0] < presence[1]
        assert prepared(file, "hand.plan").read_bytes() != prepared(RELEASED, "hand.plan").read_bytes()
        folder = file.parent
    assert not folder.exists() and sorted(taught.parent.iterdir()) == before


def test_what_is_prepared_already_is_used_where_it_is(own, tmp_path):
    file = tmp_path / "other.onnx"
    shutil.copy(own, file)
    own_weights.prepare(file)
    made = prepared_folder(file).stat().st_mtime_ns
    with own_weights.ready(file) as used:
        assert used == file
    assert prepared_folder(file).stat().st_mtime_ns == made


def test_a_wrong_file_gets_one_sentence(tmp_path, capsys):
    (tmp_path / "text.onnx").write_text("hello, I am a text")
    (tmp_path / "folder.onnx").mkdir()
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", "no photo")
    (tmp_path / "half.zip").write_bytes((tmp_path / "photos.zip").read_bytes()[:-5] + b"PK\5\6" + bytes(18))
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [x], [x])), tmp_path / "another.onnx")
    for name in ("text.onnx", "folder.onnx", "photos.zip", "half.zip", "another.onnx", "missing.onnx"):
        assert cli.main(["serve", "--weights", str(tmp_path / name)]) == 1, name
        [line] = capsys.readouterr().err.splitlines()
        assert name in line and line.endswith(".") and "Traceback" not in line


def test_without_onnx_it_says_what_to_install(own, monkeypatch):
    monkeypatch.setattr(own_weights.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="extra `train`"), own_weights.ready(own):
        pass


def test_the_app_runs_it_on_the_server_and_in_browsers(taught, tmp_path):
    """And ends when asked to, with its folder."""
    port = free_port()
    command = [sys.executable, "-m", "model.commands.cli", "serve", "--weights", str(taught), "--server.port", str(port), "--server.headless", "true"]
    environment = os.environ | {"TMPDIR": str(tmp_path), "POINTILLIST_STATUS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: answers(f"http://localhost:{port}/_stcore/health"), process)
            [folder] = [path for path in tmp_path.iterdir() if path.name.startswith("pointillist-")]
            file = folder / "own.onnx"
            where = [sys.executable, "-c", "from export.browser import serve; print(serve.address())"]
            address = subprocess.run(where, cwd=ROOT, env=environment | {VARIABLE: str(file)}, capture_output=True, text=True, check=True).stdout.strip()
            with urllib.request.urlopen(f"http://localhost:{port}{address}/hand.plan", timeout=60) as answer:
                assert answer.read() == prepared(file, "hand.plan").read_bytes() != prepared(RELEASED, "hand.plan").read_bytes()
        finally:
            process.terminate()
            process.wait(60)
    assert not folder.exists() and not answers(f"http://localhost:{port}/_stcore/health")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_for(condition, process, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.3)
    raise AssertionError("it did not start in time")
