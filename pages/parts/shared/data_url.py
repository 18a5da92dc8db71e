"""Pictures inside the data of a page's component."""

import base64
from pathlib import Path

import cv2
import numpy as np


def picture_url(rgb: np.ndarray, quality: int | None = 85) -> str:
    """uint8 (H, W, 3) RGB as a WebP address; quality None: lossless."""
    options = [cv2.IMWRITE_WEBP_QUALITY, 101 if quality is None else quality]
    _, content = cv2.imencode(".webp", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return "data:image/webp;base64," + base64.b64encode(content.tobytes()).decode()


def file_url(path: Path) -> str:
    """A WebP file as it is."""
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()
