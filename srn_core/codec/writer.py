"""Fields to the bytes of an .srn file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, Sequence, Union

import numpy as np

from srn_core.atomic import PathLike, write_bytes
from srn_core.codec import limits
from srn_core.codec.container import frame, parse
from srn_core.codec.corrections_section import stored_corrections
from srn_core.codec.field import NeuralField, StoredArray
from srn_core.codec.grid_points_section import stored_points
from srn_core.codec.grouping import code_type, most_bits, pyramid_of_field, smallest_groups
from srn_core.codec.header import FieldHeader, FileHeader, PlateauHeader
from srn_core.codec.header_check import check_header
from srn_core.codec.mask_section import stored_mask
from srn_core.codec.mesh_section import stored_on_mesh
from srn_core.codec.pyramid_tokens import LARGEST_CODE
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.version import __version__

GENERATOR = f"paraview-srn {__version__}"


def to_bytes(fields: Union[NeuralField, Sequence[NeuralField]]) -> bytes:
    """The whole file. The same fields give the same bytes.

    Raises SrnInputError where a field is not complete or cannot be stored: missing arrays, wrong
    shapes, codes out of range, two fields of the same name and time, ...
    """
    given = (fields,) if isinstance(fields, NeuralField) else tuple(fields)
    if not given:
        raise SrnInputError("there is no field to write")
    laid_out = [entry for field in given for entry in _with_bricks(field)]
    wanted = [field for field, _ in laid_out]
    headers: list[FieldHeader] = []
    sections: list[bytes] = []
    for place, (field, fades) in enumerate(laid_out):
        groups = smallest_groups(_checked_arrays(field), pyramid_of_field(field))
        for group in groups:
            sections += group.data
        parts, more = _voxels(wanted, place)
        sections += more
        headers.append(
            FieldHeader(
                field.spec,
                field.geometry,
                field.name,
                field.dtype,
                tuple((float(low), float(high)) for low, high in field.value_range),
                field.vector,
                field.units,
                field.time,
                field.original_bytes,
                field.quality,
                dict(field.provenance),
                tuple(group.header for group in groups),
                blanked=field.blanked,
                block=field.block,
                fades=fades,
                adds_to=_place_of(field.adds_to, wanted[:place], field.name),
                **parts,
            )
        )
    try:
        data = frame(FileHeader(GENERATOR, tuple(headers)), sections)
        check_header(parse(data)[0], len(data))
    except (SrnFormatError, TypeError, ValueError, RecursionError) as error:
        raise SrnInputError(f"this cannot be stored in an .srn file: {error}") from error
    return data


def write(path: PathLike, fields: Union[NeuralField, Sequence[NeuralField]]) -> None:
    """Write the fields to ``path``, whole or not at all. Raises SrnInputError as to_bytes and write_bytes do."""
    write_bytes(path, to_bytes(fields))


def _with_bricks(field: NeuralField) -> list[tuple[NeuralField, Optional[tuple[int, ...]]]]:
    """A field, and after it its bricks with their fades, which repeat nothing of what it says."""
    bare: dict[str, Any] = {"name": "", "units": "", "time": None, "original_bytes": 0, "quality": None, "block": ""}
    bricks = [(replace(b.open(), provenance={}, **bare), b.fades) for b in field.bricks]
    return [(field, None), *bricks]


def _place_of(other: Optional[NeuralField], earlier: Sequence[NeuralField], name: str) -> Optional[int]:
    """Where a field lies that another one is added to. Raises SrnInputError where it does not come before."""
    if other is None:
        return None
    found = next((place for place, field in enumerate(earlier) if field is other), None)
    if found is None:
        raise SrnInputError(f"field '{name}' is added to one that does not stand before it in the file; write both")
    return found


def _checked_arrays(field: NeuralField) -> list[StoredArray]:
    """The arrays in the spec's order. Raises SrnInputError where one is missing, too many, or out of its bounds."""
    shapes = field.spec.shapes()
    if set(shapes) != set(field.arrays):
        odd = sorted(set(shapes) ^ set(field.arrays))
        raise SrnInputError(f"field '{field.name}': the arrays are not those of its network; they differ in {odd}")
    if limits.codes_of(field.spec) > limits.MAX_CODES:
        raise SrnInputError(f"field '{field.name}': a network of more than {limits.MAX_CODES} numbers cannot be stored")
    for name, shape in shapes.items():
        array, what = field.arrays[name], f"field '{field.name}': array '{name}'"
        if tuple(array.codes.shape) != tuple(shape):
            raise SrnInputError(f"{what} has shape {array.codes.shape}, its network needs {shape}")
        if array.codes.dtype.kind not in "iu" or not 1 <= array.bits <= most_bits(field, name):
            raise SrnInputError(f"{what} has no codes of 1 to {most_bits(field, name)} bits")
        low, high = code_type(array).bounds
        if array.codebook is not None:
            book = np.asarray(array.codebook)
            if book.ndim != 1 or not 1 <= book.size <= high + 1 or not np.all(np.isfinite(book.astype(np.float32))):
                raise SrnInputError(f"{what} has no codebook of 1 to {high + 1} finite entries")
            high = book.size - 1
        elif array.step is None or not np.isfinite(np.float32(array.step)):
            raise SrnInputError(f"{what} has neither a finite step nor a codebook")
        low = max(low, -LARGEST_CODE)
        if array.codes.size and not low <= int(array.codes.min()) <= int(array.codes.max()) <= high:
            raise SrnInputError(f"{what} has codes outside {low}..{high}")
    return [field.arrays[name] for name in shapes]


def _voxels(fields: Sequence[NeuralField], place: int) -> tuple[dict[str, Any], list[bytes]]:
    """What the header says of a field's mask, plateau, corrections, grid points and mesh, and their sections."""
    field, what = fields[place], f"field '{fields[place].name}'"
    shape, components = field.geometry.shape, field.spec.components
    parts: dict[str, Any] = {}
    sections: list[bytes] = []
    if field.valid is not None:
        earlier = [other.valid for other in fields[:place]]
        parts["valid"], data = stored_mask(field.valid, shape, f"{what}: the mask", earlier)
        sections += data
    if field.plateau is not None:
        values = tuple(float(value) for value in field.plateau.values)
        masks = [None if other.plateau is None else other.plateau.mask for other in fields[:place]]
        mask, data = stored_mask(field.plateau.mask, shape, f"{what}: the plateau's mask", masks)
        parts["plateau"] = PlateauHeader(values, mask)
        sections += data
    if field.corrections is not None:
        parts["corrections"], data = stored_corrections(field.corrections, (*shape, components), what)
        sections += data
    if field.geometry.points is not None:
        known = [other.geometry.points for other in fields[:place]]
        parts["points"], data = stored_points(field.geometry.points, known)
        sections += data
    if field.mesh is not None:
        parts["mesh"], data = stored_on_mesh(field.mesh, [other.mesh for other in fields[:place]], components, what)
        sections += data
    return parts, sections
