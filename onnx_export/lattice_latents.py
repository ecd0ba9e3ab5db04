"""Places of latents along an axis, as they are best picked."""

from __future__ import annotations

from typing import Union

import numpy as np

NEAR = 1e-6
"""Share of the latents' spacing within which a place is that of a latent."""

Index = Union[slice, np.ndarray]


def as_slice(index: np.ndarray) -> Index:
    """The same places as a slice, which is copied faster, where they follow one another."""
    if not len(index):
        return slice(0, 0)
    first = int(index[0])
    return slice(first, first + len(index)) if np.array_equal(index, first + np.arange(len(index))) else index
