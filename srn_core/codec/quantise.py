"""Numbers to integers and the step or codebook that turns them back (thesis 2.3.1, 5.2)."""

from __future__ import annotations

from typing import Optional

import numpy as np

from srn_core.codec.field import StoredArray
from srn_core.codec.kmeans import codebook_of
from srn_core.errors import SrnInputError

MAX_BITS = 16
METHODS = ("uniform", "kmeans")
LEVELS = {"uniform": (1, 2**15 - 1), "kmeans": (2, 2**16)}


def quantise(
    values: np.ndarray, bits: int, method: str = "uniform", seed: int = 0, levels: Optional[int] = None
) -> StoredArray:
    """Store ``values`` (any shape, real and finite) with ``bits`` (1 to 16) bits each.

    "uniform": a mid-tread, symmetric quantiser: codes from -L to L with L = 2^(bits-1) - 1, at least 1,
    and step max|x| / L rounded to float32; zero stays exactly zero. (One bit thus gives the same
    three levels as two: a sign, and zero.)

    "kmeans": a codebook of at most 2^bits float32 values (thesis 2.3.1), exact zeros being kept; an
    array with no more distinct values than that is stored exactly. Where the codebook would cost more
    than the codes save against float32, the array is quantised uniformly.

    ``levels`` takes the place of the bits where it is given: the largest code L (1 to 32767) of "uniform", the
    number of centroids (2 to 65536) of "kmeans"; the bits are then as many as that takes.

    Deterministic for a given ``seed``. Raises SrnInputError for values that are not finite, an unknown
    method or bits out of range, and SrnMissingPackageError where k-means needs scikit-learn.
    """
    values = np.asarray(values)
    if isinstance(bits, bool) or int(bits) != bits or not 1 <= bits <= MAX_BITS:
        raise SrnInputError(f"numbers are stored with 1 to {MAX_BITS} bits, not {bits}")
    if method not in METHODS:
        raise SrnInputError(f"the quantiser must be one of {', '.join(METHODS)}, not {method!r}")
    if values.dtype.kind not in "fiub" or not np.all(np.isfinite(values)):
        raise SrnInputError(
            "the network holds numbers that are not finite; it cannot be stored. Lower the learning rate"
        )
    lowest, highest = LEVELS[method]
    wrong = isinstance(levels, bool) or (levels is not None and int(levels) != levels)
    if levels is not None and (wrong or not lowest <= levels <= highest):
        raise SrnInputError(f"{method} quantisers have {lowest} to {highest} levels, not {levels}")
    if method == "kmeans":
        centroids = 2**bits if levels is None else int(levels)
        bits = (centroids - 1).bit_length()
        found = codebook_of(values, centroids, seed)
        if found is not None:
            codebook, codes = found
            return StoredArray(codes, bits, codebook=codebook)
        levels = None if levels is None else max(1, centroids // 2 - 1)
    if levels is None:
        return _uniform(values, int(bits), levels_of(int(bits)))
    return _uniform(values, int(levels).bit_length() + 1, int(levels))


def in_steps(values: np.ndarray, step: float) -> StoredArray:
    """Store ``values`` as whole numbers of a given step (rounded to float32), in as many bits as the largest takes.

    Raises SrnInputError where a value lies beyond 32767 steps.
    """
    step32 = np.float32(max(step, float(np.nextafter(np.float32(0), np.float32(1)))))
    codes = np.rint(np.asarray(values, np.float64) / float(step32))
    largest = int(np.max(np.abs(codes), initial=0.0))
    if largest > LEVELS["uniform"][1]:
        most = LEVELS["uniform"][1]
        raise SrnInputError(f"a value lies {largest} steps of {step32:g} from 0; at most {most} can be stored")
    return StoredArray(codes.astype(np.int32), max(2, largest.bit_length() + 1), step=float(step32))


def levels_of(bits: int) -> int:
    """Largest code of the uniform quantiser."""
    return max(1, 2 ** (bits - 1) - 1)


def _uniform(values: np.ndarray, bits: int, levels: int) -> StoredArray:
    largest = float(np.max(np.abs(values.astype(np.float64)))) if values.size else 0.0
    if largest == 0.0:
        return StoredArray(np.zeros(values.shape, np.int32), bits, step=1.0)
    if largest > float(np.finfo(np.float32).max):
        raise SrnInputError(f"the network holds the number {largest:g}, which float32 cannot; it cannot be stored")
    step = np.float32(largest / levels)
    if step == 0.0:
        step = np.nextafter(np.float32(0), np.float32(1))
    elif float(step) * levels > float(np.finfo(np.float32).max):
        step = np.nextafter(step, np.float32(0))
    codes = np.rint(values.astype(np.float64) / float(step))
    return StoredArray(np.clip(codes, -levels, levels).astype(np.int32), bits, step=float(step))
