"""Structured points that in truth form a regular grid."""

from __future__ import annotations

from typing import Optional

import numpy as np

from srn_core.volume import Geometry

TOLERANCE = 1e-5
"""Largest deviation from the regular grid, as a share of its size."""


def lattice_geometry(points: np.ndarray, dims: tuple[int, int, int], association: str) -> Optional[Geometry]:
    """The geometry of points (z, y, x, 3) that are equally spaced along three perpendicular axes, or None.

    ``dims`` are those of the samples, which may be cells of the points.
    """
    points = np.asarray(points, np.float64)
    origin = points[0, 0, 0]
    matrix = np.eye(3)
    spacing = np.ones(3)
    flat = []
    for column, axis in enumerate((2, 1, 0)):  # x is the last axis of the array
        n = points.shape[axis]
        if n == 1:
            flat.append(column)
            continue
        step = (np.take(points, n - 1, axis).reshape(-1, 3)[0] - origin) / (n - 1)
        spacing[column] = float(np.linalg.norm(step))
        if not spacing[column] > 0:
            return None
        matrix[:, column] = step / spacing[column]
    if flat:
        _complete(matrix, flat)
    if np.abs(matrix.T @ matrix - np.eye(3)).max() > TOLERANCE:
        return None
    steps = matrix * spacing
    reach = float(np.abs(points - origin).max()) or 1.0
    z, y, x = points.shape[:3]
    plane = origin + np.arange(y)[:, None, None] * steps[:, 1] + np.arange(x)[None, :, None] * steps[:, 0]
    for k in range(z):  # plane by plane, so that no second copy of all points is made
        if not np.abs(points[k] - (plane + k * steps[:, 2])).max() <= TOLERANCE * reach:
            return None
    return Geometry(
        dims,
        (float(origin[0]), float(origin[1]), float(origin[2])),
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        tuple(float(v) for v in matrix.ravel()),
        (0, 0, 0),
        association,
    )


def _complete(matrix: np.ndarray, flat: list[int]) -> None:
    """Fill the columns of axes without length so that all three are perpendicular."""
    known = [c for c in range(3) if c not in flat]
    basis = [matrix[:, c] for c in known]
    for column in flat:
        rest = [e - sum(np.dot(e, b) * b for b in basis) for e in np.eye(3)]
        longest = max(rest, key=lambda v: float(np.linalg.norm(v)))
        axis = rest[column] if np.linalg.norm(rest[column]) > 0.1 else longest
        matrix[:, column] = axis / np.linalg.norm(axis)
        basis.append(matrix[:, column])
