"""An opened neural file: decode it on any grid, sample it anywhere, save or export it."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from os import PathLike
from threading import Lock
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

import numpy as np

from srn_core import atomic, codec
from srn_core.bricks.decoders import HELD_BYTES, BrickDecoders
from srn_core.bricks.decoding import decoding_of
from srn_core.bricks.points import gradients_at, values_at
from srn_core.codec import NeuralField
from srn_core.codec.lazy_arrays import LazyArrays
from srn_core.decoding import Decoding, wanted_grid
from srn_core.errors import SrnInputError
from srn_core.mesh import MeshArray
from srn_core.original_dtype import as_dtype
from srn_core.progress import ProgressCallback, share_of
from srn_core.sampling import SampledPoints, located
from srn_core.volume import Volume

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder
    from onnx_export.latents import Latents
    from srn_core.surface import SurfaceBlocks

WhichField = Union[str, NeuralField, None]
"""The name of an array, one of the file's fields, or None for the first one."""
HELD = 16
"""Bytes that a stored number comes to: code, latent in space, and the same filtered or as a table for points."""
MOST_DECODED = 1 << 29
"""Bytes that the fields of a file may hold together, decoded: of many time steps, those that were used last."""


class NeuralFile:
    """What an .srn file holds, with the ONNX Runtime decoder behind it (made when first used)."""

    def __init__(
        self,
        fields: Sequence[NeuralField],
        data: bytes,
        providers: Optional[str] = None,
        threads: Optional[int] = None,
    ) -> None:
        self.fields = tuple(fields)
        self._data = data
        self._decoders: OrderedDict[int, Union[Decoder, BrickDecoders]] = OrderedDict()
        self._providers, self._threads = providers, threads
        self._lock = Lock()
        self._digest: Optional[bytes] = None

    @classmethod
    def from_bytes(cls, data: bytes, **options: Any) -> NeuralFile:
        """Open the bytes of a file. Raises SrnFormatError where they are not one.

        Latents of a pyramid are decoded when they are first needed: of these, codes that no encoder writes raise
        SrnFormatError only then.
        """
        return cls(codec.from_bytes(data, lazy=True), bytes(data), **options)

    @property
    def nbytes(self) -> int:
        """Bytes of the file on disk."""
        return len(self._data)

    @property
    def memory_bytes(self) -> int:
        """About what the file takes in memory, at most, with all that is decoded of it to be at hand."""
        held = [_held(field) for field in self.fields]
        voxels = sum(f.geometry.samples for f in self.fields if f.valid is not None or f.corrections is not None)
        meshes = sum(f.mesh.mesh.nbytes for f in self.fields if f.mesh is not None and f.mesh.nbytes)
        return self.nbytes + min(sum(held), MOST_DECODED + max(held)) + 4 * voxels + meshes

    @property
    def digest(self) -> bytes:
        """Of the file's bytes: the same for equal files alone."""
        if self._digest is None:
            self._digest = blake2b(self._data).digest()
        return self._digest

    @property
    def ratio(self) -> float:
        """Compression ratio: bytes of the original arrays / bytes of the file."""
        return sum(f.original_bytes for f in self.fields) / self.nbytes

    @property
    def mesh_bytes(self) -> int:
        """Bytes of the file that are points and cells of meshes."""
        return sum(f.mesh.nbytes for f in self.fields if f.mesh is not None)

    @property
    def parameter_ratio(self) -> float:
        """The thesis' ratio: values of the original arrays / stored parameters that are not zero."""
        values = sum(_samples(f) * len(f.value_range) for f in self.fields)
        return values / max(sum(f.parameters() for f in self.fields), 1)

    @property
    def times(self) -> list[float]:
        """The time steps that the fields know, ascending."""
        return sorted({float(f.time) for f in self.fields if f.time is not None})

    @property
    def providers(self) -> list[str]:
        """The ONNX Runtime providers that decode the first field."""
        return list(self._decoder(self.fields[0]).providers)

    def to_bytes(self) -> bytes:
        """The file as bytes."""
        return self._data

    def save(self, path: Union[str, PathLike[str]]) -> None:
        """Write the file, whole or not at all."""
        atomic.write_bytes(path, self._data)

    def field(self, array: WhichField = None, time: Optional[float] = None) -> NeuralField:
        """The field of an array name and time; by default the first. Raises SrnInputError where there is none.

        An array of a block is found by its name alone, or as "block/array". One of :attr:`fields` stands for itself: a
        point and a cell array of one file may have the same name.
        """
        if isinstance(array, NeuralField):
            return array
        found = [f for f in self.fields if array in (None, f.name, f.full_name)]
        if not found:
            names = ", ".join(f"'{n}'" for n in dict.fromkeys(f.full_name for f in self.fields))
            raise SrnInputError(f"the file has no array '{array}'; it has {names}")
        if time is not None:
            timed = [f for f in found if f.time is not None]
            if timed:
                return min(timed, key=lambda f: abs((f.time or 0.0) - time))
        return found[0]

    def export(
        self,
        path: Union[str, PathLike[str]],
        array: WhichField = None,
        time: Optional[float] = None,
        small: Optional[bool] = None,
        gradient: bool = False,
        brick: Optional[int] = None,
    ) -> None:
        """Write one field as an ONNX model with its geometry in the metadata (see docs/onnx.md).

        ``gradient``: with a second output, the gradient.
        ``brick``: which one, from 1 on, of a field that is made of bricks; one model holds one of them.
        ``small``: numbers are packed, and unpacked by the runtime when it opens the model, or plain float32; by default
        packed, but for tiny grids and where opening would take more than 2 GiB.
        """
        atomic.write_bytes(path, self.onnx_bytes(array, time, small, gradient, brick))

    def onnx_bytes(
        self,
        array: WhichField = None,
        time: Optional[float] = None,
        small: Optional[bool] = None,
        gradient: bool = False,
        brick: Optional[int] = None,
    ) -> bytes:
        """The ONNX model of one field, serialised. Arguments as of :meth:`export`.

        Raises SrnInputError for a field of bricks where no brick is named, and for a brick that is not there.
        """
        from onnx_export.graph import points_graph

        field = self.field(array, time)
        if field.bricks or brick is not None:
            field = _brick_of(field, brick)
        return bytes(points_graph(field, physical=True, small=small, gradient=gradient).SerializeToString())

    def decode(
        self,
        dims: Optional[Sequence[int]] = None,
        scale: Optional[float] = None,
        region: Optional[Sequence[int]] = None,
        array: WhichField = None,
        time: Optional[float] = None,
        progress: Optional[ProgressCallback] = None,
        dtype: Union[str, np.dtype[Any], None] = None,
        part: Optional[Sequence[int]] = None,
        level: int = 0,
        out: Optional[np.ndarray] = None,
    ) -> Volume:
        """The field on a grid.

        Args:
            dims: samples along x, y, z; by default those of the original (or of the region).
            scale: samples per original sample instead, the same along each axis.
            region: x0, x1, y0, y1, z0, z1, original sample indices, both ends inclusive.
            array, time: which field, as :meth:`field` knows it.
            progress: told how far it is; returning False ends it with SrnStoppedError.
            dtype: type of the result; by default the original's on original samples (integers
                rounded and clipped), elsewhere that of a float array and float32 for integers.
            part: x0, x1, y0, y1, z0, z1, indices of samples of the result, both ends inclusive: only
                these are decoded, and the result is the same there.
            level: level of detail. With n > 0 about 2^-n of the detail along each axis is decoded, which is much
                faster where the file holds a wavelet pyramid, as those made by default do; the samples are those asked
                for all the same. Corrections of a promised largest error are left out. Other files know no levels.
            out: an array (z, y, x) or (z, y, x, components) that takes the values, a memmap too.

        Raises:
            SrnInputError: for dims, scale, a region, a part, a level or an ``out`` that make no sense.
        """
        grid = {"dims": dims, "scale": scale, "region": region, "part": part}
        return self.decoding(array, time, dtype, level, **grid).volume(progress, out)

    def decode_with_gradient(
        self,
        dims: Optional[Sequence[int]] = None,
        scale: Optional[float] = None,
        region: Optional[Sequence[int]] = None,
        array: WhichField = None,
        time: Optional[float] = None,
        progress: Optional[ProgressCallback] = None,
        dtype: Union[str, np.dtype[Any], None] = None,
        part: Optional[Sequence[int]] = None,
        level: int = 0,
    ) -> tuple[Volume, Volume]:
        """The field on a grid, as :meth:`decode` gives it, and its gradient there.

        The gradient is a volume "<array> gradient" with values (z, y, x, 3 C), float64 for arrays of float64, else
        float32: for each component d/dx, d/dy, d/dz along the world's axes, in the array's units per unit of length.
        It is that of the field as it is decoded, unrounded and without corrections of single voxels: NaN where there
        is no value, 0 on a plateau, along an axis of one sample, and along one beyond whose samples it is asked for.
        Where latents are interpolated it jumps at their places, and is the mean of both sides there (docs/onnx.md).
        """
        grid = {"dims": dims, "scale": scale, "region": region, "part": part}
        return self.decoding(array, time, dtype, level, **grid).volumes_with_gradient(progress)

    def decoding(
        self,
        array: WhichField = None,
        time: Optional[float] = None,
        dtype: Union[str, np.dtype[Any], None] = None,
        level: int = 0,
        **grid: Any,
    ) -> Decoding:
        """What :meth:`decode` is about to do, for who wants the values slab by slab: of any size, in little memory.

        ``grid``: dims, scale, region, part. Arguments and what is raised: as there.
        """
        field = self.field(array, time)
        return decoding_of(field, self._decoder(field), wanted_grid(field, **grid), dtype, level)

    def sample(
        self,
        points: np.ndarray,
        array: WhichField = None,
        time: Optional[float] = None,
        outside: str = "nan",
        progress: Optional[ProgressCallback] = None,
    ) -> np.ndarray:
        """Values (N,) or (N, components), float64, at world positions (N, 3).

        Outside the volume: NaN, or with ``outside="clamp"`` the value at the border. NaN where the
        nearest original voxel held no value.
        """
        where = SampledPoints(self.field(array, time), points, outside)
        told, decoder = share_of(progress, phase="sampling"), self._decoder(where.field)
        if isinstance(decoder, BrickDecoders):
            return where.given(values_at(decoder, where.index, told))
        return where.values(decoder.points(where.coordinates, progress=told))

    def sample_with_gradient(
        self,
        points: np.ndarray,
        array: WhichField = None,
        time: Optional[float] = None,
        outside: str = "nan",
        progress: Optional[ProgressCallback] = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values as :meth:`sample` gives them, and the gradient (N, 3) or (N, components, 3), float64, there.

        For each component d/dx, d/dy, d/dz along the world's axes, in the array's units per unit of length, of the
        field as it is decoded, without corrections of single voxels. It is NaN where the value is, 0 on a plateau, and
        with ``outside="clamp"`` 0 across the border beyond it. Where latents are interpolated it jumps at their places,
        and is the mean of both sides there (docs/onnx.md).
        """
        where = SampledPoints(self.field(array, time), points, outside)
        told, decoder = share_of(progress, phase="sampling"), self._decoder(where.field)
        if isinstance(decoder, BrickDecoders):
            slopes = gradients_at(decoder, where.index, where.beyond, share_of(told, 0.3, 0.7))
            return where.given(values_at(decoder, where.index, share_of(told, 0.0, 0.3))), where.given(slopes)
        values, gradient = decoder.points_gradient(where.coordinates, progress=told)
        return where.values(values), where.gradient(gradient)

    def decode_on_mesh(
        self, array: WhichField = None, time: Optional[float] = None, progress: Optional[ProgressCallback] = None
    ) -> MeshArray:
        """An array on the mesh that it was made from, in its original type: NaN where it held no value, 0 in integers.

        Raises SrnInputError for a field whose file has no mesh of it.
        """
        field = self.field(array, time)
        if field.mesh is None:
            raise SrnInputError(f"array '{field.name}' has no mesh in the file; decode it on a grid, or sample it")
        mesh, association, valid = field.mesh.mesh, field.mesh.association, field.mesh.valid
        found = self.sample(mesh.positions(association), field, outside="clamp", progress=progress)
        if field.mesh.corrections is not None:
            found += (field.mesh.corrections.codes * field.mesh.corrections.step).reshape(found.shape)
        lost = np.zeros(len(found), bool) if valid is None else ~valid
        found[lost] = 0.0
        values = as_dtype(found, np.dtype(field.dtype))
        if values.dtype.kind == "f":
            values[lost] = np.nan
        told = (field.name, association, field.units, field.time, valid, field.blanked, field.block)
        return MeshArray(values, mesh, *told)

    def inside(self, points: np.ndarray, array: WhichField = None, time: Optional[float] = None) -> np.ndarray:
        """(N,) of bool: which world positions (N, 3) lie in the volume's box."""
        return located(self.field(array, time).geometry, np.asarray(points, np.float64))[2]

    def surface_blocks(
        self,
        isovalues: Sequence[float],
        array: WhichField = None,
        time: Optional[float] = None,
        component: int = 0,
        exhaustive: bool = False,
        edge: Optional[int] = None,
        progress: Optional[ProgressCallback] = None,
        **grid: Any,
    ) -> SurfaceBlocks:
        """The blocks of a grid that isosurfaces pass through; ``grid``: dims, scale, region, as in :meth:`decode`.

        Other arguments and what is raised: see :class:`srn_core.surface.SurfaceBlocks`.
        """
        from srn_core.surface import SurfaceBlocks

        field = self.field(array, time)
        wanted = wanted_grid(field, **grid)
        return SurfaceBlocks(field, self._decoder(field), isovalues, wanted, component, exhaustive, edge, progress)

    def _decoder(self, field: NeuralField) -> Union[Decoder, BrickDecoders]:
        from onnx_export.decoder import Decoder

        key = next(i for i, f in enumerate(self.fields) if f is field)
        with self._lock:
            decoder = self._decoders.get(key)
            if decoder is None:
                options: dict[str, Any] = {"providers": self._providers, "threads": self._threads}
                if field.adds_to is not None:
                    options["below"] = partial(self._latents_below, key)
                kind: Any = BrickDecoders if field.bricks else Decoder
                decoder = kind(field, **options)
            self._keep(key, decoder)
            return decoder

    def _latents_below(self, key: int, level: int) -> Latents:
        """Of the field that another one, at a place, is added to. Each is used after the one that it is added to."""
        other = self.fields[key].adds_to
        assert other is not None
        with self._lock:
            upper = self._decoders.get(key)
        below = self._decoder(other)
        assert not isinstance(below, BrickDecoders)
        found = below.latents(level)
        assert found is not None
        with self._lock:
            self._keep(next(i for i, f in enumerate(self.fields) if f is other), below)
            if upper is not None:
                self._keep(key, upper)
        return found

    def _keep(self, key: int, decoder: Union[Decoder, BrickDecoders]) -> None:
        """Hold the decoder of a field, which is now the one that was used last, and let go others for which there is no
        room: but never the one before it, to which the next time step may be added."""
        self._decoders[key] = decoder
        self._decoders.move_to_end(key)
        least = 1 + (self.fields[key].adds_to is not None)
        while len(self._decoders) > least and sum(_held(self.fields[k]) for k in self._decoders) > MOST_DECODED:
            self._forget(self._decoders.popitem(last=False)[0])

    def _forget(self, place: int) -> None:
        """Let go what was decoded of a field; who decodes it at the moment keeps it until then."""
        arrays = self.fields[place].arrays
        if isinstance(arrays, LazyArrays):
            arrays.forget()


def _samples(field: NeuralField) -> int:
    """Of the original array."""
    return field.geometry.samples if field.mesh is None else field.mesh.mesh.samples(field.mesh.association)


def _held(field: NeuralField) -> int:
    """Bytes that a field holds once it is decoded; of bricks a part is held at a time."""
    if field.bricks:
        return min(HELD_BYTES, HELD * field.geometry.samples)
    return HELD * sum(math.prod(shape) for shape in field.spec.shapes().values())


def _brick_of(field: NeuralField, number: Optional[int]) -> NeuralField:
    """A brick as a field of its own, where it lies in the world."""
    count = len(field.bricks)
    if number is None:
        raise SrnInputError(
            f"array '{field.name}' is made of {count} bricks, and one ONNX model holds one of them: name it (--brick 1 "
            f"to {count}), or compress the volume without bricks (--bricks none)"
        )
    if not 1 <= number <= count:
        raise SrnInputError(
            f"array '{field.name}' has bricks from 1 to {count}, not {number}"
            if count
            else f"array '{field.name}' is not made of bricks; leave the number of a brick out"
        )
    brick = field.bricks[number - 1].open()
    (x, y, z), (nx, ny, nz) = brick.geometry.start, brick.geometry.dims
    geometry = field.geometry.cropped((x, x + nx - 1, y, y + ny - 1, z, z + nz - 1))
    return replace(brick, name=field.name, units=field.units, time=field.time, geometry=geometry)
