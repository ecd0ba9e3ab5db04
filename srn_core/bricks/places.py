"""How a volume is cut into bricks that overlap, and the weights by which what they say of a place is blended.

Along each axis a brick's weight falls from 1 to 0 over what it shares with its neighbours, smoothly; the weight at a
place is the product of those of the axes, divided by the sum over all bricks. So the weights are 1 in all.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple, Sequence

import numpy as np

HALO = 4
"""Samples that a brick reaches beyond where it is cut, if nothing else is said."""

Triple = tuple[int, int, int]


class BrickPlace(NamedTuple):
    """Where a brick lies in a volume, counted in samples from the first one on, x, y, z."""

    start: Triple
    dims: Triple
    fades: tuple[int, ...]
    """As of :class:`srn_core.codec.field.Brick`."""
    core: tuple[Triple, Triple]
    """First sample, and dims, of the part that is its own: those of all bricks fill the volume without overlap."""

    @property
    def region(self) -> tuple[int, int, int, int, int, int]:
        """x0, x1, y0, y1, z0, z1, both ends included."""
        return region_of(self.start, self.dims)


def region_of(start: Triple, dims: Triple) -> tuple[int, int, int, int, int, int]:
    """x0, x1, y0, y1, z0, z1, both ends included, of so many samples from ``start`` on."""
    (x, y, z), (nx, ny, nz) = start, dims
    return x, x + nx - 1, y, y + ny - 1, z, z + nz - 1


def places(dims: Triple, edge: int, halo: int = HALO) -> list[BrickPlace]:
    """Bricks, those along x first, whose cores have at most about ``edge`` samples along each axis, nearly equal ones.

    Cuts are at even samples: what is between voxels is then rounded to the same voxel in all bricks.
    """
    axes = [_cuts(n, -(-n // max(edge, 1))) for n in dims]
    cores = [tuple(zip(*corner)) for corner in product(*([*zip(c, c[1:])] for c in reversed(axes)))]
    return [around(dims, low[::-1], high[::-1], halo) for low, high in cores]


def pieces(dims: Triple, count: int, halo: int = HALO) -> list[BrickPlace]:
    """At most ``count`` bricks: the longest axis is cut as often as it allows, then the next ones."""
    parts = [1, 1, 1]
    while True:
        longest = sorted(range(3), key=lambda axis: (-dims[axis] / parts[axis], -axis))
        grown = [_more(parts, axis) for axis in longest if dims[axis] >= 4 * halo * (parts[axis] + 1)]
        fitting = [new for new in grown if int(np.prod(new)) <= count]
        if not fitting:
            break
        parts = fitting[0]
    axes = [_cuts(n, part) for n, part in zip(dims, parts)]
    cores = [tuple(zip(*corner)) for corner in product(*([*zip(c, c[1:])] for c in reversed(axes)))]
    return [around(dims, low[::-1], high[::-1], halo) for low, high in cores]


def around(dims: Triple, low: Sequence[int], high: Sequence[int], halo: int) -> BrickPlace:
    """The brick whose core are the samples from ``low`` on, up to before ``high``, and ``halo`` samples about it."""
    start = [max(a - halo, 0) for a in low]
    stop = [min(b + halo, n) for b, n in zip(high, dims)]
    fades: list[int] = []
    for axis, n in enumerate(dims):
        longest = stop[axis] - start[axis] - 1
        fade = min(max(2 * halo - 1, 0), longest)
        fades += [fade if low[axis] > 0 else 0, fade if high[axis] < n else 0]
    core = _triple(low), _triple(b - a for a, b in zip(low, high))
    return BrickPlace(_triple(start), _triple(b - a for a, b in zip(start, stop)), tuple(fades), core)


def axis_weight(index: np.ndarray, samples: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """A brick's weight at fractional indices of its samples along an axis, and how it changes per sample; 0 outside.

    ``low``, ``high``: over how many samples it fades at the two ends.
    """
    index = np.asarray(index, np.float64)
    up, rising = _rise(index, low)
    down, falling = _rise(samples - 1 - index, high)
    inside = (index >= -OUTSIDE) & (index <= samples - 1 + OUTSIDE)
    return np.where(inside, up * down, 0.0), np.where(inside, rising * down - up * falling, 0.0)


OUTSIDE = 1e-6
"""Of a sample: so far beyond its last sample, by rounding, a place is still in a brick."""


def _rise(distance: np.ndarray, fade: int) -> tuple[np.ndarray, np.ndarray]:
    """From 0 at the end to 1, without a kink, and its slope."""
    if not fade:
        return np.ones_like(distance), np.zeros_like(distance)
    t = np.clip(distance / fade, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t), 6.0 * t * (1.0 - t) / fade


def _cuts(samples: int, parts: int) -> list[int]:
    inner = (2 * round(samples * part / (2 * parts)) for part in range(1, parts))
    return sorted({0, samples, *(cut for cut in inner if 0 < cut < samples)})


def _more(parts: Sequence[int], axis: int) -> list[int]:
    return [part + (place == axis) for place, part in enumerate(parts)]


def _triple(numbers: object) -> Triple:
    x, y, z = (int(number) for number in numbers)  # type: ignore[attr-defined]
    return x, y, z
