"""The residual filter on a latent grid (:class:`srn_core.spec.FvSrnSpec`) as nodes on constants.

In slabs along z, so that no tensor grows large: ONNX Runtime refuses to work out constants of more than a gigabyte.
"""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.small_weights import SmallWriter
from srn_core.codec.field import StoredArray
from srn_core.spec import FvSrnSpec

SLAB_NUMBERS = 1 << 24
"""Numbers of the widest layer in one slab."""


def filtered(writer: SmallWriter, grid: str, spec: FvSrnSpec, arrays: Mapping[str, StoredArray]) -> str:
    """``grid`` (1, features, z, y, x) and what the filter adds to it."""
    nz, ny, nx = spec.grid
    layers = len(spec.filter) + 1
    weights = [
        [writer.stored(arrays[f"filter{i}.{kind}"], f"filter{i}.{kind}") for kind in ("weight", "bias")]
        for i in range(layers)
    ]
    around = np.array([0, 0] + [layers] * 3, np.int64)
    extended = writer.node("Pad", grid, np.concatenate([around, around]), mode="edge")
    thick = max(1, SLAB_NUMBERS // (max(*spec.filter, spec.features) * (ny + 2 * layers) * (nx + 2 * layers)))
    slabs = []
    for first in range(0, nz, thick):
        span = np.array([first, min(first + thick, nz) + 2 * layers], np.int64)
        values = writer.node("Slice", extended, span[:1], span[1:], np.array([2], np.int64))
        for i, (weight, bias) in enumerate(weights):
            values = writer.node("Conv", writer.node("Tanh", values) if i else values, weight, bias)
        slabs.append(values)
    added = slabs[0] if len(slabs) == 1 else writer.node("Concat", *slabs, axis=2)
    return str(writer.node("Add", grid, added))


def numbers_per_latent(spec: FvSrnSpec) -> int:
    """Numbers of all that comes between, for each place of the grid; about, for slabs overlap."""
    if not spec.filter:
        return 0
    return 2 * sum(spec.filter) + 5 * spec.features
