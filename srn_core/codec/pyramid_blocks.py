"""Blocks of a band: where nothing but zeros lies, which then costs next to nothing."""

from __future__ import annotations

from math import prod
from typing import Optional, Sequence

import numpy as np

from srn_core.codec.pyramid_relations import Relation, on_shape, stretched

BLOCK = 8
SMALL = 4 * BLOCK**3
"""Bands of up to so many coefficients have no blocks."""
_BASES = 4 * 3
_NEIGHBOURS = 4
BLOCK_CONTEXTS = _BASES * (_NEIGHBOURS + 1)
_ABOVE = (1, 8, 64)
"""Bounds of how many coefficients above a block are not zero."""


def has_blocks(shape: Sequence[int]) -> bool:
    """Whether a band of ``shape`` (z, y, x) is coded in blocks."""
    return prod(shape) > SMALL


def blocks_of(some: np.ndarray) -> np.ndarray:
    """Which blocks of (z, y, x) of bool have any set."""
    return counts(some) > 0


def counts(some: np.ndarray) -> np.ndarray:
    """How many of each block of (z, y, x) of bool are set; of numbers, their sums."""
    if some.dtype.kind == "f":
        for axis in (2, 1, 0):
            some = np.add.reduceat(some, np.arange(0, some.shape[axis], BLOCK), axis=axis)
        return some
    # Whole planes first, and rows, of 64 at most; then along the rows.
    for axis in (0, 1):
        some = _summed(some.view(np.uint8), axis)
    return np.add.reduceat(some, np.arange(0, some.shape[2], BLOCK), axis=2, dtype=np.int64)


def _summed(values: np.ndarray, axis: int) -> np.ndarray:
    """Sums of each ``BLOCK`` planes along an axis, uint8."""
    planes = np.moveaxis(values, axis, 0)
    total = planes[::BLOCK].copy()
    for place in range(1, BLOCK):
        part = planes[place::BLOCK]
        total[: len(part)] += part
    return np.moveaxis(total, 0, axis)


def spread(blocks: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Blocks as a mask of coefficients of ``shape`` (z, y, x)."""
    for axis in (2, 1, 0):
        blocks = stretched(blocks, axis, shape[axis], BLOCK)
    return blocks


def block_bases(relation: Relation, magnitudes: Sequence[np.ndarray]) -> np.ndarray:
    """What lies above each block of a band, and beside it in its siblings, as a number."""
    above = sum(counts(on_shape(magnitudes[p] != 0, relation.shape)) for p in relation.parents)
    beside = sum(blocks_of(on_shape(magnitudes[p] != 0, relation.shape)).astype(np.int64) for p in relation.lower)
    shape = tuple(-(-n // BLOCK) for n in relation.shape)
    return np.broadcast_to(np.searchsorted(_ABOVE, above, side="right") * 3 + np.minimum(beside, 2), shape)


def block_places(base: np.ndarray, found: Optional[np.ndarray]) -> np.ndarray:
    """Context of each block: by its :func:`block_bases`, and by its neighbours where half are ``found``."""
    if found is None:
        return base + _BASES * _NEIGHBOURS
    return np.asarray(_NEIGHBOURS * base + np.minimum(_beside(found), _NEIGHBOURS - 1))


def _beside(found: np.ndarray) -> np.ndarray:
    """How many of the 6 blocks by a face are set."""
    padded = np.pad(found, 1).astype(np.int64)
    near, inner = np.zeros(found.shape, np.int64), slice(1, -1)
    for shifted in (slice(None, -2), slice(2, None)):
        near += padded[shifted, inner, inner] + padded[inner, shifted, inner] + padded[inner, inner, shifted]
    return near
