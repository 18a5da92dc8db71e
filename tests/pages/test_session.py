"""The promise that one network serves all: every page and every visitor share one onnxruntime session."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnxruntime
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sessions(monkeypatch) -> list:
    """Every InferenceSession made from now on; no Landmarker is loaded yet."""
    made = []
    make = onnxruntime.InferenceSession.__init__

    def count(self, *args, **kwargs):
        made.append(self)
        make(self, *args, **kwargs)

    monkeypatch.setattr(onnxruntime.InferenceSession, "__init__", count)
    st.cache_resource.clear()
    return made


def test_pages_and_visitors_share_one_session(sessions):
    pages = sorted(path for path in (ROOT / "pages").glob("*.py") if path.name != "__init__.py")
    assert pages
    for _ in range(3):  # visitors
        visitor = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
        next(button for button in visitor.button if button.label == "Wave").click()
        visitor.run()
        assert all(photo.analysed for photo in visitor.session_state["photo_list"])
        for page in pages:
            visitor.switch_page(f"pages/{page.name}").run()
            assert not visitor.exception, page.name
    assert len(sessions) == 1


def test_first_visitors_at_the_same_time_share_one_session(sessions):
    from pages.parts.shared.landmarker import shared_landmarker

    with ThreadPoolExecutor(8) as visitors:
        landmarkers = list(visitors.map(lambda _: shared_landmarker(), range(8)))
    assert len(sessions) == 1
    assert all(landmarker is landmarkers[0] for landmarker in landmarkers)
