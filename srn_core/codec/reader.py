"""The bytes of an .srn file to fields. Nothing in a file is trusted."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from srn_core.atomic import PathLike
from srn_core.codec import limits
from srn_core.codec.codebooks import codebooks_of
from srn_core.codec.container import MAGIC, Section, checked, listed, parse
from srn_core.codec.field import NeuralField, StoredArray
from srn_core.codec.header import FILE, FieldHeader, FileHeader, GroupHeader, SectionHeader
from srn_core.codec.layouts import CodeType, layout_named
from srn_core.codec.mask import mask_bytes, mask_from_bytes
from srn_core.codec.packing import codec_named
from srn_core.errors import SrnFormatError, SrnInputError

Bytes = Union[bytes, bytearray, memoryview]


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


def from_bytes(data: Bytes) -> tuple[NeuralField, ...]:
    """The fields of a file's bytes. Raises SrnFormatError where they are not a sound .srn file."""
    data = bytes(data)
    header, offset = parse(data)
    check_header(header, len(data))
    fields: list[NeuralField] = []
    for found in header.fields:
        arrays: dict[int, StoredArray] = {}
        for group in found.groups:
            packed = [data[a:b] for a, b in _spans(group.sections, offset)]
            offset += sum(len(p) for p in packed)
            arrays.update(_arrays(found, group, packed))
        valid: Optional[np.ndarray] = None
        if found.valid is not None and found.valid.section is not None:
            section = found.valid.section
            bits = _unpacked(data[offset : offset + section.packed], section)
            offset += section.packed
            valid = mask_from_bytes(bits, found.geometry.shape, found.valid.form)
        elif found.valid is not None and found.valid.same_as is not None:
            valid = fields[found.valid.same_as].valid
        names = {name: arrays[place] for place, name in enumerate(found.spec.shapes())}
        fields.append(_field(found, names, valid))
    return tuple(fields)


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


def check_header(header: FileHeader, file_bytes: int) -> None:
    """Raises SrnFormatError where the header contradicts itself or asks for more than a file of this size may."""
    seen = set()
    codes = voxels = 0
    for place, field in enumerate(header.fields):
        what = f"field '{field.name[:80]}'"
        key = (field.name, field.geometry.association, field.time, field.geometry.start)
        if key in seen:
            raise SrnFormatError(f"{what} occurs twice with the same time and place")
        seen.add(key)
        if field.geometry.samples >= limits.MAX_GRID_SAMPLES:
            raise SrnFormatError(f"{what} claims a grid of {field.geometry.dims} samples; the file is damaged")
        if len(field.value_range) != field.spec.components:
            raise SrnFormatError(
                f"{what} has {field.spec.components} components, but ranges for {len(field.value_range)}"
            )
        if any(low > high for low, high in field.value_range):
            raise SrnFormatError(f"{what} has a minimum above its maximum")
        if field.spec.components > 1 and not field.vector:
            raise SrnFormatError(f"{what} has {field.spec.components} components, but is no vector")
        codes += limits.codes_of(field.spec) + sum(sum(group.codebooks or ()) for group in field.groups)
        if codes > limits.most_codes(file_bytes):
            raise SrnFormatError(f"the file of {file_bytes} bytes claims to hold {codes} numbers; it is damaged")
        voxels += field.geometry.samples if field.valid and field.valid.section else 0
        if voxels > limits.most_mask_voxels(file_bytes):
            raise SrnFormatError(f"the file of {file_bytes} bytes claims masks of {voxels} voxels; it is damaged")
        _check_groups(field, what)
        _check_mask(header, place, what)


def _check_groups(field: FieldHeader, what: str) -> None:
    shapes = list(field.spec.shapes().values())
    places = sorted(place for group in field.groups for place in group.arrays)
    if places != list(range(len(shapes))):
        raise SrnFormatError(f"{what}: its network needs {len(shapes)} arrays, each once; the groups hold others")
    for group in field.groups:
        scales = group.steps if group.codebooks is None else group.codebooks
        if (group.steps is None) == (group.codebooks is None) or scales is None or len(scales) != len(group.arrays):
            raise SrnFormatError(f"{what}: a group needs either a step or a codebook for each of its arrays")
        if group.codebooks is not None and max(group.codebooks) > 1 << group.bits:
            raise SrnFormatError(f"{what}: a codebook has more entries than {group.bits} bits can tell apart")
        most = layout_named(group.layout).limits([shapes[place] for place in group.arrays], _code_type(group))
        if group.codebooks is not None:
            most.insert(0, 4 * sum(group.codebooks))
        if len(most) != len(group.sections):
            raise SrnFormatError(f"{what}: layout '{group.layout}' has {len(most)} sections, not {len(group.sections)}")
        for limit, section in zip(most, group.sections):
            _check_size(section, limit, what)


def _check_mask(header: FileHeader, place: int, what: str) -> None:
    field = header.fields[place]
    mask = field.valid
    if mask is None:
        return
    if (mask.section is None) == (mask.same_as is None):
        raise SrnFormatError(f"{what}: its mask has neither a section nor another field's, or both")
    if mask.section is not None:
        _check_size(mask.section, mask_bytes(field.geometry.shape, mask.form), what)
    elif mask.same_as is not None:
        other = header.fields[mask.same_as] if mask.same_as < place else None
        if other is None or other.valid is None or other.geometry.shape != field.geometry.shape:
            raise SrnFormatError(f"{what}: its mask is said to be that of a field that comes later or has no such mask")


def _check_size(section: SectionHeader, limit: int, what: str) -> None:
    codec_named(section.codec)
    if section.size > limit:
        raise SrnFormatError(f"{what}: a section claims {section.size} bytes where {limit} are the most; it is damaged")


def _code_type(group: GroupHeader) -> CodeType:
    return CodeType(group.bits, group.codebooks is None)


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
    kind = _code_type(group)
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


def _field(found: FieldHeader, arrays: dict[str, StoredArray], valid: Optional[np.ndarray]) -> NeuralField:
    return NeuralField(
        found.spec,
        arrays,
        found.geometry,
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
    )
