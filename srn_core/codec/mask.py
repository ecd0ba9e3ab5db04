"""A mask of voxels as bytes: of (z, y, x) order, x fastest."""

from __future__ import annotations

import numpy as np

from srn_core.codec import mask_nested
from srn_core.codec.layouts import bits_from
from srn_core.errors import SrnFormatError

FORMS = ("rows", "bits", "nested")
""""rows": a bit per voxel, each row along x filled up to whole bytes, so that like rows have like bytes;
"bits": no gaps, smaller for scattered voxels and short rows; "nested": by probability, smallest for nearly all
(:mod:`srn_core.codec.mask_nested`)."""


def mask_to_bytes(mask: np.ndarray, form: str) -> bytes:
    """A (z, y, x) mask of bool; bits are most significant first, 0 where bytes are filled up."""
    if form == "nested":
        return min((mask_nested.encode(mask, cut) for cut in mask_nested.CUTS), key=len)
    return np.packbits(mask, axis=-1 if form == "rows" else None).tobytes()


def mask_from_bytes(data: bytes, shape: tuple[int, int, int], form: str) -> np.ndarray:
    """The (z, y, x) mask. Raises SrnFormatError for an unknown form or anything else than its bytes."""
    z, y, x = shape
    most = most_mask_bytes(shape, form)
    if form == "nested":
        return mask_nested.decode(data, shape)
    if len(data) != most:
        raise SrnFormatError(f"a mask of {shape} voxels has {len(data)} bytes; the file is damaged")
    if form == "bits":
        return bits_from(data, z * y * x).reshape(shape).astype(bool)
    rows = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(z, y, -1)
    if rows[:, :, x:].any():
        raise SrnFormatError("a mask has bits outside its voxels; the file is damaged")
    return rows[:, :, :x].astype(bool)


def most_mask_bytes(shape: tuple[int, int, int], form: str) -> int:
    """The most bytes of a mask; of "rows" and "bits" the only number. Raises SrnFormatError for an unknown form."""
    z, y, x = shape
    if form == "rows":
        return z * y * ((x + 7) // 8)
    if form == "bits":
        return (z * y * x + 7) // 8
    if form == "nested":
        return mask_nested.most_nested_bytes(shape)
    raise SrnFormatError(
        f"the file uses a mask form {form!r}; this release knows {', '.join(FORMS)}. "
        "It may be made by a newer release: update SRN for ParaView"
    )
