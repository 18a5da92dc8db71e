"""The examples in the docstrings that people read first are run as they stand there."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["model", "model.runtime.landmarker", "model.runtime.result", "model.tracking.tracker", "model.photo.image_file"])
def test_examples(name, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    done = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted > 0 and done.failed == 0
