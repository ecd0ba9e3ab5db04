"""One level of a wavelet pyramid along one axis, as products with small matrices (see :mod:`srn_core.pyramid`)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

STRETCH = 128
"""Samples of an axis that one product makes; even."""

Taps = tuple[tuple[float, ...], tuple[float, ...]]
"""Right halves, the centre first, of a symmetric low-pass filter and of a symmetric high-pass filter."""


def analysis_taps(low: tuple[float, ...], high: tuple[float, ...]) -> Taps:
    """Right halves of the filters that undo a synthesis: the other one's taps with alternating signs."""
    products = [(-1) ** k * a * b for k, (a, b) in enumerate(zip(low, high))]
    scale = 1.0 / (2.0 * sum(products) - products[0])
    first, second = (tuple(scale * (-1) ** k * tap for k, tap in enumerate(taps)) for taps in (high, low))
    return first, second


def transform_axis(data: np.ndarray, last: bool, taps: Taps, inverse: bool) -> None:
    """One level along the last axis, or the last but one, of (slabs, rows, columns), in place."""
    source = data.copy()
    samples = data.shape[2 if last else 1]
    half, reach = (samples + 1) // 2, 2 * (max(len(t) for t in taps) // 2)

    def part(array: np.ndarray, start: int, stop: int) -> np.ndarray:
        return array[:, :, start:stop] if last else array[:, start:stop]

    def times(matrix: np.ndarray, values: np.ndarray) -> np.ndarray:
        return values @ matrix.T if last else matrix @ values

    for start in range(0, samples, STRETCH):
        stop = min(start + STRETCH, samples)
        low, high = max(0, start - reach), min(samples, stop + reach)
        inner = low < start and stop < high and high - low == stop - start + 2 * reach
        # Away from the ends one matrix serves all stretches.
        place = (reach, stop - start + reach, stop - start + 2 * reach) if inner else (start, stop, samples)
        evens, odds = _matrices(taps, inverse, *place, reach, data.dtype.char)
        if inverse:
            values = times(evens, part(source, low // 2, (high + 1) // 2))
            values += times(odds, part(source, half + low // 2, half + high // 2))
            part(data, start, stop)[...] = values
        else:
            values = part(source, low, high)
            part(data, start // 2, (stop + 1) // 2)[...] = times(evens, values)
            part(data, half + start // 2, half + stop // 2)[...] = times(odds, values)


@lru_cache(maxsize=128)
def _matrices(
    taps: Taps, inverse: bool, start: int, stop: int, samples: int, reach: int, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    """What places start to stop of an axis take from the places within reach, as (outputs, inputs).

    Analysis: for the even places, and for the odd ones. Synthesis: from the even places, and from the odd ones.
    """
    low, high = max(0, start - reach), min(samples, stop + reach)
    matrix = np.zeros((stop - start, high - low))
    farthest = max(len(t) for t in taps) - 1
    for row in range(start, stop):
        for step in range(-farthest, farthest + 1):
            filter_ = taps[(row + step if inverse else row) % 2]
            if abs(step) < len(filter_):
                place = (row + step) % (2 * samples - 2)
                matrix[row - start, min(place, 2 * samples - 2 - place) - low] += filter_[abs(step)]
    evens, odds = (matrix[:, 0::2], matrix[:, 1::2]) if inverse else (matrix[0::2], matrix[1::2])
    return np.ascontiguousarray(evens, dtype), np.ascontiguousarray(odds, dtype)
