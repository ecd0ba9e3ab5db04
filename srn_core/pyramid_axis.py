"""One level of a wavelet pyramid along one axis, as sums of samples (see :mod:`srn_core.pyramid`).

The sums are made in one order everywhere, by arrays here or by compiled loops (:mod:`srn_core.native`), so that all
machines have the same bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from srn_core.native import calls
from srn_core.native.calls import Terms

Taps = tuple[tuple[float, ...], tuple[float, ...]]
"""Right halves, the centre first, of a symmetric low-pass filter and of a symmetric high-pass filter."""


def analysis_taps(low: tuple[float, ...], high: tuple[float, ...]) -> Taps:
    """Right halves of the filters that undo a synthesis: the other one's taps with alternating signs."""
    products = [(-1) ** k * a * b for k, (a, b) in enumerate(zip(low, high))]
    scale = 1.0 / (2.0 * sum(products) - products[0])
    first, second = (tuple(scale * (-1) ** k * tap for k, tap in enumerate(taps)) for taps in (high, low))
    return first, second


def transform_axis(data: np.ndarray, last: bool, taps: Taps, inverse: bool) -> None:
    """One level along the last axis, or the last but one, of (slabs, rows, columns) float32, in place."""
    evens, odds, reach = _terms(taps, inverse, data.dtype.char)
    if calls.there() and data.dtype == np.float32 and data.strides[2] == data.itemsize:
        calls.transform(data, 2 if last else 1, inverse, evens, odds, reach)
        return
    axis = 2 if last else 1
    samples = data.shape[axis]
    half = (samples + 1) // 2
    source = [np.take(data, _places(samples, odd, reach, inverse), axis) for odd in (0, 1)]

    def part(array: np.ndarray, where: slice) -> np.ndarray:
        return array[:, :, where] if last else array[:, where]

    for odd, terms in enumerate((evens, odds)):
        count = samples - half if odd else half
        total: np.ndarray = np.zeros(0)
        for number, (tap, (which, before, after)) in enumerate(zip(terms.taps, terms.samples)):
            one, two = (part(source[which], slice(reach + n, reach + n + count)) for n in (before, after))
            if number:
                total += tap * (one + two)
            else:
                total = tap * one
        part(data, slice(odd, None, 2) if inverse else slice(odd * half, odd * half + count))[...] = total


@lru_cache(maxsize=16)
def _terms(taps: Taps, inverse: bool, dtype: str) -> tuple[Terms, Terms, int]:
    """Terms of even and of odd outputs, and the most samples to the side, even or odd ones alone."""

    def terms(odd: int) -> Terms:
        found = [(taps[odd][0], odd, 0, 0)]
        for distance in range(1, max(len(t) for t in taps)):
            which = (odd + distance) % 2
            filter_ = taps[which if inverse else odd]
            if distance < len(filter_):
                # Sample 2 i + odd +- distance is the even or odd one of this number, counted from i.
                sides = ((odd - distance - which) // 2, (odd + distance - which) // 2)
                found.append((filter_[distance], which, *sides))
        return Terms(np.array([t[0] for t in found], dtype), np.array([t[1:] for t in found], np.int64))

    evens, odds = terms(0), terms(1)
    return evens, odds, int(max(np.abs(t.samples[:, 1:]).max() for t in (evens, odds)))


@lru_cache(maxsize=64)
def _places(samples: int, odd: int, reach: int, inverse: bool) -> np.ndarray:
    """Where the even or odd samples lie, mirrored ``reach`` beyond both ends: (half + 2 reach,)."""
    half = (samples + 1) // 2
    places = (2 * np.arange(-reach, half + reach) + odd) % (2 * samples - 2)
    places = np.minimum(places, 2 * samples - 2 - places)
    return odd * half + places // 2 if inverse else places
