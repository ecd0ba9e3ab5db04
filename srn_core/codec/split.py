"""Some fields of a file as a file of their own: their sections stay as they are, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List, Optional

from srn_core.codec.container import frame, parse
from srn_core.codec.header import FieldHeader, FileHeader, MaskHeader, sections_of
from srn_core.codec.header_check import check_header
from srn_core.codec.writer import GENERATOR
from srn_core.errors import SrnInputError

_Sections = Dict[str, List[bytes]]
"""Of one field, by what they hold; in the order of the file."""


def chosen_fields(content: bytes, wanted: Callable[[FieldHeader], bool]) -> bytes:
    """The file of those fields that are ``wanted``; bricks go with what they are bricks of.

    What they share with fields that are left out, masks, points and meshes, they bring along, once.

    Raises:
        SrnInputError: where no field is wanted, or one without that to which it is added.
        SrnFormatError: for bytes that are no sound file.
    """
    header, offset = parse(content)
    check_header(header, len(content))
    fields, parts = header.fields, []
    for field in fields:
        found: _Sections = {}
        for section, name in zip(sections_of(field), _names(field)):
            found.setdefault(name, []).append(content[offset : offset + section.packed])
            offset += section.packed
        parts.append(found)
    chosen: list[FieldHeader] = []
    sections: list[bytes] = []
    homes: dict[tuple[str, int], int] = {}
    numbers: dict[int, int] = {}
    take = False
    for place, field in enumerate(fields):
        take = take if field.fades is not None else wanted(field)
        if not take:
            continue
        numbers[place] = len(chosen)
        if field.adds_to is not None:
            if field.adds_to not in numbers:
                raise SrnInputError(f"array '{field.name}' is stored as the difference to one that would be left out")
            field = replace(field, adds_to=numbers[field.adds_to])
        moved, own = _moved(field, place, len(chosen), fields, parts, homes)
        chosen.append(moved)
        sections += [data for name in _ORDER for data in own.get(name, [])]
    if not chosen:
        raise SrnInputError("no field of the file is wanted")
    return frame(FileHeader(GENERATOR, tuple(chosen)), sections)


_ORDER = ("groups", "valid", "plateau", "corrections", "points", "mesh", "samples")


def _names(field: FieldHeader) -> list[str]:
    """What each of a field's sections belongs to."""
    found = ["groups"] * sum(len(group.sections) for group in field.groups)
    found += ["valid"] * _has(field.valid)
    found += ["plateau"] * (0 if field.plateau is None else _has(field.plateau.mask))
    if field.corrections is not None:
        found += ["corrections"] * (1 + _has(field.corrections.mask))
    found += ["points"] * (field.points is not None and field.points.section is not None)
    if field.mesh is not None:
        whole = (field.mesh.positions, field.mesh.connectivity, field.mesh.faces)
        found += ["mesh"] * sum(part is not None for part in whole)
        found += ["samples"] * sum(part is not None for part in (field.mesh.valid, field.mesh.corrections))
    return found


def _has(mask: Optional[MaskHeader]) -> int:
    return int(mask is not None and mask.section is not None)


def _moved(
    field: FieldHeader,
    place: int,
    at: int,
    fields: tuple[FieldHeader, ...],
    parts: list[_Sections],
    homes: dict[tuple[str, int], int],
) -> tuple[FieldHeader, _Sections]:
    """The field ``place`` as the field ``at`` of the new file, and its sections.

    ``homes``: what, and of which field of the old file -> the field of the new one that brings it.
    """
    own = dict(parts[place])

    def there(what: str, same_as: Optional[int]) -> tuple[Optional[int], int]:
        """The field of the new file that brings something, or None where this one does; whose it was in the old one."""
        source = place if same_as is None else same_as
        home = homes.setdefault((what, source), at)
        if home != at:
            return home, source
        own[what] = parts[source].get(what, [])
        return None, source

    if field.valid is not None:
        home, source = there("valid", field.valid.same_as)
        other = fields[source].valid
        field = replace(field, valid=other if home is None else MaskHeader(same_as=home))
    if field.plateau is not None:
        home, source = there("plateau", field.plateau.mask.same_as)
        flat = fields[source].plateau
        assert flat is not None
        field = replace(
            field, plateau=replace(field.plateau, mask=flat.mask if home is None else MaskHeader(same_as=home))
        )
    if field.points is not None:
        home, source = there("points", field.points.same_as)
        points = fields[source].points
        assert points is not None
        field = replace(field, points=points if home is None else replace(type(points)(), same_as=home))
    if field.mesh is not None:
        home, source = there("mesh", field.mesh.same_as)
        mesh = fields[source].mesh
        assert mesh is not None
        mesh = mesh if home is None else replace(type(mesh)(), same_as=home)
        kept = {name: getattr(field.mesh, name) for name in ("at", "valid", "corrections")}
        field = replace(field, mesh=replace(mesh, **kept))
    return field, own
