"""A field on a grid: which samples are asked for, and their values, slab by slab."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator, Optional, Sequence, Union

import numpy as np

from srn_core import coordinates
from srn_core.codec import NeuralField
from srn_core.errors import SrnInputError
from srn_core.field_gradient import gradient_dtype, gradient_volume, world_gradient
from srn_core.original_dtype import as_dtype
from srn_core.progress import ProgressCallback, share_of
from srn_core.volume import Geometry, Volume
from srn_core.voxel_values import OnGrid

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder

SLAB = 1 << 21
"""Samples that are turned into physical values at a time: bounds the memory above the result."""
MOST_SAMPLES = 1 << 20
"""Along one axis."""


@dataclass(frozen=True)
class WantedGrid:
    """The samples of a field that are asked for."""

    geometry: Geometry
    index: list[np.ndarray]
    """Along x, y, z: where they lie, as fractional indices of original samples."""
    original: bool
    """Whether they are original samples, or some of them."""

    def part(self, ends: Sequence[int]) -> WantedGrid:
        """The samples x0, x1, y0, y1, z0, z1 of it, both included, as the geometry counts them."""
        geometry = self.geometry.cropped(_six(ends))
        first = [b - s for b, s in zip(geometry.start, self.geometry.start)]
        index = [axis[begin : begin + n] for axis, begin, n in zip(self.index, first, geometry.dims)]
        return WantedGrid(geometry, index, self.original)


def wanted_grid(
    field: NeuralField,
    dims: Optional[Sequence[int]] = None,
    scale: Optional[float] = None,
    region: Optional[Sequence[int]] = None,
    part: Optional[Sequence[int]] = None,
) -> WantedGrid:
    """What these arguments of :meth:`srn_core.neural_file.NeuralFile.decode` mean. Raises SrnInputError as there."""
    box = field.geometry if region is None else field.geometry.cropped(_six(region))
    geometry = _wanted_geometry(box, dims, scale)
    offset = [b - s for b, s in zip(box.start, field.geometry.start)]
    index = [
        coordinates.resampled_axis(n, m, geometry.association) + o for n, m, o in zip(box.dims, geometry.dims, offset)
    ]
    grid = WantedGrid(geometry, index, original=geometry.dims == box.dims)
    return grid if part is None else grid.part(part)


class Decoding:
    """A field that is about to be decoded on a grid."""

    def __init__(
        self,
        field: NeuralField,
        decoder: Decoder,
        grid: WantedGrid,
        dtype: Union[str, np.dtype[Any], None] = None,
        level: int = 0,
    ) -> None:
        if level < 0:
            raise SrnInputError(f"the level of detail must be 0 (all of it) or more, not {level}")
        self.field = field
        self.geometry = grid.geometry
        given = np.dtype(field.dtype)
        self.dtype = np.dtype(dtype) if dtype is not None else _result_type(given, grid.original)
        self._index = grid.index
        self._voxels = OnGrid(field, grid.index)
        dims = field.geometry.dims
        self._axes = [coordinates.normalise_axis(i, n, dims) for i, n in zip(grid.index, dims)]
        self._decoder, self._level = decoder, level

    @property
    def shape(self) -> tuple[int, ...]:
        """(z, y, x), or for an array with a component axis (z, y, x, components)."""
        components = (len(self.field.value_range),) if self.field.vector else ()
        return (*self.geometry.shape, *components)

    @property
    def valid(self) -> Optional[np.ndarray]:
        """(z, y, x) of bool: where there are values; None: everywhere."""
        return self._voxels.valid

    @property
    def outline(self) -> Volume:
        """The volume that is decoded, of which the values are all 0 and take no memory."""
        return self._volume(np.broadcast_to(np.zeros((), self.dtype), self.shape))

    def slabs(self, progress: Optional[ProgressCallback] = None) -> Iterator[np.ndarray]:
        """The values, layer after layer along z: arrays of ``dtype`` whose shapes add up to :attr:`shape`."""
        x, y, z = self._axes
        for part, told in self._parts(progress):
            yield self._settled(self._decoder.grid(x, y, z[part], progress=told, level=self._level), part)

    def slabs_with_gradient(
        self, progress: Optional[ProgressCallback] = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """As :meth:`slabs`, and the gradients (z, y, x, 3 C) beside the values."""
        x, y, z = self._axes
        for part, told in self._parts(progress):
            values, slopes = self._decoder.grid_gradient(x, y, z[part], progress=told, level=self._level)
            gradient = world_gradient(self.field, slopes, self._indices(part))
            self._voxels.settle_gradient(gradient, part)
            gradient = gradient.reshape(*gradient.shape[:3], -1)
            yield self._settled(values, part), as_dtype(gradient, gradient_dtype(self.field))

    def _indices(self, part: slice) -> np.ndarray:
        """(z, y, x, 3): fractional sample indices of some layers; nothing of the sort where none is needed."""
        if self.field.geometry.points is None:
            return np.zeros(3)
        x, y, z = self._index
        return np.stack(np.meshgrid(z[part], y, x, indexing="ij")[::-1], axis=-1)

    def _parts(self, progress: Optional[ProgressCallback]) -> Iterator[tuple[slice, Optional[ProgressCallback]]]:
        """Layers that are decoded together, and what is told of them."""
        nx, ny, nz = self.geometry.dims
        thick = max(1, SLAB // (nx * ny))
        if thick < nz:
            x, y, z = self._axes
            self._decoder.expect(x, y, z, progress, self._level)
        for begin in range(0, nz, thick):
            part = slice(begin, min(begin + thick, nz))
            yield part, share_of(progress, begin / nz, (part.stop - begin) / nz, "decoding")

    def _settled(self, normalised: np.ndarray, part: slice) -> np.ndarray:
        """Layers of the decoder's values (z, y, x, C), as they are given away."""
        values = physical(self.field, normalised)
        if not self._level:
            self._voxels.correct(values, part)
        out = as_dtype(values, self.dtype)
        self._voxels.settle(out, part)
        return out if self.field.vector else out[..., 0]

    def volume(self, progress: Optional[ProgressCallback] = None, out: Optional[np.ndarray] = None) -> Volume:
        """All of it, in ``out`` where that is given: an array of :attr:`shape`, a memmap too.

        Raises SrnInputError for an ``out`` of another shape, or where there is not the memory.
        """
        values = _empty(self.shape, self.dtype) if out is None else out
        if values.shape != self.shape:
            raise SrnInputError(f"out must have the shape {self.shape}, not {values.shape}")
        begin = 0
        for slab in self.slabs(progress):
            values[begin : begin + len(slab)] = slab
            begin += len(slab)
        return self._volume(values)

    def volumes_with_gradient(self, progress: Optional[ProgressCallback] = None) -> tuple[Volume, Volume]:
        """The values and their gradient (z, y, x, 3 C). Raises SrnInputError where there is not the memory."""
        values = _empty(self.shape, self.dtype)
        shape = (*self.geometry.shape, 3 * len(self.field.value_range))
        gradient = _empty(shape, gradient_dtype(self.field))
        begin = 0
        for slab, slopes in self.slabs_with_gradient(progress):
            part = slice(begin, begin + len(slab))
            values[part], gradient[part] = slab, slopes
            begin = part.stop
        return self._volume(values), gradient_volume(self.field, gradient, self.geometry, self.valid)

    def _volume(self, values: np.ndarray) -> Volume:
        field = self.field
        return Volume(
            values, self.geometry, field.name, field.units, field.time, self.valid, field.blanked, field.block
        )


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError) as error:
        z, y, x = shape[:3]
        raise SrnInputError(
            f"a grid of {x} x {y} x {z} needs {math.prod(shape) * dtype.itemsize / 1e9:.3g} GB, more"
            " than there is; ask for fewer samples, or decode it region by region"
        ) from error


def physical(field: NeuralField, normalised: np.ndarray) -> np.ndarray:
    """Normalised values (..., components) as float64 physical values."""
    low, high = np.array(field.value_range, np.float64).T
    return normalised * (high / 2 - low / 2) + (low / 2 + high / 2)


def _six(region: Sequence[int]) -> tuple[int, int, int, int, int, int]:
    if len(region) != 6:
        raise SrnInputError(f"a region needs six indices, x0 x1 y0 y1 z0 z1, not {len(region)}")
    x0, x1, y0, y1, z0, z1 = (int(v) for v in region)
    return x0, x1, y0, y1, z0, z1


def _wanted_geometry(box: Geometry, dims: Optional[Sequence[int]], scale: Optional[float]) -> Geometry:
    if dims is not None and scale is not None:
        raise SrnInputError("give either dims or a scale, not both")
    if scale is not None:
        if not 0 < scale <= 1024:
            raise SrnInputError(f"the scale must be more than 0 and at most 1024, not {scale}")
        dims = [n if n == 1 else max(1, round(n * scale)) for n in box.dims]
    if dims is None or tuple(dims) == box.dims:
        return box
    if len(dims) != 3 or not all(1 <= int(n) <= MOST_SAMPLES for n in dims):
        raise SrnInputError(f"dims must be three sizes from 1 to {MOST_SAMPLES}, not {tuple(dims)}")
    x, y, z = (int(n) for n in dims)
    return box.resampled((x, y, z))


def _result_type(original: np.dtype[Any], at_samples: bool) -> np.dtype[Any]:
    return original if at_samples or original.kind == "f" else np.dtype(np.float32)
