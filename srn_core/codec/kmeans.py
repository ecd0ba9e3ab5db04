"""A codebook for an array by 1-D k-means (thesis 2.3.1)."""

from __future__ import annotations

import math
from typing import Optional

import numpy as np

from srn_core.errors import SrnMissingPackageError

MAX_CENTRES = 4096
"""Larger codebooks cost more than they win and take minutes to find."""
BINS = 8192
"""Values are gathered in this many weighted bins first: the time no longer grows with the array."""


def codebook_of(values: np.ndarray, most: int, seed: int) -> Optional[tuple[np.ndarray, np.ndarray]]:
    """(codebook of at most ``most`` float32, codes int32 in the array's shape), or None where it does not pay.

    Exact zeros get entry 0, which is then exactly 0; the other entries ascend.
    Raises SrnMissingPackageError without scikit-learn, where clustering is needed.
    """
    flat = np.asarray(values, np.float32).ravel()
    if not np.all(np.isfinite(flat)):
        return None
    distinct = np.unique(flat)
    centres = min(most, distinct.size)
    if centres > MAX_CENTRES or 32 * centres >= flat.size * (32 - math.log2(most)):
        return None
    others = flat[flat != 0.0]
    zeros = others.size < flat.size
    room = most - (1 if zeros else 0)
    kept = distinct[distinct != 0.0]
    if kept.size > room:
        kept = _centres(others, room, seed)
    codes = _nearest(kept, flat)
    if zeros:
        codes = np.where(flat == 0.0, 0, codes + 1)
        kept = np.concatenate([np.zeros(1, np.float32), kept])
    return kept.astype(np.float32), codes.reshape(np.shape(values)).astype(np.int32)


def _nearest(centres: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Index of the centre (ascending) next to each value."""
    if centres.size < 2:
        return np.zeros(values.shape, np.int64)
    borders = (centres[1:].astype(np.float64) + centres[:-1].astype(np.float64)) / 2.0
    return np.searchsorted(borders, values.astype(np.float64), side="left")


def _centres(values: np.ndarray, count: int, seed: int) -> np.ndarray:
    """At most ``count`` ascending, distinct, non-zero float32 centres of the values."""
    positions, weights = _bins(values)
    if count == 1 or positions.size <= count:
        found = positions if positions.size <= count else np.array([np.average(positions, weights=weights)])
    else:
        found = _cluster(positions, weights, count, seed)
    centres = np.unique(found.astype(np.float32))
    # The library's sums depend on its threads; means over the values themselves, taken in one order, do not.
    labels = _nearest(centres, values)
    sums = np.bincount(labels, values.astype(np.float64), centres.size)
    sizes = np.bincount(labels, minlength=centres.size)
    return np.unique((sums[sizes > 0] / sizes[sizes > 0]).astype(np.float32))


def _bins(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (means, float64) and weights (counts) of the non-empty bins."""
    data = values.astype(np.float64)
    low, high = float(data.min()), float(data.max())
    index = np.minimum(((data - low) / max(high - low, 1e-300) * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(index, minlength=BINS)
    sums = np.bincount(index, data, BINS)
    filled = counts > 0
    return sums[filled] / counts[filled], counts[filled].astype(np.float64)


def _cluster(positions: np.ndarray, weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    try:
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise SrnMissingPackageError("scikit-learn", "k-means quantisation", "train") from error
    scale = float(np.max(np.abs(positions)))
    with threadpool_limits(1):  # with several threads the order of the sums, and so the file, would vary
        model = KMeans(count, n_init=1, max_iter=100, random_state=seed % 2**32)
        model.fit((positions / scale)[:, None], sample_weight=weights)
    return np.sort(model.cluster_centers_[:, 0]) * scale
