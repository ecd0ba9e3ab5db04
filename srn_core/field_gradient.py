"""Gradients of a field as users have them: in the array's units per unit of length, along the world's axes."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from srn_core import coordinates
from srn_core.codec import NeuralField
from srn_core.volume import Geometry, Volume


def gradient_name(array: str) -> str:
    """What the gradient of an array is called."""
    return f"{array} gradient"


def gradient_dtype(field: NeuralField) -> np.dtype[Any]:
    """Type of a field's gradient on a grid: float64 for arrays of float64, else float32."""
    return np.dtype(np.float64 if np.dtype(field.dtype) == np.float64 else np.float32)


def gradient_volume(field: NeuralField, values: np.ndarray, geometry: Geometry, valid: Optional[np.ndarray]) -> Volume:
    """The gradient (z, y, x, 3 C) of a field as a volume."""
    return Volume(values, geometry, gradient_name(field.name), time=field.time, valid=valid)


def world_gradient(field: NeuralField, normalised: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(..., C, 3) float64 of derivatives of normalised values by normalised x, y, z, at fractional sample indices
    (..., 3)."""
    low, high = np.array(field.value_range, np.float64).T
    geometry = field.geometry
    # An index changes by the rows of this matrix along the world's x, y, z, a normalised coordinate in proportion.
    matrix = geometry.index_per_length_at(index) * coordinates.normalised_per_index(geometry.dims)
    return np.asarray((normalised @ matrix) * (high / 2 - low / 2)[:, None])
