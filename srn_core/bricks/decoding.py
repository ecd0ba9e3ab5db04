"""A field of bricks on a grid, slab by slab: each brick's values, blended."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Iterator, Optional, Sequence, Union

import numpy as np

from srn_core import coordinates
from srn_core.bricks.blend import Blend
from srn_core.bricks.decoders import BrickDecoders, OpenBrick, Reach
from srn_core.codec import NeuralField
from srn_core.decoding import Decoding, WantedGrid, physical
from srn_core.field_gradient import gradient_dtype
from srn_core.original_dtype import as_dtype
from srn_core.progress import ProgressCallback, share_of
from srn_core.volume import Geometry
from srn_core.voxel_values import OnGrid

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder

FLOAT64 = np.dtype(np.float64)


def decoding_of(
    field: NeuralField,
    decoder: Union[Decoder, BrickDecoders],
    grid: WantedGrid,
    dtype: Union[str, np.dtype[Any], None] = None,
    level: int = 0,
) -> Decoding:
    """The decoding of a field on a grid, whether or not it is made of bricks. Raises as :class:`Decoding`."""
    if isinstance(decoder, BrickDecoders):
        return BrickedDecoding(field, decoder, grid, dtype, level)
    return Decoding(field, decoder, grid, dtype, level)


class BrickedDecoding(Decoding):
    """As :class:`Decoding`, of a field made of bricks. Only those in which the grid lies are decoded."""

    def __init__(
        self,
        field: NeuralField,
        decoders: BrickDecoders,
        grid: WantedGrid,
        dtype: Union[str, np.dtype[Any], None] = None,
        level: int = 0,
    ) -> None:
        # The base class asks its decoder for nothing but to expect a grid.
        super().__init__(field, decoders, grid, dtype, level)  # type: ignore[arg-type]
        self._bricks = decoders

    @cached_property
    def valid(self) -> Optional[np.ndarray]:
        """(z, y, x) of bool: where there are values; None: everywhere."""
        reaching = self._bricks.reaching(self._index)
        if not any(self.field.bricks[number].masked for number, _ in reaching):
            return None
        found = np.ones(self.geometry.shape, bool)
        for number, reaches in reaching:
            if self.field.bricks[number].masked:
                brick = self._bricks.open(number, (number,)).field
                mask = OnGrid(brick, self._local(number, reaches, self._index)).valid
                if mask is not None:
                    found[_where(reaches)] &= mask
        return None if found.all() else found

    def slabs(self, progress: Optional[ProgressCallback] = None) -> Iterator[np.ndarray]:
        """The values, layer after layer along z."""
        for part, told in self._parts(progress):
            blend = self._blended(part, told, self._values_of)
            yield self._rounded(blend.values)

    def slabs_with_gradient(
        self, progress: Optional[ProgressCallback] = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """As :meth:`slabs`, and the gradients (z, y, x, 3 C) beside the values."""
        for part, told in self._parts(progress):
            blend = self._blended(part, share_of(told, 0.0, 0.3), self._values_of)
            sloped = self._blended(part, share_of(told, 0.3, 0.7), self._slopes_of, gradient=True)
            gradient = sloped.gradient @ self.field.geometry.index_per_length_at(self._indices(part))
            gradient = gradient.reshape(*gradient.shape[:3], -1)
            yield self._rounded(blend.values), as_dtype(gradient, gradient_dtype(self.field))

    def _blended(self, part: slice, progress: Optional[ProgressCallback], read: Any, gradient: bool = False) -> Blend:
        """What the bricks say of some layers."""
        x, y, z = self._index
        index = [x, y, z[part]]
        reaching = self._bricks.reaching(index)
        shape = (len(index[2]), len(y), len(x))
        blend = Blend(shape, len(self.field.value_range), gradient)
        in_use = [number for number, _ in reaching]
        for place, (number, reaches) in enumerate(reaching):
            brick = self._bricks.open(number, in_use)
            told = share_of(progress, place / len(reaching), 1 / len(reaching))
            blend.add(_where(reaches), *read(brick, self._local(number, reaches, index), reaches, told))
        return blend

    def _local(self, number: int, reaches: Sequence[Reach], index: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Fractional indices along x, y, z of a brick's samples."""
        offset = self._bricks.offset(self.field.bricks[number])
        return [axis[reach.part] - first for axis, reach, first in zip(index, reaches, offset)]

    def _values_of(
        self, brick: OpenBrick, index: list[np.ndarray], reaches: Sequence[Reach], told: Optional[ProgressCallback]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values (z, y, x, C), float64, NaN where there is none, and weights."""
        values = Decoding(brick.field, brick.decoder, _grid(index), FLOAT64, self._level).volume(told).values
        return values.reshape(*values.shape[:3], -1), _product([reach.weight for reach in reaches])

    def _slopes_of(
        self, brick: OpenBrick, index: list[np.ndarray], reaches: Sequence[Reach], told: Optional[ProgressCallback]
    ) -> tuple[np.ndarray, ...]:
        """Values as the network gives them, weights, gradients by sample indices, and how the weights change."""
        field, dims = brick.field, brick.field.geometry.dims
        x, y, z = (coordinates.normalise_axis(i, n, dims) for i, n in zip(index, dims))
        values, slopes = brick.decoder.grid_gradient(x, y, z, progress=told, level=self._level)
        low, high = np.array(field.value_range, np.float64).T
        gradient = slopes * coordinates.normalised_per_index(dims) * (high / 2 - low / 2)[:, None]
        voxels, every = OnGrid(field, index), slice(None)
        given = physical(field, values)
        voxels.settle(given, every)
        voxels.settle_gradient(gradient, every)
        weights, changes = [r.weight for r in reaches], [r.change for r in reaches]
        along = [_product([changes[a] if a == axis else weights[a] for a in range(3)]) for axis in range(3)]
        return given, _product(weights), gradient, np.stack(along, axis=-1)

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        """Blended values (z, y, x, C), as they are given away."""
        if self.dtype.kind != "f":
            values = np.where(np.isnan(values), 0.0, values)
        out = as_dtype(values, self.dtype)
        return out if self.field.vector else out[..., 0]


def _grid(index: Sequence[np.ndarray]) -> WantedGrid:
    nx, ny, nz = (len(axis) for axis in index)
    return WantedGrid(Geometry((nx, ny, nz)), list(index), original=False)


def _where(reaches: Sequence[Reach]) -> tuple[slice, slice, slice]:
    x, y, z = (reach.part for reach in reaches)
    return z, y, x


def _product(along: Sequence[np.ndarray]) -> np.ndarray:
    """(z, y, x): products of numbers along x, y and z."""
    x, y, z = along
    return np.asarray(z[:, None, None] * y[:, None] * x)
