"""Masks as sections of a file: stored in the smallest form, or by telling which earlier field has the same one."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional, Sequence

import numpy as np

from srn_core.codec import limits
from srn_core.codec.container import section_header
from srn_core.codec.header import MaskHeader
from srn_core.codec.mask import FORMS, mask_to_bytes
from srn_core.codec.mask_nested import MOST_VOXELS
from srn_core.codec.packing import pack_smallest
from srn_core.errors import SrnInputError


def stored_mask(
    mask: np.ndarray, shape: tuple[int, int, int], what: str, earlier: Sequence[Optional[np.ndarray]] = ()
) -> tuple[MaskHeader, list[bytes]]:
    """What the header says of a mask, and its section if it has one of its own.

    ``earlier``: the masks of the fields before. Raises SrnInputError, naming ``what``, for no mask of ``shape``.
    """
    mask = np.asarray(mask)
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise SrnInputError(f"{what} is no array of bool of shape {shape}")
    if mask.size > limits.MAX_MASK_VOXELS:
        raise SrnInputError(f"{what}: masks of more than {limits.MAX_MASK_VOXELS} voxels cannot be stored")
    for place, other in enumerate(earlier):
        if other is not None and np.array_equal(other, mask):
            return MaskHeader(same_as=place), []
    form, codec, data, size = _smallest(np.packbits(mask).tobytes(), shape)
    return MaskHeader(form, section_header(codec, data, size)), [data]


@lru_cache(maxsize=4)
def _smallest(bits: bytes, shape: tuple[int, int, int]) -> tuple[str, str, bytes, int]:
    """(form, section codec, packed bytes, bytes once unpacked); kept, as a file is made many times until it fits."""
    mask = np.unpackbits(np.frombuffer(bits, np.uint8), count=shape[0] * shape[1] * shape[2]).reshape(shape).view(bool)
    tried = []
    for form in FORMS:
        if form != "nested" or mask.size <= MOST_VOXELS:
            data = mask_to_bytes(mask, form)
            tried.append((form, *pack_smallest(data), len(data)))
    return min(tried, key=lambda found: len(found[2]))
