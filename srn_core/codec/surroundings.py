"""What is known around a coefficient before it is coded, as numbers of contexts; integers only."""

from __future__ import annotations

from typing import Optional

import numpy as np

from srn_core.codec import magnitudes

PARENT, SIBLING = 4, 8
"""Weights of the same place one level up, and in a subband coded before; a neighbour by a face weighs 4, by an
edge 2, by a corner 1."""
SHARES = 10
"""Classes of the weighted share that is significant; the first: none."""
_PARENTS, _SIBLINGS, _KNOWN = 3, 3, 4

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


def neighbours(values: np.ndarray) -> np.ndarray:
    """Weighted sum over the 26 neighbours of each entry of (z, y, x), as large, 0 beyond the border."""
    total = values
    for axis in range(3):
        shifted = 2 * total
        ahead, behind = _halves(axis)
        shifted[behind] += total[ahead]
        shifted[ahead] += total[behind]
        total = shifted
    return total - 8 * values


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
    return parents.astype(np.int64)


def place_contexts(
    near: np.ndarray, known: np.ndarray, above: Optional[np.ndarray], siblings: Optional[np.ndarray], band: int
) -> np.ndarray:
    """(n,) contexts of positions, from the weighted sums of their significant and of their known neighbours."""
    share, weight = near.copy(), known.copy()
    parent = np.zeros(near.shape, np.int64)
    sibling = np.zeros(near.shape, np.int64)
    if above is not None:
        share += PARENT * above
        weight += PARENT
        parent = 1 + above
    if siblings is not None:
        share += SIBLING * siblings
        weight += SIBLING * band
        sibling = np.minimum(siblings, _SIBLINGS - 1)
    shares = np.where(share == 0, 0, 1 + np.minimum((SHARES - 1) * share // np.maximum(weight, 1), SHARES - 2))
    knowing = np.searchsorted(np.array([1, 9, 25]), known, side="right")
    return np.asarray(((shares * _PARENTS + parent) * _SIBLINGS + sibling) * _KNOWN + knowing).ravel()


def size_contexts(
    before: np.ndarray, features: int, siblings: np.ndarray, bands: int, beside: Optional[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """(n,) levels of the weighted mean magnitude around positions; LEVELS where nothing is known.

    ``before`` is the sum (n,) over so many ``features`` at the same position, which count twice; ``siblings``
    that over the same feature in so many ``bands``; ``beside`` sum and number of the neighbours by a face.
    """
    total = 2 * before + siblings
    weight = np.full(before.shape, 2 * features + bands, np.int64)
    if beside is not None:
        total += 2 * beside[0]
        weight += 2 * beside[1]
    level = np.searchsorted(_BOUNDS, 32 * total // np.maximum(weight, 1), side="right")
    return np.where(weight > 0, level, LEVELS)


def faces(values: np.ndarray) -> np.ndarray:
    """Sum over the 6 neighbours by a face."""
    total = np.zeros_like(values)
    for axis in range(3):
        ahead, behind = _halves(axis)
        total[behind] += values[ahead]
        total[ahead] += values[behind]
    return total


def _halves(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All entries but the first, and all but the last, along an axis of three."""
    front: tuple[slice, ...] = (slice(None),) * axis
    return (*front, slice(1, None)), (*front, slice(None, -1))
