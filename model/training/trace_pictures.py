"""The fixed pictures of a training trace, as files."""

from pathlib import Path

import cv2
import numpy as np


def save_pictures(pictures: list[dict], folder: Path) -> list[dict]:
    """Writes the fixed pictures beside the trace and returns their entries in it."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for i, p in enumerate(pictures):
        cv2.imwrite(str(folder / f"{i}.webp"), cv2.cvtColor(p["image"], cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, 85])
        entries.append({"file": f"{folder.name}/{i}.webp", "kind": p["kind"], "size": 256, "truth": np.round(p["truth"], 1).tolist()})
    return entries
