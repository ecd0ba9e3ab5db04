"""NRRD volumes (.nrrd, .nhdr), by pynrrd."""

from __future__ import annotations

import os
from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io.choice import chosen
from srn_core.io.file_parts import Layers, beginning
from srn_core.io.filled import filled
from srn_core.io.memory import require_memory
from srn_core.io.read import ReadOptions
from srn_core.volume import Geometry, Volume

SPATIAL_KINDS = ("domain", "space", "none", "???")
TYPES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
"""The format's words for each type of number."""


def _nrrd(path: str) -> Any:
    try:
        import nrrd
    except ImportError as error:
        raise SrnMissingPackageError("pynrrd", f"'{os.path.basename(path)}'", "io") from error
    return nrrd


def array_names(path: str) -> list[str]:
    """The content field of the header, or the file's own name."""
    return [_name(path, _nrrd(path).read_header(path))]


def layers(path: str, array: Optional[str], options: ReadOptions) -> Optional[Layers]:
    """Where the samples lie; None where they are packed, or do not lie in one file, components of a sample together."""
    with open(path, "rb") as file:
        header = _nrrd(path).read_header(file)
        begin = file.tell()
    sizes, spatial = [int(n) for n in header["sizes"]], _spatial(header)
    kind = next((code for code, words in TYPES.items() if header["type"] in words.split(", ")), None)
    data = str(header.get("data file", header.get("datafile", "")))
    plain = not any(int(header.get(key, 0)) for key in ("line skip", "lineskip"))
    if header["encoding"] != "raw" or kind is None or not plain or data.startswith("LIST") or "%" in data:
        return None
    if len(spatial) != 3 or spatial != list(range(len(sizes) - 3, len(sizes))) or len(sizes) > 4:
        return None
    dtype = np.dtype(kind).newbyteorder(">" if header.get("endian") == "big" else "<")
    whole = os.path.join(os.path.dirname(path), data) if data else path
    skip = int(header.get("byte skip", header.get("byteskip", 0)))
    need = int(np.prod(sizes)) * dtype.itemsize
    offset = beginning(whole, skip, 0 if data else begin, need)
    if offset is None:
        return None
    name = chosen(path, [_name(path, header)], array)
    x, y, z = (sizes[axis] for axis in spatial)
    nothing = np.broadcast_to(np.zeros((), dtype), sizes[::-1])
    return Layers(Volume(nothing, _geometry(header, spatial, (x, y, z)), name, _units(header)), whole, offset, dtype)


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """The volume with its space directions and origin; an axis of another kind is taken as components."""
    package = _nrrd(path)
    header = package.read_header(path)
    name = chosen(path, [_name(path, header)], array)
    require_memory(path, header["sizes"], np.uint8)
    values, header = package.read(path, index_order="C")
    spatial = _spatial(header)
    if values.ndim not in (1, 2, 3, 4) or len(spatial) > 3 or values.ndim - len(spatial) > 1:
        raise SrnInputError(
            f"'{path}' has {values.ndim} axes, {len(spatial)} of them in space; "
            "at most 3 and one of components can be read"
        )
    if values.ndim > len(spatial):  # header axes are x first, the array's are x last
        other = next(a for a in range(values.ndim) if a not in spatial)
        values = np.moveaxis(values, values.ndim - 1 - other, -1)
        values = values.reshape((1,) * (4 - values.ndim) + values.shape)
    else:
        values = values.reshape((1,) * (3 - values.ndim) + values.shape)
    z, y, x = values.shape[:3]
    return Volume(np.ascontiguousarray(values), _geometry(header, spatial, (x, y, z)), name, _units(header))


def write(path: str, volume: Volume) -> None:
    """Values (deflated), geometry and name; cell samples are written as samples at their centres."""
    geometry = volume.geometry
    first = geometry.position_of(np.zeros((1, 3)))[0]
    axes = np.array(geometry.direction).reshape(3, 3) * np.array(geometry.spacing)
    directions = [list(axes[:, c]) for c in range(3)]
    header: dict[str, Any] = {"space dimension": 3, "space origin": first, "encoding": "gzip"}
    if volume.name:
        header["content"] = " ".join(volume.name.split())
    if volume.values.ndim == 4:
        header["kinds"] = ["vector", "domain", "domain", "domain"]
        header["space directions"] = np.array([[np.nan] * 3, *directions])
    else:
        header["kinds"] = ["domain"] * 3
        header["space directions"] = np.array(directions)
    values = filled(volume)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    _nrrd(path).write(path, values, header, index_order="C")


def _name(path: str, header: Any) -> str:
    return str(header.get("content") or os.path.splitext(os.path.basename(path))[0])


def _units(header: Any) -> str:
    return str(header.get("sample units", "")).strip('"')


def _spatial(header: Any) -> list[int]:
    """Header axes that lie in space."""
    count = int(header["dimension"])
    directions = header.get("space directions")
    if directions is not None:
        return [a for a in range(count) if directions[a] is not None and np.all(np.isfinite(directions[a]))]
    kinds = header.get("kinds")
    if kinds is not None:
        return [a for a in range(count) if str(kinds[a]) in SPATIAL_KINDS]
    return list(range(count)) if count <= 3 else list(range(1, count))


def _geometry(header: Any, spatial: list[int], dims: tuple[int, int, int]) -> Geometry:
    spacing, matrix, origin = np.ones(3), np.eye(3), np.zeros(3)
    directions = header.get("space directions")
    if directions is not None and len(spatial) == 3 and len(directions[spatial[0]]) == 3:
        for column, axis in enumerate(spatial):
            step = np.asarray(directions[axis], np.float64)
            length = float(np.linalg.norm(step))
            if length > 0:
                spacing[column], matrix[:, column] = length, step / length
        start = header.get("space origin")
        origin = np.zeros(3) if start is None else np.asarray(start, np.float64)
    elif header.get("spacings") is not None:
        given = [float(header["spacings"][a]) for a in spatial]
        spacing[: len(given)] = [s if np.isfinite(s) and s > 0 else 1.0 for s in given]
    return Geometry(
        dims,
        (float(origin[0]), float(origin[1]), float(origin[2])),
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        tuple(float(v) for v in matrix.ravel()),
    )
