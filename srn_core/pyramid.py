"""The wavelet pyramid of a volume of any size: its bands, its analysis and its synthesis.

One axis at a time, in place, as products of small matrices with overlapping stretches of the axis. The analysis is the
inverse of the synthesis that :class:`srn_core.spec.PyramidSpec` fixes: its filters are those of the synthesis, swapped,
with alternating signs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Iterator, NamedTuple, Sequence

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.pyramid_axis import analysis_taps, transform_axis
from srn_core.spec import PyramidSpec

SLAB = 1 << 19
"""Samples that are transformed before the next ones are looked at: what fits a cache."""

# Right halves, the centre first, of the synthesis filters: Cohen, Daubechies, Feauveau 1992.
_FILTERS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "bior2.2": (
        (0.7071067811865476, 0.3535533905932738),
        (-1.0606601717798214, 0.3535533905932738, 0.1767766952966369),
    ),
    "bior4.4": (
        (0.7884856164055829, 0.41809227322161724, -0.04068941760916406, -0.06453888262869706),
        (-0.8526986790088938, 0.37740285561283066, 0.11062440441843718, -0.023849465019556843, -0.03782845550726404),
    ),
    # Nine decimals are more than float32 holds, and short in a file's header.
    "bior6.8": (
        (0.758907729, 0.417849109, -0.040367979, -0.078722001, 0.014467505, 0.014426283),
        (
            *(-0.825922997, 0.420796285, 0.094059203, -0.077263173, -0.049732903),
            *(0.011934565, 0.01699064, -0.001914286, -0.001908832),
        ),
    ),
}


class Band(NamedTuple):
    """One subband of a pyramid. All are in the order z, y, x."""

    slices: tuple[slice, slice, slice]
    """Where it lies in the array of coefficients."""
    level: tuple[int, int, int]
    """How often each axis was split, as its group says; 0 for an axis that is in no group."""
    high: tuple[int, int, int]
    """1 where the last split kept the high pass, else 0."""


def pyramid_of(name: str, groups: Sequence[tuple[str, int]]) -> PyramidSpec:
    """The pyramid of a known wavelet: "bior2.2", "bior4.4" or "bior6.8". Raises SrnInputError for another."""
    if name not in _FILTERS:
        raise SrnInputError(f"no pyramid is known for the wavelet '{name}'; known ones: {', '.join(sorted(_FILTERS))}")
    low, high = _FILTERS[name]
    return PyramidSpec(name, low, high, tuple((axes, levels) for axes, levels in groups))


def pyramid_bands(shape: Sequence[int], groups: Sequence[tuple[str, int]]) -> tuple[Band, ...]:
    """Every band that is not empty of coefficients of ``shape`` (z, y, x), in coding order.

    Coarse ones first: by falling sum of levels, then by the number of high-pass axes, then by ``high`` and ``level``.
    """
    found = []
    for choice in product(*(_group_keys(len(axes), levels) for axes, levels in groups)):
        level, high = [0, 0, 0], [0, 0, 0]
        for (axes, _), (depth, highs) in zip(groups, choice):
            for axis, passed in zip(_numbers(axes), highs):
                level[axis], high[axis] = depth, passed
        z, y, x = (_segment(n, depth, passed) for n, depth, passed in zip(shape, level, high))
        if all(part.stop > part.start for part in (z, y, x)):
            found.append(Band((z, y, x), (level[0], level[1], level[2]), (high[0], high[1], high[2])))
    return tuple(sorted(found, key=lambda b: (-sum(b.level), sum(b.high), b.high, b.level)))


def band_gains(shape: Sequence[int], pyramid: PyramidSpec) -> tuple[float, ...]:
    """What the coefficients of each band of :func:`pyramid_bands` are multiplied by.

    The product, over the axes, of the L2 norm of what the coefficient in the middle of the band's stretch adds to
    the axis.
    """

    @lru_cache(None)
    def norm(samples: int, level: int, high: int) -> float:
        part = _segment(samples, level, high)
        unit = np.zeros((1, 1, samples))
        unit[0, 0, (part.start + part.stop) // 2] = 1.0
        _transform(unit, PyramidSpec("", pyramid.low, pyramid.high, (("x", level),)), inverse=True)
        return float(np.sqrt((unit**2).sum()))

    bands = pyramid_bands(shape, pyramid.groups)
    return tuple(float(np.prod([norm(*key) for key in zip(shape, b.level, b.high)])) for b in bands)


def analyse(values: np.ndarray, pyramid: PyramidSpec) -> np.ndarray:
    """Values (z, y, x) -> stored coefficients (z, y, x), float32, gains applied."""
    out = np.array(values, np.float32, order="C")
    _transform(out, pyramid, inverse=False)
    for band, gain in zip(pyramid_bands(out.shape, pyramid.groups), band_gains(out.shape, pyramid)):
        out[band.slices] *= np.float32(gain)
    return out


def synthesise_pyramid(coefficients: np.ndarray, pyramid: PyramidSpec) -> np.ndarray:
    """Stored coefficients (z, y, x) -> values (z, y, x), float32."""
    out = np.array(coefficients, np.float32, order="C")
    for band, gain in zip(pyramid_bands(out.shape, pyramid.groups), band_gains(out.shape, pyramid)):
        out[band.slices] *= np.float32(1.0 / gain if gain else 0.0)
    _transform(out, pyramid, inverse=True)
    return out


def coarse_levels(groups: Sequence[tuple[str, int]], level: int) -> tuple[int, int, int]:
    """How many of ``level`` splits along z, y, x a pyramid of these groups has."""
    found = [0, 0, 0]
    for axes, levels in groups:
        for axis in _numbers(axes):
            found[axis] = min(level, levels)
    return found[0], found[1], found[2]


def coarse_shape(shape: Sequence[int], groups: Sequence[tuple[str, int]], level: int) -> tuple[int, int, int]:
    """(z, y, x) of what is left of ``shape`` after ``level`` splits: the first coefficients along each axis."""
    z, y, x = (_segment(n, splits, 0).stop for n, splits in zip(shape, coarse_levels(groups, level)))
    return z, y, x


def synthesise_coarse(coefficients: np.ndarray, shape: Sequence[int], pyramid: PyramidSpec, level: int) -> np.ndarray:
    """A coarse picture of values of ``shape`` (z, y, x): float32, of :func:`coarse_shape`.

    ``coefficients``: the stored ones of that shape, the first ones along each axis. Sample i along an axis of k splits
    (:func:`coarse_levels`) is what the low pass leaves of the values around place 2^k i, in their units.
    """
    out = np.array(coefficients, np.float32, order="C")
    for band, gain in zip(pyramid_bands(shape, pyramid.groups), band_gains(shape, pyramid)):
        if all(part.stop <= n for part, n in zip(band.slices, out.shape)):
            out[band.slices] *= np.float32(1.0 / gain if gain else 0.0)
    left = tuple((axes, max(levels - level, 0)) for axes, levels in pyramid.groups)
    _transform(out, replace(pyramid, groups=left), inverse=True)
    # Equal coefficients of the low pass, and none of the high pass, make equal values: so many times smaller ones.
    gain = pyramid.low[0] + 2.0 * sum(pyramid.low[2::2])
    for samples, splits in zip(shape, coarse_levels(pyramid.groups, level)):
        for _ in range(splits):
            out *= np.float32(gain if samples > 1 else 1.0)
            samples = (samples + 1) // 2
    return out


def pyramid_steps(
    shape: Sequence[int], groups: Sequence[tuple[str, int]]
) -> list[tuple[tuple[slice, slice, slice], int]]:
    """The corner of (z, y, x) and the axis (0 to 2) of every split, in the order of the analysis."""
    steps = []
    for axes, levels in groups:
        corner = list(shape)
        for _ in range(levels):
            z, y, x = (slice(0, n) for n in corner)
            steps += [((z, y, x), axis) for axis in _numbers(axes) if corner[axis] > 1]
            for axis in _numbers(axes):
                corner[axis] = (corner[axis] + 1) // 2
    return steps


def axis_matrix(samples: int, pyramid: PyramidSpec) -> np.ndarray:
    """One level of synthesis along one axis: (samples, coefficients) float32, low pass first, no gains."""
    matrix = np.eye(samples, dtype=np.float32)
    transform_axis(matrix[None], False, (pyramid.low, pyramid.high), inverse=True)
    return matrix


def _group_keys(axes: int, levels: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(level, high pass of each axis) of every band of axes that are split together."""
    yield levels, (0,) * axes
    for level in range(1, levels + 1):
        for highs in product((0, 1), repeat=axes):
            if any(highs):
                yield level, highs


def _segment(samples: int, level: int, high: int) -> slice:
    """Where an axis' samples of one level and pass lie."""
    for _ in range(level - high):
        samples = (samples + 1) // 2
    return slice((samples + 1) // 2, samples) if high else slice(0, samples)


def _numbers(axes: str) -> list[int]:
    return ["zyx".index(letter) for letter in axes]


def _transform(data: np.ndarray, pyramid: PyramidSpec, inverse: bool) -> None:
    """Analyse, or synthesise, (z, y, x) in place, without gains."""
    steps = pyramid_steps(data.shape, pyramid.groups)
    taps = (pyramid.low, pyramid.high) if inverse else analysis_taps(pyramid.low, pyramid.high)
    for where, axis in reversed(steps) if inverse else steps:
        view = data[where]
        slabs = view.transpose(1, 0, 2) if axis == 0 else view
        thick = max(1, SLAB // (slabs.shape[1] * slabs.shape[2]))
        for first in range(0, len(slabs), thick):
            transform_axis(slabs[first : first + thick], axis == 2, taps, inverse)
