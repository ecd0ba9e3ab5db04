"""Derivatives of the latents where they are the values: where there is no predictor, on a grid, axis by axis.

The rule at the places of latents is that of :mod:`onnx_export.latent_slopes`, and so are the results.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np

from onnx_export.jets import ON_BORDER
from onnx_export.latent_slopes import AT_LATENT, END
from onnx_export.latents import LatentBox, LatentScale
from onnx_export.lattice_latents import Index, as_slice


class AxisSlopes(NamedTuple):
    """What the samples along one axis take of the latents along it. Indices count the latents ``needed``."""

    needed: np.ndarray
    low: Index
    high: Index
    share: np.ndarray
    """(n,) float32, of the latent ``high``; the rest is that of ``low``."""
    below: Index
    above: Index
    factor: np.ndarray
    """(n,) float32: derivative by the normalised coordinate per difference of the latents ``above`` and ``below``."""


def axis_slopes(u: np.ndarray, places: np.ndarray, along: LatentScale) -> AxisSlopes:
    """At the normalised coordinates u (n,), float64; ``places`` are the same as fractional indices of latents, held
    within them where the coordinates lie outside."""
    samples = along.samples
    low = np.clip(np.floor(places), 0, max(samples - 2, 0)).astype(np.int64)
    below = above = np.zeros_like(low)
    factor = np.zeros(len(u))
    if along.per_unit and samples > 1:
        inner = np.clip(places, END, samples - 1 - END)
        below = np.floor(inner - AT_LATENT).astype(np.int64)
        above = np.floor(inner + AT_LATENT).astype(np.int64) + 1
        factor = np.where(np.abs(u) <= along.half + ON_BORDER, along.per_unit / (above - below), 0.0)
    parts = (low, np.minimum(low + 1, samples - 1), below, above)
    needed = np.unique(np.concatenate(parts))
    picked = [as_slice(np.searchsorted(needed, index)) for index in parts]
    share = (places - low).astype(np.float32)
    return AxisSlopes(needed, picked[0], picked[1], share, picked[2], picked[3], factor.astype(np.float32))


def grid_slopes(box: LatentBox, axes: Sequence[AxisSlopes]) -> np.ndarray:
    """(nz, ny, nx, features, 3) float32: derivatives by normalised x, y, z of interpolated latents, where the steps
    along x, y, z cross. ``box`` holds those that are needed."""
    x, y, z = axes
    inside = [as_slice(steps.needed - first) for steps, first in zip((z, y, x), box.origin)]
    latents = box.values[:, inside[0]][:, :, inside[1]][..., inside[2]]
    flat = _between(latents, z, 1)
    return np.stack(
        [
            np.moveaxis(part, 0, -1)
            for part in (
                _difference(_between(flat, y, 2), x, 3),
                _between(_difference(flat, y, 2), x, 3),
                _between(_between(_difference(latents, z, 1), y, 2), x, 3),
            )
        ],
        axis=-1,
    )


def _between(data: np.ndarray, axis: AxisSlopes, number: int) -> np.ndarray:
    """Linear interpolation along an axis of ``data`` (features, z, y, x)."""
    low = _taken(data, axis.low, number)
    if not axis.share.any():
        return low
    return low + (_taken(data, axis.high, number) - low) * _along(axis.share, number)


def _difference(data: np.ndarray, axis: AxisSlopes, number: int) -> np.ndarray:
    """The derivative along an axis of ``data`` (features, z, y, x)."""
    return np.asarray(
        (_taken(data, axis.above, number) - _taken(data, axis.below, number)) * _along(axis.factor, number)
    )


def _taken(data: np.ndarray, index: Index, number: int) -> np.ndarray:
    return data[(slice(None),) * number + (index,)]


def _along(numbers: np.ndarray, number: int) -> np.ndarray:
    return numbers.reshape([-1 if axis == number else 1 for axis in range(4)])
