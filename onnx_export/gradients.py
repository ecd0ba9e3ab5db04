"""The work of decoding gradients, cut into parts that a decoder runs beside each other."""

from __future__ import annotations

from typing import Any, Callable, Iterable, NamedTuple, Sequence

import numpy as np

from onnx_export.blocks import block_shape, blocks
from onnx_export.lattice_slopes import grid_slopes
from onnx_export.plain_network import PlainNetwork
from srn_core.spec import FvSrnSpec

DEARER = 4
"""How many times the numbers of a run of values a run of gradients works with: values and three derivatives."""


class Work(NamedTuple):
    """Parts to run in any order, and what runs one and says how many numbers it gave."""

    decode: Callable[[Any], int]
    parts: Iterable[Any]


def on_grid(
    network: PlainNetwork,
    session: Callable[[], Any],
    axes: Sequence[np.ndarray],
    result: np.ndarray,
    chunk: int,
) -> Work:
    """Gradients by normalised coordinates into ``result`` (nz, ny, nx, C, 3), where the coordinates x, y, z cross.

    ``session`` opens that of the points graph with gradient; it is asked for where latents are not all that is
    needed. ``chunk``: voxels per run of values.
    """
    unknown = [np.isnan(u) for u in axes]
    known = [np.where(missing, 0.0, u) for u, missing in zip(axes, unknown)]
    spec = network.spec
    latents = isinstance(spec, FvSrnSpec) and not spec.widths
    opened: Any = None if latents else session()

    def decode(block: tuple[slice, slice, slice]) -> int:
        x, y, z = block
        part = [u[where] for u, where in zip(known, block)]
        target = result[z, y, x]
        if isinstance(spec, FvSrnSpec) and opened is None:
            target[...] = grid_slopes(spec, network.arrays["grid"], part)
        else:
            target[...] = opened.run(["gradient"], {"points": _crossings(part)})[0].reshape(target.shape)
        for axis, missing in enumerate(unknown):
            np.moveaxis(target, 2 - axis, 0)[missing[block[axis]]] = np.nan
        return int(target.size)

    nz, ny, nx = result.shape[:3]
    dims = (nx, ny, nz)
    return Work(decode, blocks(dims, block_shape(dims, max(1, chunk // DEARER))))


def at_points(session: Any, points: np.ndarray, values: np.ndarray, gradient: np.ndarray, chunk: int) -> Work:
    """Values (N, C) and gradients (N, C, 3) by normalised coordinates at normalised positions (N, 3)."""
    chunk = max(1, chunk // DEARER)

    def decode(start: int) -> int:
        part = slice(start, start + chunk)
        feed = {"points": np.ascontiguousarray(points[part], np.float32)}
        values[part], gradient[part] = session.run(["values", "gradient"], feed)
        return int(values[part].size)

    return Work(decode, range(0, len(points), chunk))


def _crossings(axes: Sequence[np.ndarray]) -> np.ndarray:
    """Positions (nz * ny * nx, 3) float32, x fastest."""
    z, y, x = np.meshgrid(*(u.astype(np.float32) for u in reversed(axes)), indexing="ij")
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)
