"""The validity mask as bits: one per voxel, in (z, y, x) order, x fastest."""

from __future__ import annotations

import numpy as np

from srn_core.codec.layouts import bits_from
from srn_core.errors import SrnFormatError

FORMS = ("bits", "edges")
""""bits": the mask itself; "edges": each slice xor the one before it along z, then each row xor the
one before it along y, which leaves only the outlines of what is masked."""


def mask_to_bytes(mask: np.ndarray, form: str) -> bytes:
    """Bits of a (z, y, x) mask, most significant first."""
    data = np.asarray(mask, bool)
    if form == "edges":
        data = data.copy()
        data[1:] ^= mask[:-1]
        data[:, 1:] ^= data[:, :-1].copy()
    return np.packbits(data).tobytes()


def mask_from_bytes(data: bytes, shape: tuple[int, int, int], form: str) -> np.ndarray:
    """The (z, y, x) mask. Raises SrnFormatError for an unknown form or the wrong number of bytes."""
    if form not in FORMS:
        raise SrnFormatError(
            f"the file uses a mask form {form!r}; this release knows {', '.join(FORMS)}. "
            "It may be made by a newer release: update SRN for ParaView"
        )
    mask = bits_from(data, shape[0] * shape[1] * shape[2]).reshape(shape).astype(bool)
    if form == "edges":
        np.logical_xor.accumulate(mask, axis=1, out=mask)
        np.logical_xor.accumulate(mask, axis=0, out=mask)
    return mask


def mask_bytes(shape: tuple[int, int, int]) -> int:
    """Bytes of a mask's bits."""
    return (shape[0] * shape[1] * shape[2] + 7) // 8
