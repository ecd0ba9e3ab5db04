"""An opened neural file: decode it on any grid, sample it anywhere, save or export it."""

from __future__ import annotations

import math
from os import PathLike
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

import numpy as np

from srn_core import atomic, codec, coordinates
from srn_core.codec import NeuralField
from srn_core.errors import SrnInputError
from srn_core.original_dtype import as_dtype
from srn_core.progress import ProgressCallback, share_of
from srn_core.sampling import SampledPoints, located
from srn_core.volume import Geometry, Volume
from srn_core.voxel_values import OnGrid

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder

SLAB = 1 << 21
"""Samples that are turned into physical values at a time: bounds the memory above the result."""


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
        self._decoders: dict[int, Decoder] = {}
        self._providers, self._threads = providers, threads

    @classmethod
    def from_bytes(cls, data: bytes, **options: Any) -> NeuralFile:
        """Open the bytes of a file. Raises SrnFormatError where they are not one."""
        return cls(codec.from_bytes(data), bytes(data), **options)

    @property
    def nbytes(self) -> int:
        """Bytes of the file on disk."""
        return len(self._data)

    @property
    def ratio(self) -> float:
        """Compression ratio: bytes of the original arrays / bytes of the file."""
        return sum(f.original_bytes for f in self.fields) / self.nbytes

    @property
    def parameter_ratio(self) -> float:
        """The thesis' ratio: values of the original arrays / stored parameters that are not zero."""
        values = sum(f.geometry.samples * len(f.value_range) for f in self.fields)
        return values / max(sum(f.parameters() for f in self.fields), 1)

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

    def field(self, array: Optional[str] = None, time: Optional[float] = None) -> NeuralField:
        """The field of an array name and time; by default the first. Raises SrnInputError where there is none."""
        found = [f for f in self.fields if array in (None, f.name)]
        if not found:
            names = ", ".join(f"'{n}'" for n in dict.fromkeys(f.name for f in self.fields))
            raise SrnInputError(f"the file has no array '{array}'; it has {names}")
        if time is not None:
            timed = [f for f in found if f.time is not None]
            if timed:
                return min(timed, key=lambda f: abs((f.time or 0.0) - time))
        return found[0]

    def export(
        self, path: Union[str, PathLike[str]], array: Optional[str] = None, time: Optional[float] = None
    ) -> None:
        """Write one field as an ONNX model with its geometry in the metadata (see docs/onnx.md)."""
        atomic.write_bytes(path, self.onnx_bytes(array, time))

    def onnx_bytes(self, array: Optional[str] = None, time: Optional[float] = None) -> bytes:
        """The ONNX model of one field, serialised."""
        from onnx_export.graph import points_graph

        return bytes(points_graph(self.field(array, time), physical=True).SerializeToString())

    def decode(
        self,
        dims: Optional[Sequence[int]] = None,
        scale: Optional[float] = None,
        region: Optional[Sequence[int]] = None,
        array: Optional[str] = None,
        time: Optional[float] = None,
        progress: Optional[ProgressCallback] = None,
        dtype: Union[str, np.dtype[Any], None] = None,
        part: Optional[Sequence[int]] = None,
    ) -> Volume:
        """The field on a grid.

        Args:
            dims: samples along x, y, z; by default those of the original (or of the region).
            scale: samples per original sample instead, the same along each axis.
            region: x0, x1, y0, y1, z0, z1, original sample indices, both ends inclusive.
            array, time: which field.
            progress: told how far it is; returning False ends it with SrnStoppedError.
            dtype: type of the result; by default the original's on original samples (integers
                rounded and clipped), elsewhere that of a float array and float32 for integers.
            part: x0, x1, y0, y1, z0, z1, indices of samples of the result, both ends inclusive: only
                these are decoded, and the result is the same there.

        Raises:
            SrnInputError: for dims, scale, a region or a part that make no sense.
        """
        field = self.field(array, time)
        box = field.geometry if region is None else field.geometry.cropped(_six(region))
        geometry = _wanted_geometry(box, dims, scale)
        offset = [b - s for b, s in zip(box.start, field.geometry.start)]
        index = [
            coordinates.resampled_axis(n, m, geometry.association) + o
            for n, m, o in zip(box.dims, geometry.dims, offset)
        ]
        original = geometry.dims == box.dims
        if part is not None:
            whole, geometry = geometry, geometry.cropped(_six(part))
            index = [
                axis[b - s : b - s + n] for axis, b, s, n in zip(index, geometry.start, whole.start, geometry.dims)
            ]
        result_type = np.dtype(dtype) if dtype is not None else _result_type(np.dtype(field.dtype), original)
        voxels = OnGrid(field, index)
        values = self._decode_axes(field, index, result_type, voxels, progress)
        return Volume(
            values if field.vector else values[..., 0],
            geometry,
            field.name,
            field.units,
            field.time,
            voxels.valid,
        )

    def sample(
        self,
        points: np.ndarray,
        array: Optional[str] = None,
        time: Optional[float] = None,
        outside: str = "nan",
        progress: Optional[ProgressCallback] = None,
    ) -> np.ndarray:
        """Values (N,) or (N, components), float64, at world positions (N, 3).

        Outside the volume: NaN, or with ``outside="clamp"`` the value at the border. NaN where the
        nearest original voxel held no value.
        """
        where = SampledPoints(self.field(array, time), points, outside)
        told = share_of(progress, phase="sampling")
        return where.values(self._decoder(where.field).points(where.coordinates, progress=told))

    def sample_with_gradient(
        self,
        points: np.ndarray,
        array: Optional[str] = None,
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
        told = share_of(progress, phase="sampling")
        values, gradient = self._decoder(where.field).points_gradient(where.coordinates, progress=told)
        return where.values(values), where.gradient(gradient)

    def inside(self, points: np.ndarray, array: Optional[str] = None, time: Optional[float] = None) -> np.ndarray:
        """(N,) of bool: which world positions (N, 3) lie in the volume's box."""
        return located(self.field(array, time).geometry, np.asarray(points, np.float64))[2]

    def _decoder(self, field: NeuralField) -> Decoder:
        from onnx_export.decoder import Decoder

        key = next(i for i, f in enumerate(self.fields) if f is field)
        if key not in self._decoders:
            self._decoders[key] = Decoder(field, providers=self._providers, threads=self._threads)
        return self._decoders[key]

    def _physical(self, field: NeuralField, normalised: np.ndarray) -> np.ndarray:
        """Normalised values (..., components) as float64 physical values."""
        low, high = np.array(field.value_range, np.float64).T
        return normalised * (high / 2 - low / 2) + (low / 2 + high / 2)

    def _decode_axes(
        self,
        field: NeuralField,
        index: Sequence[np.ndarray],
        dtype: np.dtype[Any],
        voxels: OnGrid,
        progress: Optional[ProgressCallback],
    ) -> np.ndarray:
        x, y, z = (coordinates.normalise_axis(i, n, field.geometry.dims) for i, n in zip(index, field.geometry.dims))
        shape = (len(z), len(y), len(x), len(field.value_range))
        try:
            out = np.empty(shape, dtype)
        except (MemoryError, ValueError) as error:
            raise SrnInputError(
                f"a grid of {len(x)} x {len(y)} x {len(z)} needs {math.prod(shape) * dtype.itemsize / 1e9:.3g} GB, more"
                " than there is; ask for fewer samples, or decode it region by region"
            ) from error
        slab = max(1, SLAB // max(len(x) * len(y), 1))
        decoder = self._decoder(field)
        for begin in range(0, len(z), slab):
            part = slice(begin, begin + slab)
            told = share_of(progress, begin / len(z), len(z[part]) / len(z), "decoding")
            values = self._physical(field, decoder.grid(x, y, z[part], progress=told))
            voxels.correct(values, part)
            out[part] = as_dtype(values, dtype)
            voxels.settle(out[part], part)
        return out


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
    if len(dims) != 3 or not all(1 <= int(n) <= 1 << 20 for n in dims):
        raise SrnInputError(f"dims must be three sizes from 1 to {1 << 20}, not {tuple(dims)}")
    x, y, z = (int(n) for n in dims)
    return box.resampled((x, y, z))


def _result_type(original: np.dtype[Any], at_samples: bool) -> np.dtype[Any]:
    return original if at_samples or original.kind == "f" else np.dtype(np.float32)
