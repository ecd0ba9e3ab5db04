"""A mesh as sections of a file, without loss.

Neighbours in the order of the points, and cells that follow each other, lie near each other: bits of coordinates as
whole numbers, and differences of these and of the corners modulo 2^32 (2^64), byte by byte, the highest bytes first.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Optional, Sequence

import numpy as np

from srn_core.codec.container import section_header
from srn_core.codec.corrections_section import stored_on_samples
from srn_core.codec.field import OnMesh
from srn_core.codec.header import MeshFacesHeader, MeshHeader
from srn_core.codec.packing import pack_smallest, quick_size
from srn_core.errors import SrnError, SrnFormatError
from srn_core.mesh import Faces, Mesh

MOST_STRIDE = 255
_PACKED: weakref.WeakKeyDictionary[Mesh, tuple[MeshHeader, list[bytes]]] = weakref.WeakKeyDictionary()
"""Files are made many times until they fit."""


def stored_mesh(mesh: Mesh, earlier: Sequence[Optional[Mesh]] = ()) -> tuple[MeshHeader, list[bytes]]:
    """What the header says of a mesh, and its sections where no earlier field has the same."""
    for place, other in enumerate(earlier):
        if other is not None and (other is mesh or other == mesh):
            return MeshHeader(same_as=place), []
    if mesh not in _PACKED:
        _PACKED[mesh] = _packed(mesh)
    header, packed = _PACKED[mesh]
    return header, list(packed)


def packed_bytes(points: np.ndarray, sizes: np.ndarray, corners: np.ndarray) -> int:
    """Bytes of the sections of points (N, 3) and of cells with their numbers of corners and the corners, be they those
    of a part of a mesh: corners may be anywhere."""
    if points.dtype.name not in ("float32", "float64"):
        points = points.astype(np.float64)
    found = 0
    if len(points):
        found += len(pack_smallest(_packed_positions(points)[1])[1])
    if len(sizes):
        types = bytes(len(sizes))
        cells = _packed_cells(types, sizes.astype(np.int32), corners.astype("<u4"))[1]
        found += len(pack_smallest(cells)[1])
    return found


def stored_on_mesh(
    where: OnMesh, earlier: Sequence[Optional[OnMesh]] = (), components: int = 1, what: str = "the field"
) -> tuple[MeshHeader, list[bytes]]:
    """What the header says of where an array of so many ``components`` has its samples, and its sections.

    Raises SrnInputError for corrections that do not fit it; ``what`` names the field.
    """
    header, sections = stored_mesh(where.mesh, [None if other is None else other.mesh for other in earlier])
    valid = None
    if where.valid is not None and not where.valid.all():
        bits = np.packbits(where.valid).tobytes()
        codec, packed = pack_smallest(bits)
        valid = section_header(codec, packed, len(bits))
        sections.append(packed)
    corrections = None
    if where.corrections is not None:
        shape = (where.mesh.samples(where.association), components)
        corrections, packed = stored_on_samples(where.corrections, shape, what)
        sections.append(packed)
    return replace(header, at=where.association, valid=valid, corrections=corrections), sections


def mesh_bytes(header: MeshHeader) -> tuple[int, int]:
    """Bytes of the unpacked sections: of the coordinates, and of the cells."""
    return 3 * header.points * np.dtype(header.dtype).itemsize, 5 * header.cells + 4 * header.corners


def faces_bytes(header: MeshFacesHeader) -> int:
    """Bytes of the unpacked section of faces."""
    return 4 * (header.polyhedra + header.faces + header.corners)


def opened_mesh(positions: bytes, connectivity: bytes, header: MeshHeader, faces: bytes = b"") -> Mesh:
    """The mesh. Raises SrnFormatError for anything that :func:`stored_mesh` would not have made."""
    if (len(positions), len(connectivity)) != mesh_bytes(header):
        raise SrnFormatError("a mesh has the wrong number of bytes; the file is damaged")
    size = np.dtype(header.dtype).itemsize
    bits = _of_planes(positions, size).reshape(3, -1)
    if header.differences:
        bits = np.cumsum(bits, axis=1, dtype=bits.dtype)
    types, rest = connectivity[: header.cells], connectivity[header.cells :]
    sizes, corners = _of_planes(rest[: 4 * header.cells], 4), _of_planes(rest[4 * header.cells :], 4)
    corners = _summed(corners, header.stride)
    if max(sizes.max(initial=0), corners.max(initial=0)) > np.iinfo(np.int32).max:
        raise SrnFormatError("a cell of a mesh has a point that is not there; the file is damaged")
    try:
        return Mesh(
            np.ascontiguousarray(bits.view(f"<f{size}").T.astype(header.dtype)),
            np.frombuffer(types, np.uint8).copy(),
            sizes.astype(np.int32),
            corners.astype(np.int32),
            header.surface,
            None if header.faces is None else _opened_faces(faces, header.faces),
        )
    except SrnError as error:
        raise SrnFormatError(f"{error}; the file is damaged") from error


def _opened_faces(data: bytes, header: MeshFacesHeader) -> Faces:
    if len(data) != faces_bytes(header):
        raise SrnFormatError("the faces of a mesh have the wrong number of bytes; the file is damaged")
    first, second = 4 * header.polyhedra, 4 * (header.polyhedra + header.faces)
    counts, sizes, corners = (_of_planes(part, 4) for part in (data[:first], data[first:second], data[second:]))
    corners = np.cumsum(corners, dtype=corners.dtype)
    if max(numbers.max(initial=0) for numbers in (counts, sizes, corners)) > np.iinfo(np.int32).max:
        raise SrnFormatError("a face of a mesh has a point that is not there; the file is damaged")
    return Faces(counts.astype(np.int32), sizes.astype(np.int32), corners.astype(np.int32))


def opened_valid(data: bytes, samples: int) -> np.ndarray:
    """(samples,) of bool. Raises SrnFormatError for another number of bytes."""
    if len(data) != (samples + 7) // 8:
        raise SrnFormatError("which samples of a mesh hold a value is cut off; the file is damaged")
    return np.unpackbits(np.frombuffer(data, np.uint8), count=samples).astype(bool)


def _packed(mesh: Mesh) -> tuple[MeshHeader, list[bytes]]:
    differences, positions = _packed_positions(mesh.points)
    codec, packed = pack_smallest(positions)
    header = MeshHeader(
        surface=mesh.surface,
        points=len(mesh.points),
        cells=len(mesh.types),
        corners=len(mesh.corners),
        dtype=mesh.points.dtype.name,
        differences=differences,
        positions=section_header(codec, packed, len(positions)),
    )
    if not len(mesh.types):
        return header, [packed]
    stride, cells = _packed_cells(mesh.types.astype(np.uint8).tobytes(), mesh.sizes, mesh.corners.astype("<u4"))
    codec, packed_cells = pack_smallest(cells)
    connectivity = section_header(codec, packed_cells, len(cells))
    header, data = replace(header, stride=stride, connectivity=connectivity), [packed, packed_cells]
    if mesh.faces is not None:
        counts, sizes, corners = (numbers.astype("<u4") for numbers in mesh.faces.numbers)
        faces = _planes(counts) + _planes(sizes) + _planes(_apart(corners, 1))
        codec, packed_faces = pack_smallest(faces)
        section = section_header(codec, packed_faces, len(faces))
        header = replace(header, faces=MeshFacesHeader(len(counts), len(sizes), len(corners), section))
        data.append(packed_faces)
    return header, data


def _packed_positions(points: np.ndarray) -> tuple[bool, bytes]:
    """Whether differences are taken, and the bytes before they are packed."""
    size = points.dtype.itemsize
    bits = points.T.astype(f"<f{size}", order="C").view(f"<u{size}")
    tried = [_planes(bits), _planes(np.diff(bits, axis=1, prepend=np.zeros((3, 1), bits.dtype)))]
    differences, positions = min(enumerate(tried), key=lambda pair: quick_size(pair[1]))
    return bool(differences), positions


def _packed_cells(types: bytes, sizes: np.ndarray, corners: np.ndarray) -> tuple[int, bytes]:
    """The stride of corners, and the bytes before they are packed."""
    usual = int(np.bincount(np.minimum(sizes, MOST_STRIDE)).argmax())
    known = {stride: _planes(_apart(corners, stride)) for stride in {1, max(usual, 1)}}
    stride = min(sorted(known), key=lambda stride: quick_size(known[stride]))
    return stride, types + _planes(sizes.astype("<u4")) + known[stride]


def _apart(numbers: np.ndarray, stride: int) -> np.ndarray:
    """Differences to the number so many before; of the first ones to 0."""
    found = numbers.copy()
    found[stride:] -= numbers[:-stride]
    return found


def _summed(numbers: np.ndarray, stride: int) -> np.ndarray:
    """Undo :func:`_apart`."""
    rows = -(-len(numbers) // stride)
    padded = np.zeros(rows * stride, numbers.dtype)
    padded[: len(numbers)] = numbers
    return np.cumsum(padded.reshape(rows, stride), axis=0, dtype=numbers.dtype).ravel()[: len(numbers)]


def _planes(numbers: np.ndarray) -> bytes:
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(-1, numbers.dtype.itemsize).T[::-1].tobytes()


def _of_planes(data: bytes, size: int) -> np.ndarray:
    octets = np.frombuffer(data, np.uint8).reshape(size, -1)[::-1]
    return np.ascontiguousarray(octets.T).view(f"<u{size}").ravel()
