"""Normals of a surface out of the network that it was contoured from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import numpy as np

from srn_core.progress import ProgressCallback
from srn_core.surface import surface_gradient

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField


def normals(
    file: NeuralFile,
    field: NeuralField,
    component: int,
    positions: np.ndarray,
    triangles: np.ndarray,
    progress: Optional[ProgressCallback],
) -> np.ndarray:
    """Unit normals (N, 3) at world positions (N, 3) on isosurfaces: against the gradient, as VTK's contours have them.

    Where there is no gradient (on a plateau, or beside samples without value), those of the triangles.
    """
    found = _unit(-surface_gradient(file, field, component, positions, progress))
    without = ~np.isfinite(found).all(axis=1)
    if without.any():
        found[without] = _of_triangles(positions, triangles)[without]
    return found


def _of_triangles(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Means of the normals of the triangles at each point, weighted by their areas; 0 where these vanish."""
    first, second, third = (positions[triangles[:, corner]] for corner in range(3))
    across = np.cross(second - first, third - first)
    sums = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(across[:, axis], 3), minlength=len(positions)) for axis in range(3)],
        axis=1,
    )
    return np.nan_to_num(_unit(sums))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Of length 1; NaN where there is no direction."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
