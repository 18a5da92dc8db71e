"""Pictures of plain digits: what a detector of faces must not take for one, though an 8 has a head and a body."""

from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont


def pictures(count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """uint8 (S, S, 3) RGB: one to four digits each, printed or as if by hand, dark on light or light on dark, from 28 pixels a side up;
    half of them single ones in few pixels, as in collections of handwritten digits, enlarged."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        side = int(rng.choice([28, 64, 128, 256, 400]))
        few = rng.random() < 0.5
        drawn = written(rng, 1 if few else int(rng.choice([1, 2, 4])), stroked=few)
        drawn = bent(drawn, rng) if few or rng.random() < 0.5 else drawn
        if few:
            margin = int(rng.uniform(0, 70))
            pixels = int(rng.choice([8, 14, 20, 28]))
            drawn = cv2.resize(drawn[margin : 400 - margin, margin : 400 - margin], (pixels, pixels), interpolation=cv2.INTER_AREA)
        ink = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_CUBIC if few else cv2.INTER_AREA)[..., None] / 255
        light, dark = rng.integers(170, 256, 3 if rng.random() < 0.3 else 1), rng.integers(0, 90, 3 if rng.random() < 0.3 else 1)
        paper, pen = (light, dark) if rng.random() < 0.5 else (dark, light)
        yield np.broadcast_to(paper * (1 - ink) + pen * ink, (side, side, 3)).astype(np.uint8)


def written(rng: np.random.Generator, count: int, stroked: bool) -> np.ndarray:
    """(400, 400) uint8 ink: digits in Pillow's own font, with a thick stroke if asked."""
    text = "".join(str(d) for d in rng.integers(0, 10, count))
    size = int(rng.uniform(0.7, 0.95) * 400 / max(1, 0.7 * len(text)))
    canvas = Image.new("L", (400, 400))
    width = size // int(rng.integers(12, 40)) if stroked else 0
    ImageDraw.Draw(canvas).text((200, 200), text, 255, ImageFont.load_default(size), "mm", stroke_width=width, stroke_fill=255)
    return np.asarray(canvas)


def bent(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same after a smooth random deformation (Simard et al. 2003)."""
    size = ink.shape[0]
    shift = [cv2.GaussianBlur(rng.uniform(-1, 1, (size, size)).astype(np.float32), (0, 0), size / 12) for _ in range(2)]
    across, down = (s / max(np.abs(s).max(), 1e-6) * size * 0.06 for s in shift)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    return cv2.remap(ink, x + across, y + down, cv2.INTER_LINEAR)
