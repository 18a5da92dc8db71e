import pytest
from hypothesis import settings

from model.runtime.landmarker import Landmarker
from tests.model.drawn_world import ColourNetwork

settings.register_profile("no deadline", deadline=None)  # the machine may be busy
settings.load_profile("no deadline")


@pytest.fixture
def network() -> ColourNetwork:
    return ColourNetwork()


@pytest.fixture
def landmarker(network, monkeypatch) -> Landmarker:
    """The real Landmarker on the stand-in for the network."""
    monkeypatch.setattr("model.runtime.landmarker.Session", lambda *_: network)
    return Landmarker()


@pytest.fixture(scope="session")
def real_landmarker() -> Landmarker:
    """The real one, on the weights that come with the project."""
    return Landmarker(threads=2)
