"""Whether a file's header contradicts itself, or asks for more than a file of its size may."""

from __future__ import annotations

import math
from collections import Counter
from typing import Optional, Sequence, Union

import numpy as np

from srn_core.codec import limits
from srn_core.codec.added import check_added
from srn_core.codec.brick_headers import check_bricks
from srn_core.codec.corrections_section import most_stream_bytes
from srn_core.codec.header import (
    FieldHeader,
    FileHeader,
    GridPointsHeader,
    GroupHeader,
    MaskHeader,
    MeshHeader,
    SectionHeader,
)
from srn_core.codec.layouts import CodeType, layout_named
from srn_core.codec.mask import most_mask_bytes
from srn_core.codec.mesh_section import faces_bytes, mesh_bytes
from srn_core.codec.packing import codec_named
from srn_core.errors import SrnFormatError
from srn_core.grid_points import KINDS


def check_header(header: FileHeader, file_bytes: int, whole: bool = False) -> None:
    """Raises SrnFormatError where the header contradicts itself or asks for more than a file of this size may.

    ``whole``: all of the file is about to be decoded.
    """
    seen = set()
    codes: Counter[Union[str, float, None]] = Counter()
    voxels = 0
    depths: list[int] = []
    wholes = check_bricks(header.fields)
    for place, field in enumerate(header.fields):
        owner = wholes.get(place)
        what = f"field '{(field if owner is None else owner).name[:80]}'"
        at = field.geometry.association if field.mesh is None else f"{field.mesh.at} of a mesh"
        key = (field.name, at, field.time, field.geometry.start, field.block)
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
            + _mesh_claimed(header.fields, place)
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
        depths.append(check_added(header.fields, place, depths, what))


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
        most = layout_named(group.layout).limits([shapes[place] for place in group.arrays], code_type_of(group))
        if group.codebooks is not None:
            most.insert(0, 4 * sum(group.codebooks))
        if len(most) != len(group.sections):
            raise SrnFormatError(f"{what}: layout '{group.layout}' has {len(most)} sections, not {len(group.sections)}")
        for limit, section in zip(most, group.sections):
            _check_size(section, limit, what)


def _points_claimed(points: Optional[GridPointsHeader]) -> int:
    """Numbers of the positions that a field brings."""
    return 0 if points is None or points.section is None else KINDS[points.kind].count(points.dims)


def _mesh_claimed(fields: Sequence[FieldHeader], place: int) -> int:
    """Numbers of the mesh, and corrections at its samples, that a field brings."""
    mesh = fields[place].mesh
    if mesh is None:
        return 0
    corrected = 0 if mesh.corrections is None else _mesh_samples(fields, place) * fields[place].spec.components
    if mesh.same_as is not None:
        return corrected
    faces = 0 if mesh.faces is None else mesh.faces.polyhedra + mesh.faces.faces + mesh.faces.corners
    return corrected + 3 * mesh.points + 2 * mesh.cells + mesh.corners + faces


def _mesh_samples(fields: Sequence[FieldHeader], place: int) -> int:
    """Points or cells that a field has its samples at; 0 where the mesh is said to be another's that has none."""
    mesh = there = fields[place].mesh
    if mesh is not None and mesh.same_as is not None:
        there = fields[mesh.same_as].mesh if mesh.same_as < place else None
    return 0 if mesh is None or there is None else there.points if mesh.at == "point" else there.cells


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
    if field.mesh is not None:
        _check_mesh(fields, place, field.mesh, f"{what}: its mesh")


def _check_points(fields: Sequence[FieldHeader], place: int, points: GridPointsHeader, what: str) -> None:
    if (points.section is None) == (points.same_as is None):
        raise SrnFormatError(f"{what} has neither points nor another field's, or both")
    if points.section is not None:
        if points.differences > (1 if points.kind == "axes" else 3):
            raise SrnFormatError(f"{what} has differences along more axes than there are")
        _check_size(points.section, _points_claimed(points) * np.dtype(points.dtype).itemsize, what)
    elif points.same_as is not None and (points.same_as >= place or fields[points.same_as].points is None):
        raise SrnFormatError(f"{what} is said to be that of a field that comes later or has no such points")


def _check_mesh(fields: Sequence[FieldHeader], place: int, mesh: MeshHeader, what: str) -> None:
    if (mesh.positions is None) == (mesh.same_as is None):
        raise SrnFormatError(f"{what} has neither points nor another field's, or both")
    if mesh.same_as is not None:
        known = fields[mesh.same_as].mesh if mesh.same_as < place else None
        brings = mesh.connectivity is not None or mesh.faces is not None
        if known is None or known.positions is None or brings:
            raise SrnFormatError(f"{what} is said to be that of a field that comes later or brings none")
    else:
        for section, limit in zip((mesh.positions, mesh.connectivity), mesh_bytes(mesh)):
            if (section is None) != (limit == 0) and section is not mesh.positions:
                raise SrnFormatError(f"{what} has cells without a section, or a section without cells")
            if section is not None:
                _check_size(section, limit, what)
        if mesh.faces is not None:
            _check_size(mesh.faces.section, faces_bytes(mesh.faces), what)
    if mesh.valid is not None:
        _check_size(mesh.valid, (_mesh_samples(fields, place) + 7) // 8, what)
    if mesh.corrections is not None:
        if not mesh.corrections.step >= 0:
            raise SrnFormatError(f"{what} has corrections of a negative step")
        values = _mesh_samples(fields, place) * fields[place].spec.components
        _check_size(mesh.corrections.section, most_stream_bytes(values), what)


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


def code_type_of(group: GroupHeader) -> CodeType:
    """Of the codes of a group's arrays."""
    return CodeType(group.bits, group.codebooks is None)
