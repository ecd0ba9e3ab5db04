"""The work of decoding values on a grid, cut into parts that a decoder runs beside each other."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

import numpy as np

from onnx_export.blocks import block_shape, blocks
from onnx_export.grid_graph import grid_inputs
from onnx_export.interpolation import interpolated, steps_to
from onnx_export.latents import LatentBox, Latents
from onnx_export.parts import Work
from onnx_export.sessions import Session
from srn_core.progress import ProgressCallback
from srn_core.spec import NetworkSpec

Block = tuple[slice, slice, slice]
"""Of a grid, along x, y, z."""


class LatentsBelow:
    """The latents that a grid lies between."""

    def __init__(
        self, latents: Latents, axes: Sequence[np.ndarray], progress: Optional[ProgressCallback] = None
    ) -> None:
        """``axes``: normalised coordinates x, y, z, none of them empty or NaN. ``progress`` and what is raised: as
        :meth:`Latents.box`."""
        places = latents.places(axes)
        self._box: LatentBox = latents.box(latents.around(places), progress)
        self._places = [p - first for p, first in zip(places, reversed(self._box.origin))]

    def of(self, block: Block) -> tuple[list[np.ndarray], np.ndarray]:
        """(Places along x, y, z of a block of the grid, as fractional indices of these latents (features, z, y, x))."""
        places, needed = [], []
        for along, part in zip(self._places, block):
            first = int(along[part].min())
            places.append(along[part] - first)
            needed.append(slice(first, int(np.ceil(along[part].max())) + 1))
        x, y, z = needed
        return places, self._box.values[:, z, y, x]


def of_latents(below: LatentsBelow, result: np.ndarray, chunk: int) -> Work:
    """Latents that are the values, into ``result`` (nz, ny, nx, C). ``chunk``: voxels at a time."""

    def decode(block: Block) -> int:
        x, y, z = block
        places, latents = below.of(block)
        result[z, y, x] = np.moveaxis(interpolated(latents, [steps_to(p) for p in places]), 0, -1)
        return int(result[z, y, x].size)

    return Work(decode, _blocks(result, chunk))


def inputs(
    spec: NetworkSpec,
    arrays: Mapping[str, np.ndarray],
    axes: Sequence[np.ndarray],
    below: Optional[LatentsBelow],
    block: Block,
) -> dict[str, np.ndarray]:
    """What the graph of :mod:`onnx_export.grid_graph` takes for a block."""
    part = [u[where] for u, where in zip(axes, block)]
    return grid_inputs(spec, arrays, part, *(() if below is None else below.of(block)))


def of_network(
    session: Session,
    spec: NetworkSpec,
    arrays: Mapping[str, np.ndarray],
    axes: Sequence[np.ndarray],
    below: Optional[LatentsBelow],
    result: np.ndarray,
    chunk: int,
) -> Work:
    """What a network makes of normalised coordinates x, y, z, into ``result`` (nz, ny, nx, C). ``chunk``: voxels per
    run; ``below``: of an fv-SRN."""

    def decode(block: Block) -> int:
        x, y, z = block
        target = result[z, y, x]
        target[...] = session.run(None, inputs(spec, arrays, axes, below, block))[0].reshape(target.shape)
        return int(target.size)

    return Work(decode, _blocks(result, chunk))


def _blocks(result: np.ndarray, chunk: int) -> list[Block]:
    nz, ny, nx = result.shape[:3]
    return list(blocks((nx, ny, nz), block_shape((nx, ny, nz), chunk)))
