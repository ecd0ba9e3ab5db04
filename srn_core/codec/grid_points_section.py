"""The positions of a grid's points as a section of a file, without loss.

Neighbours lie near each other: their bits as whole numbers, differences along axes of these, modulo 2^32 (2^64), and
then byte by byte, the highest bytes first.
"""

from __future__ import annotations

import weakref
from typing import Optional, Sequence

import numpy as np

from srn_core.codec.container import section_header
from srn_core.codec.header import GridPointsHeader
from srn_core.codec.packing import pack_smallest, quick_size
from srn_core.errors import SrnError, SrnFormatError
from srn_core.grid_points import KINDS, GridPoints

MOST_DIFFERENCES = 3
"""Axes along which differences may be taken, x first."""
_PACKED: weakref.WeakKeyDictionary[GridPoints, tuple[GridPointsHeader, bytes]] = weakref.WeakKeyDictionary()
"""Files are made many times until they fit."""


def stored_points(
    points: GridPoints, earlier: Sequence[Optional[GridPoints]] = ()
) -> tuple[GridPointsHeader, list[bytes]]:
    """What the header says of a grid's points, and their section where no earlier field has the same."""
    for place, other in enumerate(earlier):
        if other is not None and other == points:
            return GridPointsHeader(same_as=place), []
    if points not in _PACKED:
        numbers = points.numbers
        tried = [_bytes_of(points, differences) for differences in range(_axes_of(points.kind) + 1)]
        differences, data = min(enumerate(tried), key=lambda pair: quick_size(pair[1]))
        codec, packed = pack_smallest(data)
        section = section_header(codec, packed, len(data))
        header = GridPointsHeader(points.kind, points.dims, numbers.dtype.name, differences, section)
        _PACKED[points] = header, packed
    header, packed = _PACKED[points]
    return header, [packed]


def opened_points(data: bytes, header: GridPointsHeader) -> GridPoints:
    """The points. Raises SrnFormatError for anything that :func:`stored_points` would not have made."""
    kind, dtype = KINDS[header.kind], np.dtype(header.dtype)
    count = kind.count(header.dims)
    if len(data) != count * dtype.itemsize:
        raise SrnFormatError("the points of a grid have the wrong number of bytes; the file is damaged")
    octets = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, count)[::-1]
    numbers = np.ascontiguousarray(octets.T).view(f"<u{dtype.itemsize}").ravel().copy()
    for part in _parts(numbers, header.kind, header.dims):
        for axis in range(part.ndim - header.differences, part.ndim):
            np.cumsum(part, axis=axis, out=part)
    try:
        return kind.of_numbers(numbers.view(f"<f{dtype.itemsize}").astype(dtype), header.dims)
    except SrnError as error:
        raise SrnFormatError(f"{error}; the file is damaged") from error


def _bytes_of(points: GridPoints, differences: int) -> bytes:
    numbers = points.numbers
    size = numbers.dtype.itemsize
    codes = numbers.astype(f"<f{size}").view(f"<u{size}").copy()
    for part in _parts(codes, points.kind, points.dims):
        for axis in range(part.ndim - differences, part.ndim):
            part[...] = np.diff(part, axis=axis, prepend=np.zeros_like(part.take([0], axis)))
    return codes.view(np.uint8).reshape(-1, size).T[::-1].tobytes()


def _axes_of(kind: str) -> int:
    return MOST_DIFFERENCES if kind == "points" else 1


def _parts(numbers: np.ndarray, kind: str, dims: Sequence[int]) -> list[np.ndarray]:
    """Views of what belongs together: the axes; x, y and z of all points (z, y, x)."""
    x, y, z = dims
    if kind == "points":
        return list(numbers.reshape(3, z, y, x))
    return np.split(numbers, [x, x + y])
