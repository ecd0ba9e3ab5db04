"""Which fields of a file's header are bricks, and whether they fit the field that they are bricks of."""

from __future__ import annotations

from typing import Sequence

from srn_core.codec.header import FieldHeader
from srn_core.errors import SrnFormatError
from srn_core.spec import BricksSpec


def check_bricks(fields: Sequence[FieldHeader]) -> dict[int, FieldHeader]:
    """Place of a brick -> the field that it is a brick of. Raises SrnFormatError where one does not fit."""
    wholes: dict[int, FieldHeader] = {}
    for place, field in enumerate(fields):
        what = f"field '{field.name[:80]}'"
        if isinstance(field.spec, BricksSpec):
            if place in wholes or field.fades is not None:
                raise SrnFormatError(f"{what} is made of bricks and a brick itself; the file is damaged")
            if place + field.spec.count >= len(fields):
                raise SrnFormatError(f"{what} lacks some of its {field.spec.count} bricks; the file is damaged")
            if field.valid is not None or field.plateau is not None or field.corrections is not None:
                raise SrnFormatError(f"{what} has masks, which belong to its bricks; the file is damaged")
            for number in range(place + 1, place + 1 + field.spec.count):
                _check_brick(field, fields[number], what)
                wholes[number] = field
        elif field.fades is not None and place not in wholes:
            raise SrnFormatError(f"{what} is a brick of no field; the file is damaged")
    return wholes


def _check_brick(whole: FieldHeader, brick: FieldHeader, what: str) -> None:
    if brick.fades is None or brick.points is not None or brick.mesh is not None:
        raise SrnFormatError(f"{what}: what should be one of its bricks is none; the file is damaged")
    same = ("dtype", "vector")
    if any(getattr(whole, name) != getattr(brick, name) for name in same):
        raise SrnFormatError(f"{what} has bricks of another type; the file is damaged")
    if whole.spec.components != brick.spec.components or whole.geometry.association != brick.geometry.association:
        raise SrnFormatError(f"{what} has bricks of another kind; the file is damaged")
    for n, start, samples, first in zip(
        brick.geometry.dims, brick.geometry.start, whole.geometry.dims, whole.geometry.start
    ):
        if not first <= start <= start + n <= first + samples:
            raise SrnFormatError(f"{what} has a brick that lies outside of it; the file is damaged")
    if any(fade >= n for fade, n in zip(brick.fades, (n for n in brick.geometry.dims for _ in range(2)))):
        raise SrnFormatError(f"{what} has a brick that fades over more samples than it has; the file is damaged")
