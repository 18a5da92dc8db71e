"""What is not a network of this version is refused in plain words, before anything is written."""

import onnx
import pytest
from onnx import TensorProto

from export.graph.prepare import prepare
from model.inference.network_file import WEIGHTS, WeightsError, prepared_folder
from tests.model.inference.test_session import tiny_network

# What else a person may have put there: a text, a ZIP as PyTorch writes it, a pickle, a picture, a pointer of Git LFS.
FOREIGN = [b"", b"hello", b"\0" * 1000, b"PK\x03\x04" + bytes(300), b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.",
           b"\x89PNG\r\n\x1a\n" + bytes(300), b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"]  # fmt: skip


@pytest.mark.parametrize("content", FOREIGN)
def test_what_is_no_network(content, tmp_path):
    (tmp_path / "w.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match="damaged, incomplete or no ONNX network"):
        prepare(tmp_path / "w.onnx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_weights(share, tmp_path):
    content = WEIGHTS.read_bytes()
    (tmp_path / "w.onnx").write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError):
        prepare(tmp_path / "w.onnx")


def test_weights_of_another_version(tmp_path):
    onnx.save(tiny_network(hand=(42,)), tmp_path / "w.onnx")
    with pytest.raises(WeightsError, match="another version: its output 'hand' does not fit"):
        prepare(tmp_path / "w.onnx")


def test_weights_with_another_input(tmp_path):
    model = tiny_network()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 128
    onnx.save(model, tmp_path / "w.onnx")
    with pytest.raises(WeightsError, match="another version: its input"):
        prepare(tmp_path / "w.onnx")


def test_weights_that_lie_in_another_file_are_refused(tmp_path):
    """Such a file could name any path of the machine."""
    model = tiny_network()
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/hostname")
    (tmp_path / "w.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match="refers to another file"):
        prepare(tmp_path / "w.onnx")


def test_weights_with_an_unknown_operator(tmp_path):
    model = tiny_network()
    model.graph.node[0].domain = "somebody.else"
    (tmp_path / "w.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match="damaged, incomplete or no ONNX network"):
        prepare(tmp_path / "w.onnx")


def test_a_folder_in_place_of_the_weights(tmp_path):
    with pytest.raises(WeightsError, match="is missing"):
        prepare(tmp_path)


def test_nothing_is_left_of_a_failed_preparation(tmp_path):
    onnx.save(tiny_network(), tmp_path / "w.onnx")  # it has no face head
    with pytest.raises(WeightsError, match="cannot be prepared for browsers"):
        prepare(tmp_path / "w.onnx")
    assert not prepared_folder(tmp_path / "w.onnx").exists() and not list((tmp_path / "prepared").iterdir())
