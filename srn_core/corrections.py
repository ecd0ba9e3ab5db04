"""The promise of a largest error: which decoded voxels break it, and what mends them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import numpy as np

from srn_core.codec import Corrections, NeuralField
from srn_core.errors import SrnInputError
from srn_core.original_dtype import as_dtype

GUARD_SHARE, GUARD_RANGE = 1e-3, 2e-6
"""What is kept free for a decoder on another machine: shares of the bound and of the value range."""
STEP = 1.96
"""Step of the corrections in units of what an error may be: what is mended is then within it, with little to spare."""
MOST_CODE = (1 << 15) - 1
_LAYER = 1 << 20


def guard_of(bound: float, span: float) -> float:
    """By how much a decoder on another machine may differ, in the field's units, for values that span ``span``."""
    return GUARD_SHARE * bound + GUARD_RANGE * span


def corrections_for(
    truth: np.ndarray, decoded: np.ndarray, bound: float, guard: float, valid: Optional[np.ndarray] = None
) -> Optional[Corrections]:
    """What has to be added so that no voxel is further than ``bound`` from the truth; None where nothing has.

    Args:
        truth: (z, y, x) or (z, y, x, components), in the original dtype.
        decoded: as the file without corrections decodes it, in float64 (``decode(dtype="float64")``): what integers
            are rounded from counts here.
        bound: largest error, in the field's units. Integers whose error may be below 1 come back exactly.
        guard: by how much the decoder may differ elsewhere; see :func:`guard_of`.
        valid: (z, y, x) of bool, the voxels that count; None: all that are finite.

    Raises SrnInputError for a bound that float32 decoding cannot keep, or that is very far below the errors.
    """
    dtype = truth.dtype
    shape = (*truth.shape[:3], -1)
    allowed = _allowed(truth, bound, valid) - guard
    if not allowed > 0:
        raise SrnInputError(
            f"a largest error of {bound:g} is finer than decoding in float32 can promise for values of this range; "
            f"ask for more than {_least(truth, guard, bound):.2g}"
        )
    step = float(STEP * allowed)
    codes = np.zeros(truth.reshape(shape).shape, np.int32)
    wanted, found = truth.reshape(shape), decoded.reshape(shape)
    for layers in _layers(codes.shape):
        error = wanted[layers].astype(np.float64) - found[layers]
        # A NaN breaks nothing: where the truth is none, no value is asked for.
        broken = np.abs(wanted[layers] - _clipped(found[layers], dtype)) > allowed
        if valid is not None:
            broken &= valid[layers][..., None]
        needed = np.rint(error[broken] / step)
        if needed.size and np.abs(needed).max() > MOST_CODE:
            raise SrnInputError(
                f"the decoded field is up to {np.abs(error[broken]).max():.3g} from the original, too far to be "
                f"corrected to {bound:g}; ask for a larger error, or leave the network more bytes"
            )
        codes[layers][broken] = needed
        counts = None if valid is None else valid[layers]
        if not holds(wanted[layers], found[layers] + codes[layers] * step, bound, dtype, counts):
            raise SrnInputError(f"a largest error of {bound:g} cannot be kept in {dtype}; ask for a larger one")
    return Corrections(codes, step) if codes.any() else None


def kept_to(
    field: NeuralField, truth: np.ndarray, decoded: np.ndarray, bound: float, below: float = 0.0
) -> NeuralField:
    """The field with the corrections that keep a largest error; arguments and errors as :func:`corrections_for`.

    ``below``: what the ranges of all fields span together that it is added to.
    """
    guard = guard_of(bound, max(high - low for low, high in field.value_range) + below)
    return replace(field, corrections=corrections_for(truth, decoded, bound, guard, field.valid))


def holds(
    truth: np.ndarray, decoded: np.ndarray, bound: float, dtype: np.dtype[Any], valid: Optional[np.ndarray] = None
) -> bool:
    """Whether ``decoded``, once it is of the original ``dtype``, is nowhere further than ``bound`` from the truth.

    Both are (z, y, x) or (z, y, x, components); only ``valid`` voxels (z, y, x) count, by default those whose truth
    is a number. A decoded NaN breaks the promise.
    """
    shape = (*truth.shape[:3], -1)
    wanted, found = truth.reshape(shape), decoded.reshape(shape)
    for layers in _layers(wanted.shape):
        one, other = wanted[layers], found[layers]
        with np.errstate(invalid="ignore"):  # voxels that do not count are NaN
            other = other if other.dtype == dtype else as_dtype(other.astype(np.float64), dtype)
        kept = _distance(one, other) <= bound
        counts = one == one
        if valid is not None:
            counts &= valid[layers][..., None]
        if not np.all(kept | ~counts):
            return False
    return True


def _clipped(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Float64 values as far as the dtype reaches: what is beyond its limits is decoded as the limit."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(values, float(limits.min), float(limits.max))
    return np.clip(values, 0.0, 1.0) if dtype.kind == "b" else values


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """|one - other| in float64, exact for large integers too."""
    if one.dtype.kind in "iu" and one.dtype.itemsize == 8:
        apart = np.where(one > other, one.astype(np.uint64) - other.astype(np.uint64), 0)
        apart += np.where(one < other, other.astype(np.uint64) - one.astype(np.uint64), 0)
        return np.asarray(apart.astype(np.float64))
    return np.abs(one.astype(np.float64) - other.astype(np.float64))


def _allowed(truth: np.ndarray, bound: float, valid: Optional[np.ndarray]) -> float:
    """How far a number may be from the truth before it becomes one of the original dtype."""
    if truth.dtype.kind in "iub":
        return float(np.floor(bound)) + 0.5
    counted = truth if valid is None else truth[valid]
    largest = float(np.nanmax(np.abs(counted), initial=0.0))
    # Rounding to the dtype adds half of its spacing, or, where that is wider than the bound, gives the truth itself.
    return bound - min(float(np.spacing(truth.dtype.type(largest))), bound) / 2


def _least(truth: np.ndarray, guard: float, bound: float) -> float:
    """About the smallest bound that can be kept."""
    fixed = guard - GUARD_SHARE * bound
    return fixed + 0.5 if truth.dtype.kind in "iub" else 2.01 * fixed


def _layers(shape: tuple[int, ...]) -> list[slice]:
    """Layers along z of about a million values."""
    thick = max(1, _LAYER // max(int(np.prod(shape[1:])), 1))
    return [slice(z, z + thick) for z in range(0, shape[0], thick)]
