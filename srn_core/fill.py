"""Unknown voxels filled smoothly, and values that many voxels share to the bit.

What a transform sees must have no cliffs where nothing is asked for: land in an ocean, the outside of a mask. A
plateau is taken out, its voxels are filled from around, and it is put back exactly.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from srn_core.codec import Plateau

LEAST_SHARE = 0.005
"""Share of the voxels from which an exact value is a plateau: below, its mask costs more than it saves."""
RELAXATIONS = 16
"""Rounds of smoothing on each level."""
_SAMPLES = 4096
_MOST_EXACT = float(1 << 53)
"""A plateau's value is stored as float64."""


def filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values (z, y, x), float32, where unknown voxels go on smoothly from ``known`` ones (z, y, x) of bool.

    Known voxels keep their values. Unknown ones begin with the mean of what is known around them, taken as near as
    there is anything known, and are then relaxed towards the mean of their neighbours. Nothing known: zeros.
    """
    known = np.asarray(known, bool)
    start = np.where(known, values, 0).astype(np.float32)
    if known.all() or not known.any():
        return start
    # Sums in float32 keep their digits around the mean.
    mean = np.float32(start.sum(dtype=np.float64) / np.count_nonzero(known))
    start[known] -= mean
    found = _filled(start, known.astype(np.float32))
    found += mean
    np.copyto(found, values, where=known, casting="same_kind")
    return found


def plateau_of(values: np.ndarray, valid: Optional[np.ndarray] = None) -> Optional[Plateau]:
    """The commonest exact value of (z, y, x) or (z, y, x, components), where 0.5 % of the voxels hold it.

    Vectors are equal where all their components are. Only ``valid`` voxels (z, y, x) count. None: there is no such
    value, or all voxels hold it (then nothing else is left to store).
    """
    rows = values.reshape(*values.shape[:3], -1)
    places = np.arange(rows[..., 0].size) if valid is None else np.flatnonzero(valid)
    if not places.size:
        return None
    picked = places[np.random.default_rng(0).integers(0, places.size, min(_SAMPLES, 4 * places.size))]
    sample = rows.reshape(-1, rows.shape[3])[picked]
    distinct, counts = np.unique(sample, axis=0, return_counts=True)
    commonest = distinct[counts.argmax()]
    if counts.max() < 0.5 * LEAST_SHARE * picked.size or not np.all(np.abs(commonest.astype(np.float64)) < _MOST_EXACT):
        return None
    mask = rows[..., 0] == commonest[0]
    for component in range(1, rows.shape[3]):
        mask &= rows[..., component] == commonest[component]
    if valid is not None:
        mask &= valid
    count = int(np.count_nonzero(mask))
    if count < LEAST_SHARE * places.size or count == places.size:
        return None
    return Plateau(mask, tuple(float(value) for value in commonest))


def _filled(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means of weighted sums (z, y, x) where the weight is not 0, and what is smooth between them."""
    found = sums / np.maximum(weights, 1)
    unknown = weights == 0
    if not unknown.any():
        return found
    coarse = _filled(_halved(sums), _halved(weights))
    for axis, size in enumerate(sums.shape):
        coarse = coarse.take(np.arange(size) // 2, axis)
    found[unknown] = coarse[unknown]
    del coarse
    _relax(found, unknown)
    return found


def _relax(found: np.ndarray, unknown: np.ndarray) -> None:
    """Move unknown voxels to the mean of their neighbours by a face, layer by layer up and down again."""
    last = len(found) - 1
    layers = [z for z in range(len(found)) if unknown[z].any()]
    for turn in range(RELAXATIONS):
        for z in layers if turn % 2 == 0 else reversed(layers):
            wide = np.pad(found[z], 1, mode="edge")
            mean = found[max(z - 1, 0)] + found[min(z + 1, last)]
            for side in (wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]):
                mean += side
            mean *= np.float32(1 / 6)
            np.copyto(found[z], mean, where=unknown[z])


def _halved(values: np.ndarray) -> np.ndarray:
    """Sums of twos along each axis; an odd last one alone."""
    for axis, size in enumerate(values.shape):
        values = np.add.reduceat(values, np.arange(0, size, 2), axis)
    return values
