"""The one place that knows how voxels, world positions and normalised coordinates relate.

Arrays are (z, y, x[, component]) in C order; coordinates and dims are (x, y, z).
Normalised coordinates ``u``: the axis with the most samples spans [-1, 1], the others keep the
aspect ratio *of the sample counts* (not of the spacing, which in layered data can differ a
thousandfold and would squeeze an axis into nothing). An axis of one sample has u = 0.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np


def half_extent(dims: Sequence[int]) -> tuple[float, float, float]:
    """Half the length of each axis in normalised coordinates, (x, y, z), the longest being 1."""
    longest = max(max(dims) - 1, 1)
    x, y, z = ((int(n) - 1) / longest for n in dims)
    return x, y, z


def normalised_per_index(dims: Sequence[int]) -> float:
    """How far apart neighbouring samples lie in normalised coordinates, the same along each axis."""
    return 2.0 / max(max(dims) - 1, 1)


def normalise_axis(index: np.ndarray, samples: int, dims: Sequence[int]) -> np.ndarray:
    """Normalised coordinate (float64) of fractional sample indices along an axis of ``samples`` samples."""
    longest = max(max(dims) - 1, 1)
    return (2.0 * np.asarray(index, np.float64) - (samples - 1)) / longest


def normalise(index: np.ndarray, dims: Sequence[int]) -> np.ndarray:
    """Normalised coordinates (N, 3) of fractional sample indices (N, 3), both in (x, y, z) order."""
    index = np.asarray(index, np.float64)
    longest = max(max(dims) - 1, 1)
    return (2.0 * index - (np.asarray(dims, np.float64) - 1.0)) / longest


def resampled_axis(samples: int, wanted: int, association: str) -> np.ndarray:
    """Fractional indices (float64, ``wanted`` of them) that cover the box of an axis of ``samples`` samples.

    Point samples keep both ends; cell samples are the centres of ``wanted`` equal cells over the
    same box. A single wanted point sample lies in the middle.
    """
    if association == "cell":
        return (np.arange(wanted) + 0.5) * (samples / wanted) - 0.5
    if wanted == 1:
        return np.array([(samples - 1) / 2.0])
    return np.linspace(0.0, samples - 1.0, wanted)
