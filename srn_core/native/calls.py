"""The library's functions called with arrays: what all callers share, the wavelet transform, and interpolation."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from srn_core.native import library


class Terms(NamedTuple):
    """A sum over samples: the first term takes one of them, each further one the sum of two."""

    taps: np.ndarray
    """(n,)."""
    samples: np.ndarray
    """(n, 3) int64: of the even (0) or the odd (1) ones, so many before and after the one that is made."""


def there() -> bool:
    """Whether there are compiled loops."""
    return library() is not None


def loops() -> ctypes.CDLL:
    """The library, where it is known to be there."""
    found = library()
    assert found is not None
    return found


def place(values: np.ndarray) -> int:
    """Where an array begins."""
    return values.ctypes.data


def places(arrays: Sequence[Optional[np.ndarray]]) -> Any:
    """Where arrays begin, one after the other; nowhere for None."""
    return (ctypes.c_void_p * len(arrays))(*(None if values is None else place(values) for values in arrays))


def transform(data: np.ndarray, along: int, inverse: bool, evens: Terms, odds: Terms, reach: int) -> None:
    """One level along axis 1 or 2 of (slabs, rows, columns) float32, in place: see :mod:`srn_core.pyramid_axis`."""
    shape, strides = np.array(data.shape, np.int64), np.array(data.strides, np.int64) // data.itemsize
    told: list[int] = []
    for terms in (evens, odds):
        told += [place(terms.samples), place(terms.taps), terms.taps.size]
    if loops().srn_transform(place(data), place(shape), place(strides), along, inverse, *told, reach):
        raise MemoryError


def at_points(latents: np.ndarray, points: np.ndarray, half: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values (n, features) float32 of latents (features, z, y, x) float32 at normalised positions (n, 3).

    ``half`` and ``scale``, (3,) each: half the extent along x, y, z, and latents per unit.
    """
    latents = np.ascontiguousarray(latents, np.float32)
    told = [np.ascontiguousarray(values, np.float64).reshape(-1) for values in (half, scale)]
    points = np.ascontiguousarray(points, np.float64)
    shape, found = np.array(latents.shape[1:], np.int64), np.empty((len(points), len(latents)), np.float32)
    ends = place(told[0]), place(told[1]), place(found)
    loops().srn_at_points(place(latents), len(latents), place(shape), place(points), len(points), *ends)
    return found
