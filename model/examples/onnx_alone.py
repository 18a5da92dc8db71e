"""The network's file alone, with numpy and onnxruntime: a photo, uint8 (H, W, 3) RGB, to the landmarks of its hands and faces.

Short, not complete: the package also looks at tiles for small objects, refines ROIs, and computes a calibrated confidence.
"""

import numpy as np
import onnxruntime

KINDS = ("hand", "face")  # the order of the detector's planes


def crop(photo: np.ndarray, cx: float, cy: float, side: float, angle: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(1, 256, 256, 3) uint8 of a square of the photo, black outside it, and the matrix crop pixel (x, y, 1) -> photo pixel."""
    cos, sin, scale = np.cos(angle), np.sin(angle), side / 256
    turn = scale * np.array([[cos, -sin], [sin, cos]])
    to_photo = np.column_stack([turn, (cx, cy) - turn @ (127.5, 127.5)])  # 127.5: the crop's centre; an integer is a pixel's centre
    y, x = np.mgrid[:256, :256]
    px, py = np.rint(np.tensordot(to_photo, np.stack([x, y, np.ones_like(x)]), 1)).astype(int)
    height, width = photo.shape[:2]
    inside = (px >= 0) & (py >= 0) & (px < width) & (py < height)
    return np.where(inside[..., None], photo[py.clip(0, height - 1), px.clip(0, width - 1)], 0).astype(np.uint8)[None], to_photo


def landmarks(session: onnxruntime.InferenceSession, photo: np.ndarray, least: float = 0.5) -> list[tuple[str, float, np.ndarray]]:
    """(kind, presence, landmarks) of each hand and face: (21, 3) or (478, 3); x, y in photo pixels, z in the same scale."""
    height, width = photo.shape[:2]
    letterboxed, to_photo = crop(photo, (width - 1) / 2, (height - 1) / 2, max(width, height))
    (cells,) = session.run(["detections"], {"image": letterboxed})[0]  # (2, 1024, 7): score, cx, cy, w, h, and the unit vector "up"
    found, taken = [], []
    for kind, cell in zip(*np.nonzero(cells[..., 0] >= least)):
        taken.append((cells[kind, cell, 0], KINDS[kind], *cells[kind, cell, 1:]))
    kept: list[tuple] = []
    for box in sorted(taken, reverse=True):  # suppression: one box for each object
        if all(box[1] != other[1] or np.hypot(box[2] - other[2], box[3] - other[3]) > max(other[4:6]) / 2 for other in kept):
            kept.append(box)
    for _, kind, cx, cy, w, h, ux, uy in kept:
        side = 1.3 * max(w, h) * to_photo[0, 0]
        photo_x, photo_y = to_photo @ (cx, cy, 1)
        picture, back = crop(photo, photo_x, photo_y, side, np.arctan2(ux, -uy))
        points, presence = session.run([kind, f"{kind}_presence"], {"image": picture})
        x, y, z = points.reshape(-1, 3).T  # shares of the crop: x = (pixel + 0.5) / 256
        xy = back @ (x * 256 - 0.5, y * 256 - 0.5, np.ones_like(x))
        found.append((kind, float(presence.item()), np.column_stack([*xy, z * side])))
    return found
