"""The bytes of an .srn file to fields. Nothing in a file is trusted."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from srn_core.atomic import PathLike
from srn_core.codec.codebooks import codebooks_of
from srn_core.codec.container import MAGIC, Section, checked, listed, parse
from srn_core.codec.corrections_section import opened_corrections, opened_on_samples
from srn_core.codec.field import Brick, Corrections, NeuralField, OnMesh, Plateau, StoredArray
from srn_core.codec.grid_points_section import opened_points
from srn_core.codec.header import (
    FILE,
    FieldHeader,
    GroupHeader,
    SectionHeader,
    sections_of,
)
from srn_core.codec.header_check import check_header, code_type_of
from srn_core.codec.layouts import CodeType, layout_named
from srn_core.codec.lazy_arrays import LazyArrays, PendingPyramid
from srn_core.codec.mask import mask_from_bytes
from srn_core.codec.mesh_section import opened_mesh, opened_valid
from srn_core.codec.packing import codec_named
from srn_core.codec.pyramids import codes_of
from srn_core.errors import SrnError, SrnFormatError, SrnInputError
from srn_core.grid_points import GridPoints
from srn_core.spec import BricksSpec

Bytes = Union[bytes, bytearray, memoryview]
_Parts = Tuple[Optional[np.ndarray], Optional[Plateau], Optional[Corrections], Optional[GridPoints], Optional[OnMesh]]


def read(path: PathLike) -> tuple[NeuralField, ...]:
    """The fields of a file.

    Raises SrnInputError where the file cannot be opened, SrnFormatError where it is not a sound .srn file.
    """
    return from_bytes(read_bytes(path))


def read_bytes(path: PathLike) -> bytes:
    """The bytes of an .srn file, of which only the first few have been looked at. Raises as :func:`read`."""
    try:
        place = Path(path)
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SrnInputError(f"'{path}' is a folder; give the name of an .srn file")
        if not stat.S_ISREG(mode):
            raise SrnInputError(f"'{path}' is not a regular file; give the name of an .srn file")
        with open(place, "rb") as file:
            start = file.read(len(MAGIC))
            if start != MAGIC:
                raise SrnFormatError(f"'{path}' is not an SRN file (it does not begin with 'SRN'); choose an .srn file")
            return start + file.read()
    except FileNotFoundError as error:
        raise SrnInputError(f"there is no file '{path}'") from error
    except PermissionError as error:
        raise SrnInputError(f"no permission to read '{path}'") from error
    except OSError as error:
        raise SrnInputError(f"cannot read '{path}': {error.strerror or error}") from error


def from_bytes(data: Bytes, lazy: bool = False) -> tuple[NeuralField, ...]:
    """The fields of a file's bytes. Raises SrnFormatError where they are not a sound .srn file.

    ``lazy``: latents of a pyramid are decoded when they are first asked for. Header and checksums are examined here all
    the same; codes that no encoder writes raise SrnFormatError when they are decoded. Bricks are always opened lazily.
    """
    data = bytes(data)
    header, offset = parse(data)
    check_header(header, len(data), whole=not lazy)
    contents = _Contents(data, header.fields, offset)
    fields: dict[int, NeuralField] = {}
    bricks = 0
    for place, found in enumerate(header.fields):
        if bricks:
            bricks -= 1
            continue
        field = contents.field(place, lazy)
        if isinstance(found.spec, BricksSpec):
            bricks = found.spec.count
            field = replace(field, bricks=tuple(contents.brick(place, number + 1) for number in range(bricks)))
        if found.adds_to is not None:
            field = replace(field, adds_to=fields[found.adds_to])
        fields[place] = field
    return tuple(fields.values())


def header_of(data: Bytes) -> dict[str, Any]:
    """The header as plain JSON types, with its sound defaults left out; the sections are not opened.

    Raises SrnFormatError where the header is not sound.
    """
    data = bytes(data)
    header, _ = parse(data)
    check_header(header, len(data))
    return FILE.write(header)


def section_sizes(data: Bytes) -> list[Section]:
    """Where a file's bytes go: the header and each section; ``packed`` adds up to the file's size.

    Raises SrnFormatError where the header is not sound.
    """
    data = bytes(data)
    header, start = parse(data)
    check_header(header, len(data))
    return listed(header, start)


def _spans(sections: tuple[SectionHeader, ...], offset: int) -> list[tuple[int, int]]:
    spans = []
    for section in sections:
        spans.append((offset, offset + section.packed))
        offset += section.packed
    return spans


def _unpacked(data: bytes, section: SectionHeader) -> bytes:
    return codec_named(section.codec).unpack(checked(data, section), section.size)


def _arrays(field: FieldHeader, group: GroupHeader, packed: list[bytes]) -> dict[int, StoredArray]:
    """Place in the spec's list -> array."""
    streams = [_unpacked(data, section) for data, section in zip(packed, group.sections)]
    shapes = list(field.spec.shapes().values())
    kind = code_type_of(group)
    books: list[Optional[np.ndarray]] = [None] * len(group.arrays)
    if group.codebooks is not None:
        first = streams.pop(0)
        if len(first) != 4 * sum(group.codebooks):
            raise SrnFormatError("a stream of codebooks has the wrong length; the file is damaged")
        books = list(codebooks_of(first, group.codebooks))
    found = layout_named(group.layout).join(streams, [shapes[place] for place in group.arrays], kind)
    steps = group.steps or [None] * len(books)
    return {
        place: _sound(StoredArray(codes, group.bits, step, book), kind)
        for place, codes, step, book in zip(group.arrays, found, steps, books)
    }


def _pending(
    field: FieldHeader, group: GroupHeader, packed: list[bytes], keep: bool
) -> Optional[dict[int, PendingPyramid]]:
    """As :func:`_arrays`, of a pyramid that is yet to be decoded; None for any other group."""
    if group.layout != "pyramid" or len(group.arrays) != 1 or group.steps is None:
        return None
    (place,), (step,), kind = group.arrays, group.steps, code_type_of(group)
    stream = _unpacked(packed[0], group.sections[0])
    shape = list(field.spec.shapes().values())[place]

    def decode(within: Optional[Sequence[int]]) -> StoredArray:
        return _sound(StoredArray(codes_of(stream, shape, kind, within), group.bits, step), kind)

    return {place: PendingPyramid(decode, keep)}


def _sound(array: StoredArray, kind: CodeType) -> StoredArray:
    """The same array. Raises SrnFormatError where codes or values are out of bounds."""
    low, high = kind.bounds
    largest = 0.0
    if array.codebook is not None:
        if not np.all(np.isfinite(array.codebook)):
            raise SrnFormatError("a codebook holds numbers that are not finite; the file is damaged")
        high = array.codebook.size - 1
    if array.codes.size:
        least, most = int(array.codes.min()), int(array.codes.max())
        if least < low or most > high:
            raise SrnFormatError(f"an array holds codes outside {low}..{high}; the file is damaged")
        if array.step is not None:
            largest = abs(array.step) * max(abs(least), abs(most))
    if largest > float(np.finfo(np.float32).max):
        raise SrnFormatError("an array holds numbers that are not finite; the file is damaged")
    return array


class _Contents:
    """The fields of a file whose header has been checked, read one by one."""

    def __init__(self, data: bytes, fields: Sequence[FieldHeader], start: int) -> None:
        self._data, self._fields = data, fields
        self._known: dict[int, _Parts] = {}
        self._starts = [start]
        for field in fields:
            self._starts.append(self._starts[-1] + sum(section.packed for section in sections_of(field)))

    def field(self, place: int, lazy: bool) -> NeuralField:
        """A field that is no brick."""
        self._known[place] = self._voxels(place)
        return self._read(place, self._known[place], lazy, keep=True)

    def brick(self, whole: int, number: int) -> Brick:
        """A brick of a field, from 1 on. Its checksums are examined here."""
        place = whole + number
        found, offset = self._fields[place], self._starts[place]
        for section in sections_of(found):
            checked(self._data[offset : offset + section.packed], section)
            offset += section.packed
        fades = found.fades or (0,) * 6
        return Brick(found.geometry, fades, found.valid is not None, lambda: self._opened(place))

    def _opened(self, place: int) -> NeuralField:
        return self._read(place, self._voxels(place), lazy=True, keep=False)

    def _read(self, place: int, parts: _Parts, lazy: bool, keep: bool) -> NeuralField:
        found, offset = self._fields[place], self._starts[place]
        arrays: dict[int, Union[StoredArray, PendingPyramid]] = {}
        for group in found.groups:
            packed = [self._data[a:b] for a, b in _spans(group.sections, offset)]
            offset += sum(len(p) for p in packed)
            pending = _pending(found, group, packed, keep) if lazy else None
            arrays.update(_arrays(found, group, packed) if pending is None else pending)
        names = {name: arrays[number] for number, name in enumerate(found.spec.shapes())}
        return _field(found, LazyArrays(names), *parts)

    def _parts(self, place: int) -> _Parts:
        """A field's mask, plateau, corrections and grid points, of an earlier field those that are known."""
        return self._known[place] if place in self._known else self._voxels(place)

    def _voxels(self, place: int) -> _Parts:
        found = self._fields[place]
        shape = found.geometry.shape
        offset = self._starts[place] + sum(s.packed for group in found.groups for s in group.sections)

        def unpacked(section: SectionHeader) -> bytes:
            nonlocal offset
            offset += section.packed
            return _unpacked(self._data[offset - section.packed : offset], section)

        valid, plateau, corrections, points = None, None, None, None
        if found.valid is not None:
            if found.valid.section is not None:
                valid = mask_from_bytes(unpacked(found.valid.section), shape, found.valid.form)
            elif found.valid.same_as is not None:
                valid = self._parts(found.valid.same_as)[0]
        if found.plateau is not None:
            mask, flat = found.plateau.mask, None
            if mask.section is not None:
                flat = mask_from_bytes(unpacked(mask.section), shape, mask.form)
            elif mask.same_as is not None:
                other = self._parts(mask.same_as)[1]
                flat = None if other is None else other.mask
            plateau = None if flat is None else Plateau(flat, found.plateau.values)
        about = found.corrections
        if about is not None and about.mask.section is not None:
            some = mask_from_bytes(unpacked(about.mask.section), shape, about.mask.form)
            corrections = opened_corrections(unpacked(about.section), some, found.spec.components, about.step)
        if found.points is not None and found.points.section is not None:
            points = opened_points(unpacked(found.points.section), found.points)
        elif found.points is not None and found.points.same_as is not None:
            points = self._parts(found.points.same_as)[3]
        return valid, plateau, corrections, points, self._on_mesh(found, unpacked)

    def _on_mesh(self, found: FieldHeader, unpacked: Callable[[SectionHeader], bytes]) -> Optional[OnMesh]:
        """The mesh of a field, the next sections being its."""
        about = found.mesh
        if about is None:
            return None
        if about.positions is not None:
            cells = about.connectivity
            faces = None if about.faces is None else about.faces.section
            parts = [b"" if section is None else unpacked(section) for section in (about.positions, cells, faces)]
            mesh = opened_mesh(parts[0], parts[1], about, parts[2])
            nbytes = sum(section.packed for section in (about.positions, cells, faces) if section is not None)
        else:
            other = None if about.same_as is None else self._parts(about.same_as)[4]
            if other is None:
                raise SrnFormatError("a field has no mesh where one is said to be; the file is damaged")
            mesh, nbytes = other.mesh, 0
        valid = None if about.valid is None else opened_valid(unpacked(about.valid), mesh.samples(about.at))
        corrections = None
        if about.corrections is not None:
            shape = (mesh.samples(about.at), found.spec.components)
            corrections = opened_on_samples(unpacked(about.corrections.section), shape, about.corrections.step)
        return OnMesh(mesh, about.at, valid, nbytes, corrections)


def _field(
    found: FieldHeader,
    arrays: Mapping[str, StoredArray],
    valid: Optional[np.ndarray],
    plateau: Optional[Plateau],
    corrections: Optional[Corrections],
    points: Optional[GridPoints],
    mesh: Optional[OnMesh],
) -> NeuralField:
    try:
        geometry = found.geometry if points is None else replace(found.geometry, points=points)
    except SrnError as error:
        raise SrnFormatError(f"field '{found.name[:80]}': {error}; the file is damaged") from error
    return NeuralField(
        found.spec,
        arrays,
        geometry,
        found.name,
        found.dtype,
        found.value_range,
        found.vector,
        found.units,
        found.time,
        valid,
        found.original_bytes,
        found.quality,
        found.provenance,
        plateau,
        corrections,
        found.blanked,
        found.block,
        mesh,
    )
