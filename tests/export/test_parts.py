"""What the browser gets: each network as a file of its own, in single precision with the answers of the whole file (folded weights are
rounded once more); the plans in eight bits are tested in tests/browser/runtime/test_engine.py. And how its version follows from that."""

import numpy as np
import onnx
import onnxruntime
import pytest

from export import parity
from export.browser import serve
from model.inference.network_file import BROWSER_PARTS
from model.inference.session import Session


def test_a_part_answers_as_the_whole_file_does():
    whole = Session(exact=True)
    for name, outputs in BROWSER_PARTS.items():
        own = onnxruntime.InferenceSession(serve.part(name, True), providers=["CPUExecutionProvider"])
        pictures = parity.inputs("hand" if name == "hand" else "face")
        expected = whole.run(pictures, *outputs)
        for output, values in zip(outputs, own.run(outputs, {"image": pictures})):
            apart = np.abs(values - expected[output]) / max(np.abs(expected[output]).max(), 1e-3)  # nothing at all may be there
            assert apart.max() < 5e-3, (name, output)


def test_parts_for_graphics_cards_compute_in_single_precision():
    kinds = {node.op_type for node in onnx.load_from_string(serve.part("hand", True)).graph.node}
    assert not any("Quantize" in kind or "QLinear" in kind for kind in kinds)
    assert all(len(serve.part(name, exact)) < 3.5e6 for name in BROWSER_PARTS for exact in (True, False)), "kernels stay packed"


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Nothing is remembered of what was served before; the bundle is one small file."""
    (tmp_path / "worker.js").write_text("// the worker")
    monkeypatch.setattr(serve, "BUNDLE", tmp_path)

    part = serve.part

    def forget():
        serve.generated.cache_clear()
        for each in (part, serve.generated, serve.version):
            each.cache_clear()

    forget()
    yield forget
    monkeypatch.undo()
    forget()


def other_certificate(monkeypatch, tmp_path):
    found = parity.certificate(serve.NETWORK)
    monkeypatch.setattr(parity, "certificate", lambda network: found | {"reference": {}})


def other_pictures(monkeypatch, tmp_path):
    given = parity.inputs
    monkeypatch.setattr(parity, "inputs", lambda kind: 255 - given(kind))


def other_arithmetic(monkeypatch, tmp_path):
    monkeypatch.setattr(serve, "part", lambda name, exact: b"another network")


def other_bundle(monkeypatch, tmp_path):
    (tmp_path / "worker.js").write_text("// another worker")


@pytest.mark.parametrize("change", [other_certificate, other_pictures, other_arithmetic, other_bundle])
def test_the_version_changes_with_what_is_served(fresh, monkeypatch, tmp_path, change):
    """Browsers keep the files of a version for a year: other bytes need another address."""
    before = serve.version()
    fresh()
    assert serve.version() == before, "the same bytes have the same address in every process"
    change(monkeypatch, tmp_path)
    fresh()
    assert serve.version() != before


def test_a_damaged_network_leaves_the_server_its_other_pages(fresh, monkeypatch, tmp_path):
    damaged = tmp_path / "pointillist.onnx"
    damaged.write_bytes(serve.NETWORK.read_bytes()[:1000])
    monkeypatch.setattr(serve, "NETWORK", damaged)
    with pytest.raises(serve.NothingToServe, match="pointillist.onnx is not prepared"):
        serve.version()
    assert serve.routes() == []
