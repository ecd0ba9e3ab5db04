"""The latent grid from its wavelet coefficients, in NumPy (thesis 2.1, 2.2, 4.2).

A pyramid is left to :mod:`srn_core.pyramid`. All else is done here, one axis at a time, periodised as
PyWavelets' "periodization": x = S_lo a + S_hi d, where column k of S_lo is the synthesis filter placed at sample 2 k.
"""

from __future__ import annotations

from itertools import product
from typing import Mapping, Sequence

import numpy as np

from srn_core.pyramid import synthesise_pyramid
from srn_core.spec import FvSrnSpec, PyramidSpec, WaveletSpec, level_shapes


def synthesis_matrix(samples: int, filter_: Sequence[float]) -> np.ndarray:
    """(samples, ceil(samples / 2)) float64 matrix of one synthesis filter on a periodised axis."""
    taps = len(filter_)
    half = (samples + 1) // 2
    period = 2 * half
    matrix = np.zeros((period, half))
    for k in range(half):
        for j, tap in enumerate(filter_):
            matrix[(2 * k + j + 1 - taps // 2) % period, k] += tap
    return matrix[:samples]


def bands(split: Sequence[bool]) -> list[tuple[int, int, int]]:
    """Low (0) or high (1) pass along z, y, x of each subband, the all-low one first."""
    z, y, x = ((0, 1) if s else (0,) for s in split)
    return list(product(z, y, x))


def level_matrices(
    shape: Sequence[int], split: Sequence[bool], wavelet: WaveletSpec
) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Per axis (z, y, x): (S_lo, S_hi), or None where the axis is not split at this level."""
    return [
        (synthesis_matrix(n, wavelet.rec_lo), synthesis_matrix(n, wavelet.rec_hi)) if s else None
        for n, s in zip(shape, split)
    ]


def synthesise(spec: FvSrnSpec, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The spatial latent grid (features, z, y, x), float32, from the stored arrays; not filtered."""
    if spec.wavelet is None:
        return np.asarray(arrays["grid"], np.float32)
    if isinstance(spec.wavelet, PyramidSpec):
        pyramid = spec.wavelet
        features = [synthesise_pyramid(feature, pyramid) for feature in arrays["coefficients"]]
        return np.stack(features) if len(features) > 1 else features[0][None]
    levels = level_shapes(spec.grid, spec.wavelet.levels)
    grid = np.asarray(arrays["approx"], np.float64)
    shapes = [tuple(spec.grid)] + [shape for shape, _ in levels[:-1]]
    for level in range(len(levels), 0, -1):
        split = levels[level - 1][1]
        if not any(split):
            continue
        matrices = level_matrices(shapes[level - 1], split, spec.wavelet)
        detail = np.asarray(arrays[f"detail{level}"], np.float64)
        grid = inverse_level(np.concatenate([grid[:, None], detail], axis=1), split, matrices)
    return grid.astype(np.float32)


def inverse_level(
    subbands: np.ndarray, split: Sequence[bool], matrices: Sequence[tuple[np.ndarray, np.ndarray] | None]
) -> np.ndarray:
    """One level back: subbands (features, bands, z, y, x) -> (features, z, y, x)."""
    features, _, *shape = subbands.shape
    sizes = [2 if s else 1 for s in split]
    data = subbands.reshape(features, *sizes, *shape)
    for axis in (2, 1, 0):  # x, y, z; the band axis of the one at hand is always the last of the band axes
        pair = matrices[axis]
        band_axis, data_axis = 1 + axis, 1 + axis + 1 + axis
        if pair is None:
            data = np.squeeze(data, band_axis)
            continue
        low = np.tensordot(np.take(data, 0, band_axis), pair[0], axes=([data_axis - 1], [1]))
        high = np.tensordot(np.take(data, 1, band_axis), pair[1], axes=([data_axis - 1], [1]))
        data = np.moveaxis(low + high, -1, data_axis - 1)
    return data
