"""The charts of a training run."""

import pandas as pd
import pytest

from pages.parts.training_charts import loss_chart


@pytest.mark.parametrize("loss, top", [
    ([80, 60, 50, 45, 40], 80), ([80, 60, 500, 45, 40], 80), ([80, 90, 120, 150, 130], 150), ([40, 60], 60), ([40], 40), ([], 1),
])  # fmt: skip
def test_one_epoch_gone_astray_does_not_hide_the_others(loss, top):
    frame = pd.DataFrame({"epoch": range(1, len(loss) + 1), "loss": pd.Series(loss, dtype=float)})
    assert f'"domain": [0, {float(top)}]' in loss_chart(frame).to_json(indent=None)
