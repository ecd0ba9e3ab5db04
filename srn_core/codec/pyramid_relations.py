"""Which bands of a wavelet pyramid tell of which: parents one level up, siblings beside."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Sequence

import numpy as np

from srn_core.pyramid import Band, pyramid_bands


class Relation(NamedTuple):
    """A band and what is known when it is coded. Numbers are places in the coding order."""

    band: Band
    shape: tuple[int, int, int]
    parents: tuple[int, ...]
    """For each group of axes that the band passes high somewhere: the same pass, one level coarser. Two at most."""
    lower: tuple[int, ...]
    """Siblings of the same levels with one high-pass axis less."""
    others: tuple[int, ...]
    """All other siblings before it."""

    @property
    def highs(self) -> int:
        """Axes passed high."""
        return sum(self.band.high)


def relations(shape: Sequence[int], groups: Sequence[tuple[str, int]]) -> list[Relation]:
    """Every band of a pyramid of ``shape`` (z, y, x), in coding order."""
    bands = pyramid_bands(shape, groups)
    places = {(band.level, band.high): place for place, band in enumerate(bands)}
    axes_of = [["zyx".index(letter) for letter in letters] for letters, _ in groups]
    found = []
    for place, band in enumerate(bands):
        parents = []
        for axes in axes_of:
            if any(band.high[a] for a in axes):
                z, y, x = (level + (axis in axes) for axis, level in enumerate(band.level))
                parent = places.get(((z, y, x), band.high))
                if parent is not None and parent < place:
                    parents.append(parent)
        lower: list[int] = []
        others: list[int] = []
        for earlier in range(place):
            if bands[earlier].level == band.level:
                less = [h - g for h, g in zip(band.high, bands[earlier].high)]
                (lower if sum(map(abs, less)) == 1 == sum(less) else others).append(earlier)
        z, y, x = (part.stop - part.start for part in band.slices)
        found.append(Relation(band, (z, y, x), tuple(parents[:2]), tuple(lower), tuple(others)))
    return found


def on_shape(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """``values`` (z, y, x) of a parent or sibling at the positions of a band of ``shape``.

    An axis about half as long is a parent's: one of its samples stands for two.
    """
    for axis in (2, 1, 0):  # copies along x are the dear ones: there are fewest at first
        size, length = shape[axis], values.shape[axis]
        if size != length:
            values = stretched(values, axis, size, _times(length, size))
    return values


@lru_cache(maxsize=256)
def place_on(length: int, size: int) -> np.ndarray:
    """(size,) int32: at which of ``length`` samples of an axis :func:`on_shape` looks."""
    times = _times(length, size) if length != size else 1
    return np.minimum(np.arange(size) // times, length - 1).astype(np.int32)


def _times(length: int, size: int) -> int:
    """How many samples one of a parent, or sibling, stands for."""
    return 2 if 2 * length <= size + 2 and size > 2 else 1


def stretched(values: np.ndarray, axis: int, size: int, times: int) -> np.ndarray:
    """``size`` samples along an axis: each one ``times`` times, the last one as often as it takes."""
    shape = list(values.shape)
    shape[axis] = size
    out = np.empty(shape, values.dtype)
    into, of = np.moveaxis(out, axis, 0), np.moveaxis(values, axis, 0)
    for first in range(times):
        part = into[first : times * len(of) : times]
        part[...] = of[: len(part)]
    into[times * len(of) :] = of[-1]
    return out
