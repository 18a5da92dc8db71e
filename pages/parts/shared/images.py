"""Tensors as pictures."""

import cv2
import numpy as np

GAP = 4  # pixels between the tiles of a grid


def heat(plane: np.ndarray, size: int, smooth: bool = False) -> np.ndarray:
    """A plane (h, w) as colours, dark = its smallest value, bright = its largest: uint8 RGB (size, size, 3)."""
    low, high = float(plane.min()), float(plane.max())
    grey = np.round((plane - low) * (255 / (high - low))) if high > low else np.zeros_like(plane)
    way = cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST
    grey = cv2.resize(grey.astype(np.uint8), (size, size), interpolation=way)
    return cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def grid(planes: np.ndarray, columns: int, tile: int) -> np.ndarray:
    """Planes (n, h, w) side by side, row by row, each numbered and scaled to its own range: uint8 RGB."""
    rows = -(-len(planes) // columns)
    step = tile + GAP
    sheet = np.full((rows * step - GAP, columns * step - GAP, 3), 40, np.uint8)
    for number, plane in enumerate(planes):
        top, left = number // columns * step, number % columns * step
        sheet[top : top + tile, left : left + tile] = heat(plane, tile)
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            place = (left + 4, top + 14)
            cv2.putText(sheet, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, width, cv2.LINE_AA)
    return sheet


def overlay(crop: np.ndarray, plane: np.ndarray, size: int) -> np.ndarray:
    """The crop, dimmed, glowing where the plane is large: uint8 RGB (size, size, 3)."""
    picture = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    glow = heat(plane, size, smooth=True).astype(np.float32)
    return np.clip(picture * 0.45 + glow * 0.75, 0, 255).astype(np.uint8)


def strongest(features: np.ndarray) -> int:
    """The plane of features (n, h, w) that varies most over the crop: one that is the same everywhere tells nothing."""
    return int(features.reshape(len(features), -1).std(axis=1).argmax())
