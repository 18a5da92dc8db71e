"""The network's file alone, with numpy and onnxruntime: a photo, uint8 (H, W, 3) RGB, to the landmarks of its hands and faces.

Short, not complete: the package also runs on tiles for small objects, refines ROIs, and computes a calibrated confidence.
"""

import numpy as np
import onnxruntime


def crop(photo: np.ndarray, centre: np.ndarray, side: float, angle: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(1, 256, 256, 3) uint8 of a square of the photo, black outside it, and the matrix crop pixel (x, y, 1) -> photo pixel."""
    turn = side / 256 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    to_photo = np.column_stack([turn, centre - turn @ (127.5, 127.5)])  # 127.5: the crop's centre; an integer is a pixel's centre
    y, x = np.mgrid[:256, :256]
    px, py = np.rint(np.tensordot(to_photo, np.stack([x, y, np.ones_like(x)]), 1)).astype(int) + 1  # the black edge comes before pixel 0
    edged = np.pad(photo, ((1, 1), (1, 1), (0, 0)))
    return edged[py.clip(0, len(edged) - 1), px.clip(0, edged.shape[1] - 1)][None], to_photo


def landmarks(session: onnxruntime.InferenceSession, photo: np.ndarray, least: float = 0.5) -> list[tuple[str, float, np.ndarray]]:
    """(kind, presence, landmarks) of each hand and face: (21, 3) or (478, 3); x, y in photo pixels, z in the same scale."""
    found, (height, width) = [], photo.shape[:2]
    letterboxed, to_photo = crop(photo, (np.array([width, height]) - 1) / 2, max(width, height))
    (planes,) = session.run(["detections"], {"image": letterboxed})[0]  # (2, 1024, 7): score, cx, cy, w, h, and the unit vector "up"
    for kind, cells in zip(("hand", "face"), planes):
        kept: list[tuple[np.ndarray, float]] = []  # centre and half the size of each object
        for _, cx, cy, w, h, ux, uy in sorted(cells[cells[:, 0] >= least].tolist(), reverse=True):
            centre, half = to_photo @ (cx, cy, 1), to_photo[0, 0] * max(w, h) / 2
            if any(np.hypot(*(centre - other)) <= reach for other, reach in kept):
                continue  # suppression: one box for each object
            kept.append((centre, half))
            side = 1.3 * 2 * half
            picture, back = crop(photo, centre, side, np.arctan2(ux, -uy))
            points, presence = session.run([kind, f"{kind}_presence"], {"image": picture})
            x, y, z = points.reshape(-1, 3).T  # shares of the crop: x = (pixel + 0.5) / 256
            xy = back @ (x * 256 - 0.5, y * 256 - 0.5, np.ones_like(x))
            found.append((kind, float(presence.item()), np.column_stack([*xy, z * side])))
    return found
