"""The 68 points of iBUG (Sagonas et al. 2013) from the mesh of 478, by a linear map in the frame of the eyes."""

import numpy as np


def eye_frame(mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 478, 2) -> the same points with the outer eye corners (33, 263) at (-1/2, 0) and (1/2, 0); and the way back:
    centre (N, 1, 2) and the rotation-with-scale (N, 2, 2)."""
    right, left = mesh[:, 33], mesh[:, 263]
    centre, axis = (right + left) / 2, left - right
    matrix = np.stack([axis, np.stack([-axis[:, 1], axis[:, 0]], 1)], 2)  # columns: along the eyes, down
    inside = np.einsum("nij,nkj->nki", np.linalg.inv(matrix), mesh - centre[:, None])
    return inside, centre[:, None], matrix


def fit_ibug(mesh: np.ndarray, ibug: np.ndarray, ridge: float = 0.01) -> np.ndarray:
    """Ridge regression of human 68 points on the mesh in the eye frame -> (957, 136). The human jaw convention follows the
    visible outline, which no fixed choice of mesh points does."""
    inside, centre, matrix = eye_frame(mesh)
    target = np.einsum("nij,nkj->nki", np.linalg.inv(matrix), ibug - centre).reshape(len(mesh), -1)
    a = np.concatenate([inside.reshape(len(mesh), -1), np.ones((len(mesh), 1))], 1)
    return np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ target)


def apply_ibug(mesh: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """(N, 478, 2) -> (N, 68, 2) in the same pixels."""
    inside, centre, matrix = eye_frame(mesh)
    a = np.concatenate([inside.reshape(len(mesh), -1), np.ones((len(mesh), 1))], 1)
    return np.einsum("nij,nkj->nki", matrix, (a @ fitted).reshape(-1, 68, 2)) + centre
