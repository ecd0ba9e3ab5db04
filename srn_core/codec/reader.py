"""The bytes of an .srn file to fields. Nothing in a file is trusted."""

from __future__ import annotations

import math
import stat
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from srn_core.atomic import PathLike
from srn_core.codec import limits
from srn_core.codec.brick_headers import check_bricks
from srn_core.codec.codebooks import codebooks_of
from srn_core.codec.container import MAGIC, Section, checked, listed, parse
from srn_core.codec.corrections_section import most_stream_bytes, opened_corrections
from srn_core.codec.field import Brick, Corrections, NeuralField, Plateau, StoredArray
from srn_core.codec.grid_points_section import opened_points
from srn_core.codec.header import (
    FILE,
    FieldHeader,
    FileHeader,
    GridPointsHeader,
    GroupHeader,
    MaskHeader,
    SectionHeader,
    sections_of,
)
from srn_core.codec.layouts import CodeType, layout_named
from srn_core.codec.lazy_arrays import LazyArrays, PendingPyramid
from srn_core.codec.mask import mask_from_bytes, most_mask_bytes
from srn_core.codec.packing import codec_named
from srn_core.codec.pyramids import codes_of
from srn_core.errors import SrnError, SrnFormatError, SrnInputError
from srn_core.grid_points import KINDS, GridPoints
from srn_core.spec import BricksSpec

Bytes = Union[bytes, bytearray, memoryview]
_Parts = Tuple[Optional[np.ndarray], Optional[Plateau], Optional[Corrections], Optional[GridPoints]]


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
    fields: list[NeuralField] = []
    bricks = 0
    for place, found in enumerate(header.fields):
        if bricks:
            bricks -= 1
            continue
        field = contents.field(place, lazy)
        if isinstance(found.spec, BricksSpec):
            bricks = found.spec.count
            field = replace(field, bricks=tuple(contents.brick(place, number + 1) for number in range(bricks)))
        fields.append(field)
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


def check_header(header: FileHeader, file_bytes: int, whole: bool = False) -> None:
    """Raises SrnFormatError where the header contradicts itself or asks for more than a file of this size may.

    ``whole``: all of the file is about to be decoded.
    """
    seen = set()
    codes: Counter[Union[str, float, None]] = Counter()
    voxels = 0
    wholes = check_bricks(header.fields)
    for place, field in enumerate(header.fields):
        owner = wholes.get(place)
        what = f"field '{(field if owner is None else owner).name[:80]}'"
        key = (field.name, field.geometry.association, field.time, field.geometry.start, field.block)
        if owner is not None:
            # Bricks are opened one by one: each may take as much as a file may.
            what, codes, voxels = f"{what}: a brick", Counter(), 0
        elif key in seen:
            raise SrnFormatError(f"{what} occurs twice with the same time and place")
        else:
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
        later = 0 if whole else _decoded_later(field)
        codes[field.time] += later
        codes["at once"] += (
            _points_claimed(field.points)
            + limits.codes_of(field.spec)
            - later
            + sum(sum(group.codebooks or ()) for group in field.groups)
        )
        claimed = max(codes.values())
        if claimed > limits.most_codes(file_bytes):
            raise SrnFormatError(f"the file of {file_bytes} bytes claims to hold {claimed} numbers; it is damaged")
        voxels += _voxels_claimed(field)
        if voxels > limits.most_mask_voxels(file_bytes):
            raise SrnFormatError(f"the file of {file_bytes} bytes claims masks of {voxels} voxels; it is damaged")
        _check_groups(field, what)
        _check_voxels(header.fields, place, what)


def _decoded_later(field: FieldHeader) -> int:
    """Codes of a field that are decoded when its time is first asked for: those of pyramids."""
    shapes = list(field.spec.shapes().values())
    places = {place for group in field.groups if group.layout == "pyramid" for place in group.arrays}
    return sum(math.prod(shape) for place, shape in enumerate(shapes) if place in places)


def _check_groups(field: FieldHeader, what: str) -> None:
    shapes = list(field.spec.shapes().values())
    places = sorted(place for group in field.groups for place in group.arrays)
    if places != list(range(len(shapes))):
        raise SrnFormatError(f"{what}: its network needs {len(shapes)} arrays, each once; the groups hold others")
    for group in field.groups:
        if group.bits > 16 and group.layout != "pyramid":
            raise SrnFormatError(f"{what}: only latents of a pyramid may have {group.bits} bits per code")
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


def _points_claimed(points: Optional[GridPointsHeader]) -> int:
    """Numbers of the positions that a field brings."""
    return 0 if points is None or points.section is None else KINDS[points.kind].count(points.dims)


def _voxels_claimed(field: FieldHeader) -> int:
    """Voxels of masks that a field brings."""
    plateau = None if field.plateau is None else field.plateau.mask
    corrected = None if field.corrections is None else field.corrections.mask
    count = sum(mask is not None and mask.section is not None for mask in (field.valid, plateau, corrected))
    if field.corrections is not None:
        count += limits.MASK_VOXELS_PER_CORRECTION * field.spec.components
    return field.geometry.samples * count


def _check_voxels(fields: Sequence[FieldHeader], place: int, what: str) -> None:
    """The masks of a field, its plateau and its corrections."""
    field = fields[place]
    if field.valid is not None:
        _check_mask(fields, place, field.valid, [other.valid for other in fields], f"{what}: its mask")
    if field.plateau is not None:
        if len(field.plateau.values) != field.spec.components:
            raise SrnFormatError(f"{what} has a plateau of {len(field.plateau.values)} components")
        masks = [None if other.plateau is None else other.plateau.mask for other in fields]
        _check_mask(fields, place, field.plateau.mask, masks, f"{what}: the mask of its plateau")
    if field.corrections is not None:
        if not field.corrections.step >= 0:
            raise SrnFormatError(f"{what} has corrections of a negative step")
        _check_mask(fields, place, field.corrections.mask, [None] * len(fields), f"{what}: the mask of its corrections")
        _check_size(field.corrections.section, most_stream_bytes(field.geometry.samples * field.spec.components), what)
    if field.points is not None:
        _check_points(fields, place, field.points, f"{what}: its grid")


def _check_points(fields: Sequence[FieldHeader], place: int, points: GridPointsHeader, what: str) -> None:
    if (points.section is None) == (points.same_as is None):
        raise SrnFormatError(f"{what} has neither points nor another field's, or both")
    if points.section is not None:
        if points.differences > (1 if points.kind == "axes" else 3):
            raise SrnFormatError(f"{what} has differences along more axes than there are")
        _check_size(points.section, _points_claimed(points) * np.dtype(points.dtype).itemsize, what)
    elif points.same_as is not None and (points.same_as >= place or fields[points.same_as].points is None):
        raise SrnFormatError(f"{what} is said to be that of a field that comes later or has no such points")


def _check_mask(
    fields: Sequence[FieldHeader], place: int, mask: MaskHeader, masks: Sequence[Optional[MaskHeader]], what: str
) -> None:
    """``masks``: those of the same kind of all fields, of which it may be one of an earlier field."""
    shape = fields[place].geometry.shape
    if (mask.section is None) == (mask.same_as is None):
        raise SrnFormatError(f"{what} has neither a section nor another field's, or both")
    if mask.section is not None:
        _check_size(mask.section, most_mask_bytes(shape, mask.form), what)
    elif mask.same_as is not None:
        known = mask.same_as < place and masks[mask.same_as] is not None
        if not known or fields[mask.same_as].geometry.shape != shape:
            raise SrnFormatError(f"{what} is said to be that of a field that comes later or has no such mask")


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


def _pending(
    field: FieldHeader, group: GroupHeader, packed: list[bytes], keep: bool
) -> Optional[dict[int, PendingPyramid]]:
    """As :func:`_arrays`, of a pyramid that is yet to be decoded; None for any other group."""
    if group.layout != "pyramid" or len(group.arrays) != 1 or group.steps is None:
        return None
    (place,), (step,), kind = group.arrays, group.steps, _code_type(group)
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
        return valid, plateau, corrections, points


def _field(
    found: FieldHeader,
    arrays: Mapping[str, StoredArray],
    valid: Optional[np.ndarray],
    plateau: Optional[Plateau],
    corrections: Optional[Corrections],
    points: Optional[GridPoints],
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
    )
