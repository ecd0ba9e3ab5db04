"""Open a file of any known format as a Volume."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Sequence

import numpy as np

from srn_core.errors import SrnError, SrnInputError
from srn_core.io.formats import Format, PathLike, format_of
from srn_core.io.native import native
from srn_core.mesh import MeshArray, Sampled
from srn_core.volume import Volume


@dataclass(frozen=True)
class ReadOptions:
    """What a file may not say about itself."""

    dims: Optional[tuple[int, int, int]] = None
    """Samples along x, y and z of a raw file."""
    dtype: Optional[str] = None
    """Type of a raw file's values as NumPy writes it: "float32", "uint8", ">i2" (big-endian), ..."""
    components: int = 1
    """Components of each sample of a raw file, stored together."""
    header_bytes: int = 0
    """Bytes to skip at the start of a raw file."""
    step: Optional[int] = None
    """Which time step, from 0, of an array that has several."""
    region: Optional[tuple[int, int, int, int, int, int]] = None
    """Only the samples x0, x1, y0, y1, z0, z1, counted from 0, both ends included; where the format reads regions."""
    outline: bool = False
    """All but the values, which take no memory; where the format reads regions."""

    @classmethod
    def parsed(cls, options: dict[str, Any]) -> ReadOptions:
        """Options from loosely typed values. Raises SrnInputError for a wrong name, size or type."""
        known = cls.__dataclass_fields__
        unknown = [name for name in options if name not in known]
        if unknown:
            raise SrnInputError(f"unknown reading option '{unknown[0]}'; known options: {', '.join(known)}")
        dims, dtype = options.get("dims"), options.get("dtype")
        if dims is not None:
            dims = _whole_numbers(dims)
            if len(dims) != 3 or min(dims) < 1:
                raise SrnInputError(f"dims must be three whole numbers from 1 up (x, y, z), not {options['dims']!r}")
        if dtype is not None:
            dtype = _dtype_name(dtype)
        read = cls(**{**options, "dims": dims, "dtype": dtype})
        if read.components < 1 or read.header_bytes < 0 or (read.step is not None and read.step < 0):
            raise SrnInputError("components must be at least 1; header_bytes and step must not be negative")
        return read


def read_volume(path: PathLike, array: Optional[str] = None, **options: Any) -> Volume:
    """The array named ``array`` of a file, or its only one, as a Volume with values (z, y, x[, component]).

    ``options`` are those of :class:`ReadOptions`. Raises SrnInputError where the path, the file or the
    array is of no use, SrnMissingPackageError where the format's package is not installed.
    """
    return on_grid(path, read_source(path, array, **options))


def read_source(path: PathLike, array: Optional[str] = None, **options: Any) -> Sampled:
    """As :func:`read_volume`; of an unstructured grid or a surface, the array on its mesh."""
    wanted = ReadOptions.parsed(options)
    form = format_to_read(path)
    with reading(path, form):
        found: Sampled = form.load().read(os.fspath(path), array, wanted)
    return found if isinstance(found, MeshArray) else native(found)


def array_names(path: PathLike) -> list[str]:
    """Names of the arrays in a file that :func:`read_volume` can give. Raises as it does."""
    form = format_to_read(path)
    with reading(path, form):
        names: list[str] = form.load().array_names(os.fspath(path))
    return names


def step_count(path: PathLike, array: Optional[str] = None) -> int:
    """Time steps that :func:`read_volume` can give of an array; 1 where it knows no time. Raises as it does."""
    form = format_to_read(path)
    module = form.load()
    if not hasattr(module, "step_count"):
        return 1
    with reading(path, form):
        return int(module.step_count(os.fspath(path), array))


def on_grid(path: PathLike, found: Sampled) -> Volume:
    """The volume. Raises SrnInputError for an array of a mesh."""
    if isinstance(found, MeshArray):
        raise SrnInputError(
            f"'{path}' holds a mesh, and a grid of three axes is needed here; in ParaView, Resample To Image makes one"
        )
    return found


@contextmanager
def reading(path: PathLike, form: Format) -> Iterator[None]:
    """What goes wrong with a file inside comes out in the user's words."""
    try:
        yield
    except SrnInputError as error:
        if os.fspath(path) in str(error):
            raise
        raise SrnInputError(f"'{path}': {error}") from error
    except SrnError:
        raise
    except MemoryError as error:
        raise SrnInputError(f"'{path}' is larger than this machine's memory allows") from error
    except Exception as error:  # each format's package has errors of its own for a damaged file
        raise SrnInputError(f"'{path}' cannot be read as {form.title}: {_line(error)}") from error


def format_to_read(path: PathLike) -> Format:
    """The format of a path that can be opened. Raises SrnInputError for one that cannot."""
    name = os.fspath(path)
    if not isinstance(name, str) or "\0" in name:
        raise SrnInputError(f"{name!r} is no file name")
    if not os.path.exists(name):
        raise SrnInputError(f"'{name}' does not exist")
    if os.path.isdir(name):
        if os.path.splitext(name.rstrip("/\\"))[1].lower() == ".zarr":
            return format_of(name)
        raise SrnInputError(f"'{name}' is a folder; give the name of a file in it")
    form = format_of(name)
    if not os.access(name, os.R_OK):
        raise SrnInputError(f"no permission to read '{name}'")
    if os.path.getsize(name) == 0:
        raise SrnInputError(f"'{name}' is empty (0 bytes)")
    return form


def _whole_numbers(values: Any) -> tuple[int, ...]:
    try:
        if isinstance(values, str) or not isinstance(values, (Sequence, np.ndarray)):
            raise ValueError
        if any(int(v) != v for v in values):
            raise ValueError
        return tuple(int(v) for v in values)
    except (TypeError, ValueError, OverflowError):
        raise SrnInputError(f"dims must be three whole numbers (x, y, z), not {values!r}") from None


def _dtype_name(dtype: Any) -> str:
    try:
        kind = np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise SrnInputError(f"dtype {dtype!r} is no type of values; use float32, uint8, >i2, ...") from error
    if kind.kind not in "fiub":
        raise SrnInputError(f"dtype {dtype!r} does not stand for real numbers; use float32, uint8, >i2, ...")
    return kind.str


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
