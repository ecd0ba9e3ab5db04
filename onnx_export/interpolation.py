"""Latents between which a grid lies, axis by axis: where there is no predictor, they are the values."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

import numpy as np

from onnx_export.lattice_latents import NEAR, Index, as_slice


class Steps(NamedTuple):
    """What the places along one axis take of the latents along it."""

    low: Index
    high: Index
    share: Optional[np.ndarray]
    """(n,) float32, of the latent ``high``; the rest is that of ``low``. None: all places are those of latents."""


def steps_to(places: np.ndarray) -> Steps:
    """Linear interpolation at ``places`` (n,), fractional indices of latents, float64, within them."""
    nearest = np.rint(places)
    if (np.abs(places - nearest) <= NEAR).all():
        index = as_slice(nearest.astype(np.int64))
        return Steps(index, index, None)
    low = np.floor(places)
    return Steps(
        as_slice(low.astype(np.int64)), as_slice(np.ceil(places).astype(np.int64)), (places - low).astype(np.float32)
    )


def interpolated(latents: np.ndarray, axes: Sequence[Steps]) -> np.ndarray:
    """(features, nz, ny, nx) float32, of ``latents`` (features, z, y, x), where the steps along x, y, z cross.

    The fewest numbers are picked one by one: those along x come first, whole planes along z last.
    """
    for number, steps in enumerate(axes):
        latents = _along(latents, steps, 3 - number)
    return latents


def _along(data: np.ndarray, steps: Steps, axis: int) -> np.ndarray:
    before = (slice(None),) * axis
    low = data[(*before, steps.low)]
    if steps.share is None:
        return low
    out = np.asarray(data[(*before, steps.high)] - low)
    out *= steps.share.reshape([-1 if number == axis else 1 for number in range(4)])
    out += low
    return out
