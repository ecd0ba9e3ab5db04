"""The inverse of a wavelet pyramid (:mod:`srn_core.pyramid`) as nodes on constants.

One product with a small, sparse matrix per level and axis. The bands' gains are products over the axes, so they go
into the matrices' columns, and no coefficient is touched one by one.
"""

from __future__ import annotations

import numpy as np

from onnx_export.axis_products import along_axis
from onnx_export.graph_writer import GraphWriter
from srn_core.pyramid import axis_matrix, band_gains, pyramid_bands
from srn_core.spec import PyramidSpec

Corner = tuple[int, int, int]

GAINS = (1e-3, 1e3)
"""Gains of an axis, for one level, that dividing and multiplying by them in float32 leaves exact enough."""


def synthesised(writer: GraphWriter, numbers: str, shape: tuple[int, ...], pyramid: PyramidSpec, step: float) -> str:
    """(1, features, z, y, x) float32: the values of ``numbers``, coefficients in that shape divided by ``step``.

    ``shape``: (features, z, y, x).
    """
    features, z, y, x = shape
    splits = [split for axes, levels in pyramid.groups for split in _splits((z, y, x), axes, levels)]
    if not splits:
        return str(writer.node("Mul", numbers, np.array(step, np.float32)))
    scale = step
    for axes, levels in reversed(pyramid.groups):
        numbers, scale = _group(writer, numbers, features, (z, y, x), axes, levels, pyramid, scale), 1.0
    return numbers


def gains_are_usual(shape: tuple[int, ...], pyramid: PyramidSpec) -> bool:
    """Whether no gain is so small or large that it must not be moved about between matrices."""
    gains = [
        gain
        for axes, levels in pyramid.groups
        for level in range(1, levels + 1)
        for pair in _gains((shape[1], shape[2], shape[3]), axes, level, pyramid).values()
        for gain in pair
    ]
    return all(GAINS[0] < abs(gain) < GAINS[1] for gain in gains)


def _group(
    writer: GraphWriter,
    numbers: str,
    features: int,
    shape: Corner,
    axes: str,
    levels: int,
    pyramid: PyramidSpec,
    scale: float,
) -> str:
    """All levels of the axes that are split together; the result is multiplied by ``scale``.

    The values of a level take the place of the low passes of the next finer one, which know a gain: they are
    multiplied by it beforehand.
    """
    corners = _splits(shape, axes, levels)
    values, before = "", shape
    for level in range(len(corners), 0, -1):
        corner = corners[level - 1]
        gains = _gains(shape, axes, level, pyramid)
        data = _sliced(writer, numbers, corner) if corner != shape else numbers
        if values:
            gap = [n - m for n, m in zip(corner, before)]
            change = writer.node("Sub", values, _sliced(writer, numbers, before))
            change = writer.node("Pad", change, np.array([0] * 7 + gap, np.int64))
            data = writer.node("Add", data, change)
        # What all the level is multiplied by: axes that are not split here, and what the next level asks for.
        rest = scale if level == 1 else _low_gain(shape, axes, level - 1, pyramid)
        rest /= float(np.prod([gains[axis][0] for axis in gains if corner[axis] == 1]))
        for axis in _numbers(axes):
            if corner[axis] > 1:
                matrix = _matrix(writer, corner[axis], gains[axis], pyramid)
                if rest != 1.0:
                    matrix = writer.node("Mul", matrix, np.array(rest, np.float32))
                    rest = 1.0
                data = along_axis(writer, matrix, data, axis)
        values, before = data, corner
    return values or (numbers if scale == 1.0 else str(writer.node("Mul", numbers, np.array(scale, np.float32))))


def _splits(shape: Corner, axes: str, levels: int) -> list[Corner]:
    """The corners that are split, the finest first; those of which no axis is left to be split are left out."""
    found, corner = [], list(shape)
    for _ in range(levels):
        if all(corner[axis] == 1 for axis in _numbers(axes)):
            break
        found.append((corner[0], corner[1], corner[2]))
        for axis in _numbers(axes):
            corner[axis] = (corner[axis] + 1) // 2
    return found


def _gains(shape: Corner, axes: str, level: int, pyramid: PyramidSpec) -> dict[int, tuple[float, float]]:
    """Of each axis of a group, by its number."""
    return {axis: _axis_gains(shape[axis], level, pyramid) for axis in _numbers(axes)}


def _low_gain(shape: Corner, axes: str, level: int, pyramid: PyramidSpec) -> float:
    """Of the band of a level that is low pass along all axes."""
    return float(np.prod([low for low, _ in _gains(shape, axes, level, pyramid).values()]))


def _axis_gains(samples: int, level: int, pyramid: PyramidSpec) -> tuple[float, float]:
    """Gains of the low and of the high pass of one level of an axis alone; 1 for a high pass without samples."""
    line, groups = (1, 1, samples), (("x", level),)
    gains = band_gains(line, PyramidSpec("", pyramid.low, pyramid.high, groups))
    found = {(band.level[2], band.high[2]): gain for band, gain in zip(pyramid_bands(line, groups), gains)}
    return found[level, 0], found.get((level, 1), 1.0)


def _matrix(writer: GraphWriter, samples: int, gains: tuple[float, float], pyramid: PyramidSpec) -> str:
    """(samples, coefficients): :func:`srn_core.pyramid.axis_matrix` with the gains taken off."""
    low = (samples + 1) // 2
    factors = np.repeat([1.0 / gains[0], 1.0 / gains[1]], [low, samples - low])
    matrix = axis_matrix(samples, pyramid) * factors
    return writer.constant(matrix.astype(np.float32), "synthesis")


def _sliced(writer: GraphWriter, numbers: str, corner: Corner) -> str:
    """The first samples along z, y, x of (1, features, z, y, x)."""
    starts, axes = np.zeros(3, np.int64), np.array([2, 3, 4], np.int64)
    return str(writer.node("Slice", numbers, starts, np.array(corner, np.int64), axes))


def _numbers(axes: str) -> list[int]:
    return ["zyx".index(letter) for letter in axes]
