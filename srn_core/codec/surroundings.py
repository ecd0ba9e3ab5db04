"""What is known around a coefficient before it is coded, as numbers of contexts; integers only."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from srn_core.codec import magnitudes

PARENT, SIBLING = 4, 8
"""Weights of the same place one level up, and in a subband coded before; a neighbour by a face weighs 4, by an
edge 2, by a corner 1."""
SHARES = 10
"""Classes of the weighted share that is significant; the first: none."""
_PARENTS, _SIBLINGS, _KNOWN = 3, 3, 4
_KNOWN_FROM = np.array([1, 9, 25], np.int32)
"""Weights of known neighbours at which each class but the first begins."""
_KEPT = 1 << 18
"""Positions of an array up to which its places are kept: 5 MiB."""

CONTEXTS = SHARES * _PARENTS * _SIBLINGS * _KNOWN
PLACES = np.arange(CONTEXTS) // (_PARENTS * _SIBLINGS * _KNOWN)
"""(contexts,) the share of each context, which is its wider context."""
COARSE_PLACES = SHARES

LEVELS = 42
"""Classes of the magnitude that the surroundings let expect, in half octaves from 1/16 on."""
_BOUNDS = np.array([(2 + level % 2) << (level // 2) for level in range(LEVELS - 1)], np.int64)
"""32 times the mean magnitude at which each level but the first begins."""
TREND = np.array([magnitudes.prior(4 * max(0, level // 2 - 2) + 2 * (level % 2)) for level in range(LEVELS)]) // 4
"""(levels, tokens) what is expected where the surroundings are of that level; it counts a quarter of other priors."""


PARITIES = tuple(product((0, 1), repeat=3))
"""Parities of (z, y, x) in the order of the passes."""


class Places(NamedTuple):
    """Where the positions of (z, y, x) lie once a border of zeros is put around them; flat indices."""

    offsets: np.ndarray
    """(6,) to the neighbours by a face."""
    positions: np.ndarray
    """(n,) all positions in (z, y, x) order, z + y + x even, ..."""
    padded: np.ndarray
    """(n,) ... and the same ones with the border."""
    even: int
    """How many of them come first whose z + y + x is even; the others follow."""
    known: list[np.ndarray]
    """Per parity, the weighted number of neighbours (positions of that parity) in the passes before it."""


def places_of(shape: tuple[int, ...]) -> Places:
    """The places of (z, y, x); kept for the next array of that shape, unless it is huge."""
    return _kept_places(shape) if prod(shape) <= _KEPT else _places(shape)


@lru_cache(maxsize=16)
def _kept_places(shape: tuple[int, ...]) -> Places:
    return _places(shape)


def _places(shape: tuple[int, ...]) -> Places:
    z, y, x = np.indices(shape, sparse=True)
    odd = ((z + y + x) % 2).ravel()
    wide = (shape[1] + 2) * (shape[2] + 2), shape[2] + 2, 1
    padded = ((z + 1) * wide[0] + (y + 1) * wide[1] + x + 1).ravel()
    positions = np.concatenate([np.flatnonzero(odd == 0), np.flatnonzero(odd)])
    ones, known = bordered(shape), []
    for parity in PARITIES:
        known.append(around(ones, parity).astype(np.int32))
        ones[part(parity)] = 1
    offsets = np.array([*wide, *(-w for w in wide)])
    return Places(offsets, positions, padded[positions], int(np.count_nonzero(odd == 0)), known)


def bordered(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros (..., z, y, x) with a border of zeros along the last three axes: bits to be filled in, int8."""
    return np.zeros((*shape[:-3], *(size + 2 for size in shape[-3:])), np.int8)


def inner(parity: tuple[int, ...]) -> Any:
    """Index of the positions of a parity in an array without a border."""
    return (..., *(slice(odd, None, 2) for odd in parity))


def part(parity: tuple[int, ...]) -> Any:
    """Index of the positions of a parity in an array with a border."""
    return (..., *(slice(odd + 1, -1, 2) for odd in parity))


def around(bits: np.ndarray, parity: tuple[int, ...]) -> np.ndarray:
    """Weighted sum over the 26 neighbours of the positions of a parity, whose own bits are still 0.

    ``bits`` (..., z + 2, y + 2, x + 2) are int8 with a border; sums are 56 at most, and 64 on the way.
    """
    total = bits
    for axis, odd in zip((-1, -2, -3), reversed(parity)):
        size = bits.shape[axis] - 2
        after: tuple[slice, ...] = (slice(None),) * (-1 - axis)
        thirds: list[Any] = [(..., slice(odd + i, size + i, 2), *after) for i in range(3)]
        before, here, behind = (total[third] for third in thirds)
        total = before + behind
        total += here
        total += here
    return total


def beside(values: np.ndarray, padded: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sums (..., n) over the 6 neighbours by a face of places ``padded`` (n,) of ``values`` (..., with border)."""
    return np.asarray(values[..., padded + offsets[:, None]].sum(axis=-2))


def descend(parents: Optional[np.ndarray], shape: tuple[int, ...]) -> Optional[np.ndarray]:
    """The significance (bands, z, y, x) one level up, at the positions of an array of ``shape``; None where none is.

    An axis of another length is taken to be halved. Where the subbands are not as many, any of them counts.
    """
    if parents is None:
        return None
    if parents.shape[0] != shape[0]:
        parents = np.broadcast_to(parents.any(axis=0), (shape[0], *parents.shape[1:]))
    for axis in range(1, 4):
        size, length = shape[axis], parents.shape[axis]
        places = np.arange(size) // (1 if size == length else 2)
        parents = parents.take(np.minimum(places, length - 1), axis)
    return parents.astype(np.int32)


def place_contexts(
    near: np.ndarray,
    known: np.ndarray,
    above: Optional[np.ndarray],
    siblings: Optional[np.ndarray],
    bands: Union[int, np.ndarray],
) -> np.ndarray:
    """Contexts of positions (..., z, y, x), from the weighted sums of their significant and of their known neighbours.

    ``siblings`` are the sums of the bits in so many ``bands`` before theirs.
    """
    share, weight = near.astype(np.int32), known + SIBLING * bands
    last = np.searchsorted(_KNOWN_FROM, known, side="right")
    if above is not None:
        share += PARENT * above
        weight = weight + PARENT
        last = last + (1 + above) * (_SIBLINGS * _KNOWN)
    if siblings is not None:
        share += SIBLING * siblings
        last = last + np.minimum(siblings, _SIBLINGS - 1) * _KNOWN
    shares = 1 + np.minimum((SHARES - 1) * share // np.maximum(weight, 1), SHARES - 2)
    shares *= share > 0
    return np.asarray(shares * (_PARENTS * _SIBLINGS * _KNOWN) + last)


def size_contexts(total: np.ndarray, weight: Union[int, np.ndarray]) -> np.ndarray:
    """Levels of the mean magnitude around positions, a weighted sum and its weight; LEVELS where that is 0."""
    level = np.searchsorted(_BOUNDS, 32 * total // np.maximum(weight, 1), side="right")
    return np.asarray(np.where(np.asarray(weight) > 0, level, LEVELS))
