"""Times of layers under the names that onnxruntime gives them."""

import pytest

from export.graph import layer_table, layers
from export.graph.layers import DETECTOR
from model.inference.network_file import WEIGHTS
from pages.parts.learn import layer_times
from tests.export.graph.test_layer_table import tiny


def test_times_find_their_layers_under_new_names():
    stem, more, add = layer_table.layers(tiny())["hand_features"]
    times = {"bent_nchwc": 2.0, "m": 0.5, "ReorderOutput_token_1": 0.25}
    assert [layer_times.time_of(layer, times) for layer in (stem, more, add)] == [2.0, 0.5, None]
    assert layer_times.time_of(stem, {"fused s": 1.5}) == 1.5
    assert layer_times.time_of(add, {"a/SomeFusion": 1.0}) == 1.0
    assert layer_times.rest((stem, more, add), times) == pytest.approx(0.25)


def test_measured_times_cover_the_network():
    times = layer_times.measure()
    stages = layers.read(WEIGHTS)
    convolutions = [layer for layer in stages["hand_features"] if layer.family == "convolution"]
    assert all(layer_times.time_of(layer, times) for layer in convolutions)
    own = {layer for stage, part in stages.items() if stage != DETECTOR for layer in part}
    assert layer_times.rest(own, times) < 0.25 * sum(times.values()), "most of the time belongs to a layer"


def test_measuring_what_is_no_network_is_one_error(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match="could not be timed"):
        layer_times.measure(tmp_path / "no.onnx")
