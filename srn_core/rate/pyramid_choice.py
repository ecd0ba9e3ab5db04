"""Which wavelet pyramid suits a volume: its filter, its levels, and whether a thin axis is split first.

Each candidate codes the middle of the volume with one and the same step; the one with the least error plus price wins.
"""

from __future__ import annotations

import math
from typing import Optional, Sequence

import numpy as np

from srn_core.codec.mask_section import stored_mask
from srn_core.codec.pyramids import draft
from srn_core.pyramid import analyse, pyramid_of, synthesise_pyramid
from srn_core.rate.chooser import PRICE, RateChooser
from srn_core.spec import PyramidSpec

FILTERS = ("bior4.4", "bior6.8", "bior2.2")
COARSEST = 4
"""Samples that the coarsest low pass of an axis keeps at least."""
MOST_LEVELS = 5
ROUGH_TRIES = 6
WORTH = 0.98
"""What changes since the step before may cost at most, as a share of what the step costs by itself: to decode them, the
steps before have to be decoded too."""
MIDDLE = 128
"""Samples along each axis of what candidates are tried on."""


def candidates(shape: Sequence[int]) -> list[tuple[tuple[str, int], ...]]:
    """Ways to group the axes of a volume of ``shape`` (z, y, x), the likeliest first."""
    levels = {axis: _levels(n) for axis, n in zip("zyx", shape) if n > 1}
    if not levels:
        return [(("zyx", 0),)]
    axes = "".join(levels)
    least, most = min(levels.values()), max(levels.values())
    ways: list[tuple[tuple[str, int], ...]] = []
    if least < most:
        thin = "".join(a for a in axes if levels[a] < most)
        rest = "".join(a for a in axes if levels[a] == most)
        few = min(levels[a] for a in thin)
        ways += [((thin, n), (rest, most)) for n in range(few, max(few - 2, 0), -1)]
    ways.append(((axes, least if least > 2 else most),))
    return ways


def middle_of(values: np.ndarray) -> np.ndarray:
    """The middle of (..., z, y, x), at most MIDDLE samples along each axis."""
    z, y, x = (slice((n - min(n, MIDDLE)) // 2, (n + min(n, MIDDLE) + 1) // 2) for n in values.shape[-3:])
    return values[..., z, y, x]


def middle_coefficients(values: np.ndarray) -> np.ndarray:
    """Coefficients (1, z, y, x) of the middle of normalised values (features, z, y, x), split the likeliest way."""
    return analyse(middle_of(values[0]), pyramid_of(FILTERS[0], candidates(values.shape[1:])[0]))[None]


def rough_step(values: np.ndarray, most: int, start: float) -> float:
    """About the step by which values (features, z, y, x) take ``most`` bytes, by their middle, the likeliest way."""
    coefficients = middle_coefficients(values)
    groups = candidates(values.shape[1:])[0]
    share = max(most * coefficients.size / values.size, 64.0)
    step = start
    for _ in range(ROUGH_TRIES):
        size = draft(coefficients / np.float32(step), groups, RateChooser())[1].size
        stride = math.log(max(size, 1.0) / share) / 1.2
        step *= math.exp(min(max(stride, -3.0), 3.0))
        if abs(stride) < 0.2:
            break
    return step


def change_pays(values: np.ndarray, changes: np.ndarray, groups: tuple[tuple[str, int], ...], step: float) -> bool:
    """Whether what has changed since the time step before, split by these ``groups``, is to be coded in place of the
    values themselves, at a step of about ``step``; both are normalised (features, z, y, x)."""
    whole, change = pyramid_of(FILTERS[0], candidates(values.shape[1:])[0]), pyramid_of(FILTERS[0], groups)
    without = sum(cost(middle_of(feature), whole, step) for feature in values)
    return sum(cost(middle_of(feature), change, step) for feature in changes) < WORTH * without


def best_pyramid(values: np.ndarray, step: float, groups: Optional[tuple[tuple[str, int], ...]] = None) -> PyramidSpec:
    """The pyramid for normalised values (features, z, y, x), if coded in steps of about ``step``; with these
    ``groups``, where they are given."""
    middle = middle_of(values[0])
    ways = candidates(values.shape[1:]) if groups is None else [groups]
    found = min((cost(middle, pyramid_of(FILTERS[0], groups), step), groups) for groups in ways)
    others = [(cost(middle, pyramid_of(name, found[1]), step), name) for name in FILTERS[1:]]
    best = min([(found[0], FILTERS[0]), *others])
    return pyramid_of(best[1], found[1])


def plateau_pays(values: np.ndarray, smooth: np.ndarray, mask: np.ndarray, step: float, unit: float) -> bool:
    """Whether a plateau is worth its mask (z, y, x).

    ``values`` (features, z, y, x) are normalised, ``smooth`` the same without the plateau's cliffs; integers lie
    ``unit`` apart, 0 for floats.
    """
    pyramid = pyramid_of(FILTERS[0], candidates(mask.shape)[0])
    hidden = middle_of(mask)
    z, y, x = hidden.shape
    _, sections = stored_mask(hidden, (z, y, x), "the plateau's mask")
    price = PRICE * 8 * sum(map(len, sections))
    without = sum(cost(middle_of(feature), pyramid, step, unit) for feature in values)
    return without > price + sum(cost(middle_of(feature), pyramid, step, unit, ~hidden) for feature in smooth)


def cost(
    values: np.ndarray, pyramid: PyramidSpec, step: float, unit: float = 0.0, counts: Optional[np.ndarray] = None
) -> float:
    """Squared error plus price of all bits, in squared steps, of values (z, y, x); ``counts``: the error of which."""
    coefficients = analyse(values, pyramid)
    codes, stream = draft((coefficients / np.float32(step))[None], pyramid.groups, RateChooser())
    decoded = synthesise_pyramid(codes[0] * np.float32(step), pyramid)
    error = (decoded - values).astype(np.float64)
    if unit:
        error = np.rint(error / unit) * unit
    if counts is not None:
        error = error[counts]
    return float(np.square(error / step).sum()) + PRICE * 8 * stream.size


def _levels(samples: int) -> int:
    count = 0
    while count < MOST_LEVELS and (samples + 1) // 2 >= COARSEST:
        samples, count = (samples + 1) // 2, count + 1
    return max(count, 1)
