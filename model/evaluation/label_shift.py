"""Are labels moved sideways? python -m model.evaluation.label_shift --data FOLDER

A network that learned from mirrored pictures as well prefers no side: the mean of its answers for a picture and for its mirror
image lies neither left nor right of the truth on average. Labels that do were counted from another pixel, or cut out with another
rounding than their pictures. (Up and down cannot be separated from a convention in this way.) Only training rows are used.
"""

import numpy as np

from ..commands import data_options
from ..data import augment, landmark_batches
from ..data.landmark_sets import read_all
from ..data.samples import Samples
from ..runtime.geometry import ROI, roi_from_points
from ..runtime.landmarker import Landmarker
from ..runtime.result import Face, Instance

MOST = 150  # rows a source


def seen_twice(landmarker: Landmarker, kind: str, picture: np.ndarray, points: np.ndarray) -> tuple[Instance, Instance]:
    """What the network says of a picture (256, 256, 3) and of its mirror image, each at the true place."""
    roi = roi_from_points(kind, points)
    mirrored = ROI(picture.shape[1] - 1 - roi.cx, roi.cy, roi.side, -roi.angle)
    return landmarker.predict(picture, [(kind, roi)])[0], landmarker.predict(np.ascontiguousarray(picture[:, ::-1]), [(kind, mirrored)])[0]


def shifts(landmarker: Landmarker, s: Samples, rows: np.ndarray, flips: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By kind of point, (rows,): how many pixels the labels lie to the right of the mean answer."""
    found: dict[str, list[float]] = {}
    width = s.images.shape[2]
    for i in rows:
        one, other = seen_twice(landmarker, s.kind, np.ascontiguousarray(s.images[i]), s.points[i])
        labels = {"points": (s.points[i], one.landmarks, other.landmarks[flips[s.kind]], s.weights[i])}
        if isinstance(one, Face) and isinstance(other, Face) and s.ibug is not None and s.ibug_weights is not None:
            labels["68 points"] = (s.ibug[i], one.ibug68, other.ibug68[augment.FLIP_IBUG], s.ibug_weights[i])
        for name, (label, answer, mirrored, weights) in labels.items():
            apart = label[:, 0] - (answer[:, 0] + width - 1 - mirrored[:, 0]) / 2
            if weights.any():
                found.setdefault(name, []).append(float(np.average(apart, weights=weights)))
    return {name: np.array(values) for name, values in found.items()}


def main() -> None:
    """Runs the command: prints a table of the shifts by set and source."""
    options = data_options.parser("model.evaluation.label_shift", __doc__)
    options.add_argument("--sets", nargs="*", default=())
    o = options.parse_args()
    landmarker, sets = Landmarker(o.weights, o.threads), read_all(o.data, o.cache, o.sets)
    flips = landmark_batches.flips_of(sets)
    print("| set | source | what | rows | pixels to the right |\n| --- | --- | --- | --- | --- |")
    for s in sets:
        sources = s.notes.get("source", np.full(len(s.split), ""))
        for source in np.unique(sources):
            rows = np.flatnonzero((s.split == "train") & (sources == source))
            rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(int)] if len(rows) else rows
            for what, values in shifts(landmarker, s, rows, flips).items():
                print(f"| {s.name} | {source} | {what} | {len(values)} | {values.mean():+.2f} ± {values.std() / len(values) ** 0.5:.2f} |", flush=True)


if __name__ == "__main__":
    main()
