"""The notebook runs from top to bottom."""

import contextlib
import io
import json
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[3]


def test_the_notebook_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    notebook = json.loads((ROOT / "model" / "examples" / "pointillist.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells), "outputs are not committed"
    names: dict = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for number, cell in enumerate(cells, 1):
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    text = printed.getvalue()
    assert "left hand, confidence" in text and "right hand, confidence" in text and "face, confidence" in text
    assert text.rstrip().splitlines()[-1].startswith(("hand", "face"))
    assert isinstance(names["Image"].fromarray(names["photo"]), Image.Image)
