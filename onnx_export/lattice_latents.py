"""Latents that are the values: where there is no predictor, and samples are asked for at the grid's own places."""

from __future__ import annotations

from typing import Optional, Sequence, Union

import numpy as np

from srn_core.spec import FvSrnSpec, NetworkSpec

NEAR = 1e-6
"""Share of a latent's spacing within which a coordinate means that latent."""


def latent_places(spec: NetworkSpec, axes: Sequence[np.ndarray]) -> Optional[list[np.ndarray]]:
    """Indices of the latents at normalised coordinates along x, y, z; None where latents are not all that is needed."""
    if not isinstance(spec, FvSrnSpec) or spec.widths:
        return None
    found = []
    for u, half, samples in zip(axes, spec.half_extent, spec.grid[::-1]):
        place = (u + half) * ((samples - 1) / (2.0 * half) if half > 0 else 0.0)
        place = np.clip(place, 0.0, samples - 1.0)
        index = np.rint(place)
        if not (np.abs(place - index) <= NEAR).all():  # nor where a coordinate is not a number
            return None
        found.append(index.astype(np.int64))
    return found


def as_slice(index: np.ndarray) -> Union[slice, np.ndarray]:
    """The same places as a slice, which is copied faster, where they follow one another."""
    first = int(index[0])
    return slice(first, first + len(index)) if np.array_equal(index, first + np.arange(len(index))) else index
