"""Several files into one: their sections stay as they are, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Optional, Sequence

from srn_core.codec.container import frame, parse
from srn_core.codec.grid_points_section import stored_points
from srn_core.codec.header import FieldHeader, FileHeader, MaskHeader, PlateauHeader, SectionHeader, sections_of
from srn_core.codec.reader import check_header
from srn_core.codec.writer import GENERATOR
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.grid_points import GridPoints

Change = Callable[[int, FieldHeader], FieldHeader]


def joined(
    contents: Sequence[bytes],
    change: Optional[Change] = None,
    points: Optional[Sequence[Optional[GridPoints]]] = None,
) -> bytes:
    """The file that holds the fields of files, in their order.

    Masks that are the same are stored once. ``change`` is given each field's place and header, and gives back what the
    header says instead, the same sections in it; ``points``: where the grid of each field lies. Raises SrnInputError
    where the fields cannot stand in one file: two of the same name, association, time and place.
    """
    fields: list[FieldHeader] = []
    sections: list[bytes] = []
    masks: dict[tuple[Any, ...], int] = {}
    for content in contents:
        header, offset = parse(content)
        first = len(fields)
        for field in header.fields:
            place = len(fields)
            data: list[bytes] = []
            for section in sections_of(field):
                data.append(content[offset : offset + section.packed])
                offset += section.packed
            field, data = _masks_once(_moved(field, first), data, place, masks)
            fields.append(field if change is None else change(place, field))
            sections += data
            where = None if points is None else points[place]
            if points is not None and where is not None:
                described, data = stored_points(where, points[:place])
                fields[-1] = replace(fields[-1], points=described)
                sections += data
    try:
        found = FileHeader(GENERATOR, tuple(fields))
        whole = frame(found, sections)
        check_header(parse(whole)[0], len(whole))
    except SrnFormatError as error:
        raise SrnInputError(f"these cannot be stored in one .srn file: {error}") from error
    return whole


def _moved(field: FieldHeader, by: int) -> FieldHeader:
    """The field in a file where it lies so many fields further on: what it shares with earlier ones lies there too."""

    def mask(found: MaskHeader) -> MaskHeader:
        return found if found.same_as is None else replace(found, same_as=found.same_as + by)

    if field.valid is not None:
        field = replace(field, valid=mask(field.valid))
    if field.plateau is not None:
        field = replace(field, plateau=replace(field.plateau, mask=mask(field.plateau.mask)))
    if field.points is not None and field.points.same_as is not None:
        field = replace(field, points=replace(field.points, same_as=field.points.same_as + by))
    return field


def _masks_once(
    field: FieldHeader, data: list[bytes], place: int, known: dict[tuple[Any, ...], int]
) -> tuple[FieldHeader, list[bytes]]:
    """The field and its sections, without masks that an earlier field brings."""
    of_groups = sum(len(group.sections) for group in field.groups)
    kept, rest = data[:of_groups], data[of_groups:]
    for part, mask in (("valid", field.valid), ("plateau", None if field.plateau is None else field.plateau.mask)):
        if mask is None or mask.section is None:
            continue
        key = (part, field.geometry.shape, mask.form, _described(mask.section), rest[0])
        if known.setdefault(key, place) == place:
            kept.append(rest.pop(0))
            continue
        rest.pop(0)
        shared = MaskHeader(same_as=known[key])
        if part == "valid":
            field = replace(field, valid=shared)
        elif field.plateau is not None:
            field = replace(field, plateau=PlateauHeader(field.plateau.values, shared))
    return field, kept + rest


def _described(section: SectionHeader) -> tuple[str, int]:
    return section.codec, section.size
