"""From axis coordinates, as rectilinear grids and netCDF files have them, to a Geometry."""

from __future__ import annotations

import warnings
from typing import Optional, Sequence

import numpy as np

from srn_core.volume import IDENTITY, Geometry

TOLERANCE = 1e-3
"""Largest deviation from equal steps, as a share of a step: coordinates are often stored in float32."""


class GridNote(UserWarning):
    """Something about the grid that the user should know; the volume is usable all the same."""


def uniform_axis(coordinates: np.ndarray) -> Optional[tuple[float, float]]:
    """(first coordinate, step) of equally spaced coordinates, or None where they are not."""
    values = np.asarray(coordinates, np.float64)
    if values.ndim != 1 or values.size == 0 or not np.all(np.isfinite(values)):
        return None
    if values.size == 1:
        return float(values[0]), 1.0
    step = (values[-1] - values[0]) / (values.size - 1)
    # Rounding of float32 coordinates far from 0 is no unevenness either.
    slack = TOLERANCE * abs(step) + 4 * np.finfo(np.float32).eps * float(np.abs(values).max())
    even = np.abs(values - (values[0] + step * np.arange(values.size))).max() <= slack
    return (float(values[0]), float(step)) if even and step != 0 else None


def geometry_from_axes(path: str, x: np.ndarray, y: np.ndarray, z: np.ndarray, association: str = "point") -> Geometry:
    """The geometry of a grid with these sample coordinates along x, y and z.

    Falling coordinates become a direction of -1. Where an axis is not equally spaced the volume is
    in index space (origin 0, spacing 1), and a GridNote warning says so.
    """
    dims = (len(x), len(y), len(z))
    axes = [uniform_axis(c) for c in (x, y, z)]
    if any(axis is None for axis in axes):
        note_index_space(path)
        return Geometry(dims, association=association)
    first = [axis[0] for axis in axes if axis is not None]
    steps = [axis[1] for axis in axes if axis is not None]
    direction = np.array(IDENTITY).reshape(3, 3) * np.sign(steps)
    if association == "cell":  # the origin is a corner of the first cell, not its centre
        first = [f - s / 2 for f, s in zip(first, steps)]
    return Geometry(
        dims,
        _triple(first),
        _triple([abs(s) for s in steps]),
        tuple(float(v) for v in direction.ravel()),
        association=association,
    )


def note_index_space(path: str) -> None:
    """Say that a grid's true positions are left aside."""
    warnings.warn(
        f"'{path}': the grid is not equally spaced; it is taken in index space (origin 0, spacing 1)",
        GridNote,
        stacklevel=3,
    )


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
