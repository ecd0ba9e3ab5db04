"""The validity mask as bits: one per voxel, in (z, y, x) order, x fastest."""

from __future__ import annotations

import numpy as np

from srn_core.codec.layouts import bits_from
from srn_core.errors import SrnFormatError

FORMS = ("rows", "bits")
""""rows": each row along x is filled up to whole bytes, so that like rows have like bytes, which is far
smaller for anything with a shape; "bits": no gaps, smaller for scattered voxels and short rows."""


def mask_to_bytes(mask: np.ndarray, form: str) -> bytes:
    """Bits of a (z, y, x) mask, most significant first, 0 where bytes are filled up."""
    return np.packbits(mask, axis=-1 if form == "rows" else None).tobytes()


def mask_from_bytes(data: bytes, shape: tuple[int, int, int], form: str) -> np.ndarray:
    """The (z, y, x) mask. Raises SrnFormatError for an unknown form or anything else than its bytes."""
    z, y, x = shape
    if len(data) != mask_bytes(shape, form):
        raise SrnFormatError(f"a mask of {shape} voxels has {len(data)} bytes; the file is damaged")
    if form == "bits":
        return bits_from(data, z * y * x).reshape(shape).astype(bool)
    rows = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(z, y, -1)
    if rows[:, :, x:].any():
        raise SrnFormatError("a mask has bits outside its voxels; the file is damaged")
    return rows[:, :, :x].astype(bool)


def mask_bytes(shape: tuple[int, int, int], form: str) -> int:
    """Bytes of a mask. Raises SrnFormatError for an unknown form."""
    z, y, x = shape
    if form == "rows":
        return z * y * ((x + 7) // 8)
    if form == "bits":
        return (z * y * x + 7) // 8
    raise SrnFormatError(
        f"the file uses a mask form {form!r}; this release knows {', '.join(FORMS)}. "
        "It may be made by a newer release: update SRN for ParaView"
    )
