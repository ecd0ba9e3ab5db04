"""What a field knows of its voxels beside its network: corrections, a plateau, and where there is no value at all."""

from __future__ import annotations

from functools import cached_property
from typing import Optional, Sequence

import numpy as np

from srn_core.codec import NeuralField

ON_VOXEL = 1e-6
"""How far from a voxel, in samples along each axis, a position still lies on it: world coordinates are rounded."""


class OnGrid:
    """The voxels of a field under a grid whose axes x, y, z lie at fractional ``index`` es of original samples."""

    def __init__(self, field: NeuralField, index: Sequence[np.ndarray]) -> None:
        self._field = field
        axes = [_nearest(i, n) for i, n in zip(index, field.geometry.dims)]
        self._z, self._y, self._x = (near for near, _ in reversed(axes))
        self._on = [on for _, on in reversed(axes)]

    @cached_property
    def valid(self) -> Optional[np.ndarray]:
        """(z, y, x) of bool: where the nearest voxel holds a value; None: everywhere."""
        found = None if self._field.valid is None else self._picked(self._field.valid, slice(None))
        return None if found is None or found.all() else found

    def correct(self, values: np.ndarray, part: slice) -> None:
        """Add the corrections to float64 values (z, y, x, components) of some layers of the grid, in place."""
        corrections = self._field.corrections
        z, y, x = (np.flatnonzero(on) for on in (self._on[0][part], *self._on[1:]))
        if corrections is not None and z.size and y.size and x.size:
            codes = corrections.codes[np.ix_(self._z[part][z], self._y[y], self._x[x])]
            values[np.ix_(z, y, x)] += codes * corrections.step

    def settle(self, values: np.ndarray, part: slice) -> None:
        """Put in the plateau, and NaN (0 into integers) where there is no value, into values of the wanted dtype."""
        plateau = self._field.plateau
        if plateau is not None:
            values[self._picked(plateau.mask, part)] = np.array(plateau.values).astype(values.dtype)
        if self._field.valid is not None:
            values[~self._picked(self._field.valid, part)] = np.nan if values.dtype.kind == "f" else 0

    def settle_gradient(self, gradient: np.ndarray, part: slice) -> None:
        """0 on the plateau, NaN where there is no value, into gradients (z, y, x, ...) of floats."""
        if self._field.plateau is not None:
            gradient[self._picked(self._field.plateau.mask, part)] = 0.0
        if self._field.valid is not None:
            gradient[~self._picked(self._field.valid, part)] = np.nan

    def _picked(self, mask: np.ndarray, part: slice) -> np.ndarray:
        return np.asarray(mask[np.ix_(self._z[part], self._y, self._x)])


def settle_points(field: NeuralField, index: np.ndarray, values: np.ndarray) -> None:
    """As :class:`OnGrid`, for float64 values (N, components) at fractional indices (N, 3), x first, in place."""
    axes = [_nearest(column, n) for column, n in zip(index.T, field.geometry.dims)]
    x, y, z = (near for near, _ in axes)
    if field.corrections is not None:
        on = np.all([flag for _, flag in axes], axis=0)
        values[on] += field.corrections.codes[z[on], y[on], x[on]] * field.corrections.step
    if field.plateau is not None:
        values[field.plateau.mask[z, y, x]] = field.plateau.values
    if field.valid is not None:
        values[~field.valid[z, y, x]] = np.nan


def settle_point_gradients(field: NeuralField, index: np.ndarray, gradient: np.ndarray) -> None:
    """0 on the plateau, NaN where there is no value, into gradients (N, ...) at fractional indices (N, 3), x first."""
    x, y, z = (_nearest(column, n)[0] for column, n in zip(index.T, field.geometry.dims))
    if field.plateau is not None:
        gradient[field.plateau.mask[z, y, x]] = 0.0
    if field.valid is not None:
        gradient[~field.valid[z, y, x]] = np.nan


def _nearest(index: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest voxel along an axis, and whether the position lies on it."""
    nearest = np.clip(np.rint(index), 0, samples - 1)
    return nearest.astype(int), np.abs(index - nearest) <= ON_VOXEL
