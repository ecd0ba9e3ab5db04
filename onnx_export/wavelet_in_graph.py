"""The inverse wavelet transform of a periodised grid (:mod:`srn_core.wavelet`) as nodes on constants, in float64."""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.axis_products import along_axis
from onnx_export.small_weights import SmallWriter
from srn_core.codec.field import StoredArray
from srn_core.spec import FvSrnSpec, WaveletSpec, level_shapes
from srn_core.wavelet import level_matrices


def synthesised(writer: SmallWriter, spec: FvSrnSpec, wavelet: WaveletSpec, arrays: Mapping[str, StoredArray]) -> str:
    """(1, features, z, y, x) float32: the latent grid from ``approx`` and the ``detail`` of each level."""
    levels = level_shapes(spec.grid, wavelet.levels)
    shapes = [tuple(spec.grid)] + [shape for shape, _ in levels]
    grid = writer.stored(arrays["approx"], "approx")
    grid = writer.cast(writer.reshape(grid, [1, spec.features, *shapes[-1]]), np.float64)
    for level in range(len(levels), 0, -1):
        shape, split = levels[level - 1]
        if not any(split):
            continue
        halves = [2 if s else 1 for s in split]
        detail = writer.cast(writer.stored(arrays[f"detail{level}"], f"detail{level}"), np.float64)
        bands = writer.node("Concat", writer.reshape(grid, [spec.features, 1, *shape]), detail, axis=1)
        # Low and high pass of each axis one after the other, as a matrix wants them.
        bands = writer.node(
            "Transpose", writer.reshape(bands, [spec.features, *halves, *shape]), perm=[0, 1, 4, 2, 5, 3, 6]
        )
        grid = writer.reshape(bands, [1, spec.features, *(h * n for h, n in zip(halves, shape))])
        for axis, pair in enumerate(level_matrices(shapes[level - 1], split, wavelet)):
            if pair is not None:
                grid = along_axis(writer, writer.constant(np.hstack(pair), "synthesis"), grid, axis)
    return writer.cast(grid, np.float32)
