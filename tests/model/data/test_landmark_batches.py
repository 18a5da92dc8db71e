import numpy as np
import pytest

from model.data import synthetic
from model.data.landmark_batches import Batches, Plan


@pytest.fixture(scope="module")
def batches():
    sets, pool = synthetic.drawn_sets(seed=0, rows=3, validation=1)
    return {kind: Batches(kind, sets, pool, Plan(size=64), seed=0, epoch=1, count=1) for kind in ("hand", "face")}


@pytest.mark.parametrize("kind", ["hand", "face"])
def test_crops_of_the_other_kind_come_in_any_orientation(batches, kind, monkeypatch):
    upright = np.zeros((4, 4, 3), np.uint8)
    upright[0] = 255
    asked = []
    monkeypatch.setattr(batches[kind], "draw", lambda other, n, rng: asked.append(other) or [{"image": upright}])
    rng = np.random.default_rng(0)
    seen = {batches[kind].of_other_kind(rng).tobytes() for _ in range(40)}
    assert seen == {np.rot90(upright, quarters).tobytes() for quarters in range(4)}
    assert set(asked) == {"face" if kind == "hand" else "hand"}


def test_a_batch_has_its_own_rows_first(batches):
    (batch,) = batches["hand"]
    plan = Plan()
    assert batch["image"].shape == (plan.own + plan.others + plan.empty, 64, 64, 3)  # nothing was mined
    assert batch["present"].ravel().tolist() == [1.0] * plan.own + [0.0] * (plan.others + plan.empty)
    assert len(batch["target"]["points"]) == plan.own
