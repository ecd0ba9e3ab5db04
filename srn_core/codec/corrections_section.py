"""Corrections of voxels as two sections, which voxels and their codes by probability; of a mesh's samples as one."""

from __future__ import annotations

import math

import numpy as np

from srn_core.codec.container import section_header
from srn_core.codec.entropy import Entropy
from srn_core.codec.field import Corrections
from srn_core.codec.header import CorrectionsHeader, MeshCorrectionsHeader
from srn_core.codec.layout import CodeType
from srn_core.codec.mask_section import stored_mask
from srn_core.codec.packing import pack_smallest
from srn_core.errors import SrnInputError

CODES = CodeType(16, signed=True)
MOST_CODE = CODES.bounds[1]


def stored_corrections(
    corrections: Corrections, shape: tuple[int, int, int, int], what: str
) -> tuple[CorrectionsHeader, list[bytes]]:
    """What the header says of corrections (z, y, x, components), and their two sections.

    Raises SrnInputError for codes of other shapes, types or sizes; ``what`` names the field.
    """
    codes = _checked(corrections, shape, what)
    some = codes.any(axis=3)
    mask, data = stored_mask(some, shape[:3], f"{what}: the corrections' mask")
    stream = Entropy().split([codes[some].T], CODES)[0]
    codec, packed = pack_smallest(stream)
    return CorrectionsHeader(float(corrections.step), mask, section_header(codec, packed, len(stream))), [*data, packed]


def stored_on_samples(
    corrections: Corrections, shape: tuple[int, int], what: str
) -> tuple[MeshCorrectionsHeader, bytes]:
    """What the header says of corrections of samples (samples, components), and their section. Raises as above.

    All codes are in it: a zero among zeros takes a small part of a bit, as a mask of scattered samples would.
    """
    (stream,) = Entropy().split([_checked(corrections, shape, what).T], CODES)
    codec, packed = pack_smallest(stream)
    return MeshCorrectionsHeader(float(corrections.step), section_header(codec, packed, len(stream))), packed


def opened_on_samples(stream: bytes, shape: tuple[int, int], step: float) -> Corrections:
    """The corrections of samples (samples, components). Raises SrnFormatError where the stream does not fit them."""
    samples, components = shape
    (codes,) = Entropy().join([stream], [(components, samples)], CODES)
    return Corrections(np.ascontiguousarray(codes.T.astype(np.int32)), step)


def _checked(corrections: Corrections, shape: tuple[int, ...], what: str) -> np.ndarray:
    codes = np.asarray(corrections.codes)
    if codes.shape != shape or codes.dtype.kind not in "iu":
        raise SrnInputError(f"{what}: the corrections are no integers of shape {shape}")
    if codes.size and max(int(codes.max()), -int(codes.min())) > MOST_CODE:
        raise SrnInputError(f"{what} has corrections beyond {MOST_CODE} steps")
    if not (math.isfinite(corrections.step) and corrections.step >= 0):
        raise SrnInputError(f"{what}: the step of its corrections is not finite, or negative")
    return codes


def opened_corrections(stream: bytes, mask: np.ndarray, components: int, step: float) -> Corrections:
    """The corrections of the voxels of a (z, y, x) mask. Raises SrnFormatError where the stream does not fit it."""
    count = int(np.count_nonzero(mask))
    codes = np.zeros((*mask.shape, components), np.int32)
    codes[mask] = Entropy().join([stream], [(components, count)], CODES)[0].T
    return Corrections(codes, step)


def most_stream_bytes(values: int) -> int:
    """The most bytes that the codes of so many values have."""
    return Entropy().limits([(values,)], CODES)[0]
