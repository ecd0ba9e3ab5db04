"""The work of decoding gradients, cut into parts that a decoder runs beside each other."""

from __future__ import annotations

from typing import Iterator, Optional, Sequence

import numpy as np

from onnx_export.blocks import block_shape, blocks
from onnx_export.latents import Latents
from onnx_export.lattice_slopes import axis_slopes, grid_slopes
from onnx_export.parts import Work
from onnx_export.sessions import Feed, Session
from srn_core.progress import ProgressCallback

DEARER = 4
"""How many times the numbers of a run of values a run of gradients works with: values and three derivatives."""


def of_latents(
    latents: Latents,
    axes: Sequence[np.ndarray],
    result: np.ndarray,
    chunk: int,
    progress: Optional[ProgressCallback] = None,
) -> Work:
    """As :func:`on_grid`, where there is no predictor: the latents are the values."""
    places = latents.places(axes)
    box = latents.box(latents.around(places, margin=1), progress)

    def decode(block: tuple[slice, slice, slice]) -> int:
        x, y, z = block
        slopes = [axis_slopes(u[part], p[part], s) for u, p, s, part in zip(axes, places, latents.scales, block)]
        result[z, y, x] = grid_slopes(box, slopes)
        return int(result[z, y, x].size)

    return Work(decode, _blocks(result, chunk))


def on_grid(session: Session, fed: Feed, axes: Sequence[np.ndarray], result: np.ndarray, chunk: int) -> Work:
    """Gradients by normalised coordinates into ``result`` (nz, ny, nx, C, 3), where the coordinates x, y, z cross, none
    of them NaN.

    ``session``: of the points graph with gradient; ``fed``: what it takes beside the points. ``chunk``: voxels per run
    of values.
    """

    def decode(block: tuple[slice, slice, slice]) -> int:
        x, y, z = block
        points = _crossings([u[part] for u, part in zip(axes, block)])
        target = result[z, y, x]
        target[...] = session.run(["gradient"], {"points": points, **fed})[0].reshape(target.shape)
        return int(target.size)

    return Work(decode, _blocks(result, chunk))


def at_points(
    session: Session, fed: Feed, points: np.ndarray, values: np.ndarray, gradient: np.ndarray, chunk: int
) -> Work:
    """Values (N, C) and gradients (N, C, 3) by normalised coordinates at normalised positions (N, 3)."""
    chunk = max(1, chunk // DEARER)

    def decode(start: int) -> int:
        part = slice(start, start + chunk)
        feed = {"points": np.ascontiguousarray(points[part], np.float32), **fed}
        values[part], gradient[part] = session.run(["values", "gradient"], feed)
        return int(values[part].size)

    return Work(decode, range(0, len(points), chunk))


def _blocks(result: np.ndarray, chunk: int) -> Iterator[tuple[slice, slice, slice]]:
    nz, ny, nx = result.shape[:3]
    return blocks((nx, ny, nz), block_shape((nx, ny, nz), max(1, chunk // DEARER)))


def _crossings(axes: Sequence[np.ndarray]) -> np.ndarray:
    """Positions (nz * ny * nx, 3) float32, x fastest."""
    z, y, x = np.meshgrid(*(u.astype(np.float32) for u in reversed(axes)), indexing="ij")
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)
