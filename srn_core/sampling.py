"""A field at points of the world: where they lie in it, and what the decoder's numbers mean there."""

from __future__ import annotations

import numpy as np

from srn_core import coordinates
from srn_core.codec import NeuralField
from srn_core.decoding import physical
from srn_core.errors import SrnInputError
from srn_core.field_gradient import world_gradient
from srn_core.volume import Geometry
from srn_core.voxel_values import settle_point_gradients, settle_points

INSIDE = 1e-4
"""How far outside the box, in samples, a position still counts as on its border."""


class SampledPoints:
    """World positions (N, 3) at which a field is asked for. Raises SrnInputError for what are none, and for an
    ``outside`` that is neither "nan" nor "clamp"."""

    def __init__(self, field: NeuralField, points: np.ndarray, outside: str = "nan") -> None:
        if outside not in ("nan", "clamp"):
            raise SrnInputError(f"outside must be 'nan' or 'clamp', not {outside!r}")
        points = np.asarray(points, np.float64)
        if points.ndim != 2 or points.shape[1] != 3:
            raise SrnInputError(f"points must have shape (N, 3), not {points.shape}")
        self.field = field
        self.index: np.ndarray
        """(N, 3), fractional, of samples, held within these."""
        self.beyond: np.ndarray
        """(N, 3) of bool: along which axes a position lies beyond the samples."""
        self.index, self.beyond, inside = located(field.geometry, points)
        self._lost = ~np.isfinite(points).all(axis=1) if outside == "clamp" else ~inside
        self.coordinates = coordinates.normalise(self.index, field.geometry.dims)
        """(N, 3), normalised, held within the samples."""

    def values(self, normalised: np.ndarray) -> np.ndarray:
        """(N,) or (N, C) float64, physical, of the decoder's (N, C); NaN where there is none."""
        values = physical(self.field, normalised)
        settle_points(self.field, self.index, values)
        return self.given(values)

    def gradient(self, normalised: np.ndarray) -> np.ndarray:
        """(N, 3) or (N, C, 3) float64, physical, of the decoder's (N, C, 3); 0 across a border beyond it."""
        gradient = world_gradient(self.field, np.where(self.beyond[:, None], 0.0, normalised), self.index)
        settle_point_gradients(self.field, self.index, gradient)
        return self.given(gradient)

    def given(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers (N, C, ...) as they are given away: (N, ...) of a scalar field, NaN where there is nothing."""
        numbers[self._lost] = np.nan
        return numbers if self.field.vector else numbers[:, 0]


def located(geometry: Geometry, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fractional indices (N, 3) of world positions, held within the samples; along which axes these lie beyond the
    samples (N, 3); and which lie in the box (N,)."""
    dims = np.array(geometry.dims)
    index = geometry.index_of(points)
    clamped = np.clip(np.nan_to_num(index), 0, dims - 1)
    # Cells reach half a sample beyond their centres; an axis of one sample is a slab of its own thickness.
    reach = np.where(dims == 1, 0.5, INSIDE) if geometry.association == "point" else 0.5 + INSIDE
    with np.errstate(invalid="ignore"):
        apart = np.abs(index - clamped)
        return clamped, np.asarray(apart > INSIDE), np.asarray((apart <= reach).all(axis=1))
