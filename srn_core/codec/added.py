"""Fields that are added to an earlier one: time steps that are stored as what has changed since the step before."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from srn_core.codec.header import FieldHeader
from srn_core.errors import SrnFormatError
from srn_core.spec import FvSrnSpec, NetworkSpec, PyramidSpec

MOST_ADDED = 63
"""Fields that are added one to the other, at most: all of them are decoded for the last one."""
MOST_WIDER = 1024.0
"""So many times wider than a field's range may the range be that it is added to, and so far from it, at most: rounding
to float32 grows with it."""

Ranges = Sequence[Sequence[float]]
"""(minimum, maximum) of each component."""


def can_be_added(spec: NetworkSpec, to: NetworkSpec) -> bool:
    """Whether latents of one can be added to those of the other: both are the values, in pyramids of the same bands."""
    if not (isinstance(spec, FvSrnSpec) and isinstance(to, FvSrnSpec)) or spec.widths or to.widths:
        return False
    if not (isinstance(spec.wavelet, PyramidSpec) and isinstance(to.wavelet, PyramidSpec)):
        return False
    same = ("half_extent", "components", "features", "grid")
    return spec.wavelet.groups == to.wavelet.groups and all(getattr(spec, n) == getattr(to, n) for n in same)


def in_other_range(ranges: Ranges, to: Ranges) -> tuple[np.ndarray, np.ndarray]:
    """(factor, offset), float64 (components,): ``factor * u + offset`` is, normalised over the ranges ``to``, the value
    that is u over ``ranges``. None of ``to`` may be of one value."""
    (low, high), (to_low, to_high) = np.array(ranges, np.float64).T, np.array(to, np.float64).T
    half = to_high / 2 - to_low / 2
    with np.errstate(all="ignore"):
        factor = (high / 2 - low / 2) / half
        return factor, ((low / 2 + high / 2) - (to_low / 2 + to_high / 2)) / half


def near_enough(ranges: Ranges, to: Ranges, most: float = MOST_WIDER) -> bool:
    """Whether values over ``ranges`` are still told apart well enough once they are normalised over ``to``."""
    if any(high <= low for low, high in to):
        return False
    return all(bool(np.all(np.abs(part) <= most)) for part in in_other_range(ranges, to))


def check_added(fields: Sequence[FieldHeader], place: int, depths: Sequence[int], what: str) -> int:
    """How many fields the one at a ``place`` is added to, one after the other; ``depths``: the same of those before it.

    Raises SrnFormatError where it does not fit what it is added to.
    """
    field = fields[place]
    if field.adds_to is None:
        return 0
    if field.adds_to >= place or field.fades is not None or fields[field.adds_to].fades is not None:
        raise SrnFormatError(f"{what} is added to a field that comes later, or to a brick; the file is damaged")
    other = fields[field.adds_to]
    if not can_be_added(field.spec, other.spec) or field.geometry != other.geometry:
        raise SrnFormatError(f"{what} is added to a field that is not of its kind; the file is damaged")
    if not near_enough(other.value_range, field.value_range):
        raise SrnFormatError(f"{what} is added to a field of a very different range; the file is damaged")
    if depths[field.adds_to] >= MOST_ADDED:
        raise SrnFormatError(f"{what} is added to more than {MOST_ADDED} fields, one after the other; it is damaged")
    return depths[field.adds_to] + 1
