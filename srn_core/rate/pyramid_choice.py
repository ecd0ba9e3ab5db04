"""Which wavelet pyramid suits a volume: its filter, its levels, and whether a thin axis is split first.

Each candidate codes the middle of the volume with one and the same step; the one with the least error plus price wins.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np

from srn_core.codec.pyramids import draft
from srn_core.pyramid import analyse, pyramid_of, synthesise_pyramid
from srn_core.rate.chooser import PRICE, RateChooser
from srn_core.spec import PyramidSpec

FILTERS = ("bior4.4", "bior6.8", "bior2.2")
COARSEST = 5
"""Samples that the coarsest low pass of an axis keeps at least."""
MOST_LEVELS = 5
MIDDLE = 128
"""Samples along each axis of what candidates are tried on."""


def candidates(shape: Sequence[int]) -> list[tuple[tuple[str, int], ...]]:
    """Ways to group the axes of a volume of ``shape`` (z, y, x), the likeliest first."""
    levels = {axis: _levels(n) for axis, n in zip("zyx", shape) if n > 1}
    if not levels:
        return [(("zyx", 0),)]
    axes = "".join(levels)
    least, most = min(levels.values()), max(levels.values())
    ways = []
    if least < most:
        thin = "".join(a for a in axes if levels[a] < most)
        rest = "".join(a for a in axes if levels[a] == most)
        ways.append(((thin, min(levels[a] for a in thin)), (rest, most)))
        ways.append(((thin, min(levels[a] for a in thin) + 1), (rest, most)))
    ways.append(((axes, least if least > 2 else most),))
    if most == least and least > 3:
        ways.append(((axes, least - 1),))
    return ways


def best_pyramid(values: np.ndarray, step: float) -> PyramidSpec:
    """The pyramid for normalised values (features, z, y, x), if coded in steps of about ``step``."""
    shape = values.shape[1:]
    cut = tuple(slice((n - min(n, MIDDLE)) // 2, (n - min(n, MIDDLE)) // 2 + min(n, MIDDLE)) for n in shape)
    middle = values[:1][(slice(None), *cut)]
    ways = candidates(shape)
    found = min((_cost(middle, pyramid_of(FILTERS[0], groups), step), groups) for groups in ways)
    others = [(_cost(middle, pyramid_of(name, found[1]), step), name) for name in FILTERS[1:]]
    best = min([(found[0], FILTERS[0]), *others])
    return pyramid_of(best[1], found[1])


def _cost(values: np.ndarray, pyramid: PyramidSpec, step: float) -> float:
    """Squared error plus price of all bits, in squared steps."""
    coefficients = analyse(values[0], pyramid)
    codes, stream = draft((coefficients / np.float32(step))[None], pyramid.groups, RateChooser())
    decoded = synthesise_pyramid(codes[0] * np.float32(step), pyramid)
    return float(np.square((values[0] - decoded) / step, dtype=np.float64).sum()) + PRICE * 8 * stream.size


def _levels(samples: int) -> int:
    count = 0
    while count < MOST_LEVELS and (samples + 1) // 2 >= COARSEST:
        samples, count = (samples + 1) // 2, count + 1
    return max(count, 1)
