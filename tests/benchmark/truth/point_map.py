"""From the 478 mesh points to other people's points. Every labelling has its own convention (where does a jaw line run?), so that a fixed
choice of mesh points would be charged with what is no error; a map is fitted on training pictures, for each side on its own meshes."""

import numpy as np

# The usual choice of mesh points for iBUG's 68: jaw, brows, nose, eyes, lips.
IBUG_OF_MESH = np.array(
    [127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356]
    + [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]
    + [168, 197, 5, 4, 75, 97, 2, 326, 305]
    + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
    + [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87]
)
RIDGES = (0.001, 0.01, 0.1, 1.0, 10.0)
FOLDS = 5


class PointMap:
    """Ridge regression from a mesh (K, 2) to other points (L, 2), both laid upright onto the mean mesh first. The ridge is chosen by
    cross-validation. error: the cross-validated mean point error, as a fraction of the mesh's root mean square radius."""

    def __init__(self, mesh: np.ndarray, target: np.ndarray):
        self._mean = _complex(mesh[0])
        for _ in range(3):  # the mean of the meshes that are laid onto it
            shift, turn = self._frames(mesh)
            self._mean = ((_complex(mesh) - shift) * turn).mean(0)
            self._mean = (self._mean - self._mean.mean()) / np.sqrt((np.abs(self._mean - self._mean.mean()) ** 2).mean())
        shift, turn = self._frames(mesh)
        a, b = _real((_complex(mesh) - shift) * turn), _real((_complex(target) - shift) * turn)
        fold = np.random.default_rng(0).permutation(len(a)) % FOLDS
        errors = []
        for ridge in RIDGES:
            wrong = [b[fold == f] - _predict(a[fold == f], *_ridge(a[fold != f], b[fold != f], ridge)) for f in range(FOLDS)]
            errors.append(np.abs(_complex(np.concatenate(wrong).reshape(len(a), -1, 2))).mean())
        self.error = float(min(errors))
        self._fitted = _ridge(a, b, RIDGES[int(np.argmin(errors))])

    def __call__(self, mesh: np.ndarray) -> np.ndarray:
        """(N, K, 2) -> (N, L, 2), in the same pixels."""
        shift, turn = self._frames(mesh)
        moved = _predict(_real((_complex(mesh) - shift) * turn), *self._fitted)
        back = _complex(moved.reshape(len(mesh), moved.shape[1] // 2, 2)) / turn + shift
        return np.stack([back.real, back.imag], 2)

    def _frames(self, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The similarity that lays each mesh onto the mean, as complex numbers (N, 1): (z - shift) * turn."""
        z = _complex(mesh)
        shift = z.mean(1, keepdims=True)
        z = z - shift
        return shift, (z.conj() @ (self._mean - self._mean.mean()))[:, None] / (np.abs(z) ** 2).sum(1, keepdims=True)


def _complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]


def _real(z: np.ndarray) -> np.ndarray:
    """(N, K) complex -> (N, 2 K)."""
    return np.stack([z.real, z.imag], 2).reshape(len(z), 2 * z.shape[1])


def _ridge(a: np.ndarray, b: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a_mean, b_mean = a.mean(0), b.mean(0)
    a, b = a - a_mean, b - b_mean
    weights = a.T @ np.linalg.solve(a @ a.T + ridge * np.eye(len(a)), b)  # the dual form: fewer rows than columns
    return a_mean, b_mean, weights


def _predict(a: np.ndarray, a_mean: np.ndarray, b_mean: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (a - a_mean) @ weights + b_mean
