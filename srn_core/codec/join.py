"""Several files into one: their sections stay as they are, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Optional, Sequence, Union

from srn_core.codec.container import frame, parse
from srn_core.codec.field import NeuralField, OnMesh
from srn_core.codec.grid_points_section import stored_points
from srn_core.codec.header import (
    FieldHeader,
    FileHeader,
    MaskHeader,
    MeshHeader,
    PlateauHeader,
    SectionHeader,
    sections_of,
)
from srn_core.codec.header_check import check_header
from srn_core.codec.mesh_section import stored_on_mesh
from srn_core.codec.writer import GENERATOR
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.grid_points import GridPoints
from srn_core.spec import BricksSpec
from srn_core.volume import Geometry

Change = Callable[[int, FieldHeader], FieldHeader]
Place = Union[GridPoints, OnMesh]
"""Where samples lie that the field's own grid does not tell."""


def assembled(whole: NeuralField, bricks: Sequence[tuple[bytes, Sequence[int]]]) -> bytes:
    """The file of a field that is made of bricks, given the file of each brick, which holds it alone, and its fades.

    ``whole``: what the file says of all of it; its spec, numbers and grid points do not count. Raises SrnInputError
    where bricks do not fit it.
    """
    spec = BricksSpec(whole.geometry.half_extent, len(whole.value_range), len(bricks))
    told = {
        name: getattr(whole, name)
        for name in ("name", "dtype", "vector", "units", "time", "original_bytes", "block", "blanked")
    }
    geometry, provenance = whole.geometry.without_points, dict(whole.provenance)
    ranges = tuple((float(low), float(high)) for low, high in whole.value_range)
    fields = [FieldHeader(spec, geometry, value_range=ranges, quality=whole.quality, provenance=provenance, **told)]
    sections: list[bytes] = []
    for content, fades in bricks:
        header, offset = parse(content)
        (brick,) = header.fields
        place = Geometry(brick.geometry.dims, start=brick.geometry.start, association=brick.geometry.association)
        bare: dict[str, Any] = {"name": "", "units": "", "time": None, "quality": None, "provenance": {}, "block": ""}
        fields.append(replace(brick, geometry=place, original_bytes=0, fades=tuple(map(int, fades)), **bare))
        sections.append(content[offset:])
    return _framed(fields, sections)


def joined(
    contents: Sequence[bytes],
    change: Optional[Change] = None,
    places: Optional[Sequence[Optional[Place]]] = None,
    adds_to: Optional[Sequence[Optional[int]]] = None,
) -> bytes:
    """The file that holds the fields of files, in their order.

    Masks that are the same are stored once. ``change`` is given place and header of each field that is no brick, and
    gives back what the header says instead; ``places``: where the samples of each of these lie; ``adds_to``: the number
    of the one among them that each is added to. Raises SrnInputError where the fields cannot stand in one file: two of
    the same name, association, time and place, or one added to what it does not fit.
    """
    fields: list[FieldHeader] = []
    sections: list[bytes] = []
    masks: dict[tuple[Any, ...], int] = {}
    wholes: list[int] = []
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
            if field.fades is not None:
                fields.append(field)
                sections += data
                continue
            number = len(wholes)
            wholes.append(place)
            if places is not None:
                field, data = _placed(*_without_place(field, data), places, number, wholes)
            added = None if adds_to is None else adds_to[number]
            if added is not None:
                field = replace(field, adds_to=wholes[added])
            fields.append(field if change is None else change(number, field))
            sections += data
    return _framed(fields, sections)


def _without_place(field: FieldHeader, data: list[bytes]) -> tuple[FieldHeader, list[bytes]]:
    """The field and its sections without a mesh of its own, the corrections at its samples aside, which stay last."""
    mesh = field.mesh
    if mesh is None:
        return field, data
    parts = [part for part in (mesh.positions, mesh.connectivity, mesh.faces, mesh.valid) if part is not None]
    kept = [] if mesh.corrections is None else data[-1:]
    bare = MeshHeader(corrections=mesh.corrections) if kept else None
    return replace(field, mesh=bare), data[: len(data) - len(parts) - len(kept)] + kept


def _placed(
    field: FieldHeader, data: list[bytes], places: Sequence[Optional[Place]], number: int, wholes: Sequence[int]
) -> tuple[FieldHeader, list[bytes]]:
    """The field with where its samples lie, and its sections; ``wholes``: places of fields, bricks left out."""
    where, earlier = places[number], places[:number]
    if isinstance(where, GridPoints):
        points, more = stored_points(where, [one if isinstance(one, GridPoints) else None for one in earlier])
        same = None if points.same_as is None else wholes[points.same_as]
        return replace(field, points=replace(points, same_as=same)), data + more
    if isinstance(where, OnMesh):
        mesh, more = stored_on_mesh(where, [one if isinstance(one, OnMesh) else None for one in earlier])
        same = None if mesh.same_as is None else wholes[mesh.same_as]
        kept = None if field.mesh is None else field.mesh.corrections
        last = [] if kept is None else data[-1:]
        mesh = replace(mesh, same_as=same, corrections=kept)
        return replace(field, mesh=mesh), data[: len(data) - len(last)] + more + last
    return field, data


def _framed(fields: Sequence[FieldHeader], sections: list[bytes]) -> bytes:
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
    if field.mesh is not None and field.mesh.same_as is not None:
        field = replace(field, mesh=replace(field.mesh, same_as=field.mesh.same_as + by))
    if field.adds_to is not None:
        field = replace(field, adds_to=field.adds_to + by)
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
