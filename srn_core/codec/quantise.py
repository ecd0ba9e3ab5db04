"""Numbers to integers and the step or codebook that turns them back (thesis 2.3.1, 5.2)."""

from __future__ import annotations

import numpy as np

from srn_core.codec.field import StoredArray
from srn_core.codec.kmeans import codebook_of
from srn_core.errors import SrnInputError

MAX_BITS = 16
METHODS = ("uniform", "kmeans")


def quantise(values: np.ndarray, bits: int, method: str = "uniform", seed: int = 0) -> StoredArray:
    """Store ``values`` (any shape, real and finite) with ``bits`` (1 to 16) bits each.

    "uniform": a mid-tread, symmetric quantiser: codes from -L to L with L = 2^(bits-1) - 1, at least 1,
    and step max|x| / L rounded to float32; zero stays exactly zero. (One bit thus gives the same
    three levels as two: a sign, and zero.)

    "kmeans": a codebook of at most 2^bits float32 values (thesis 2.3.1), exact zeros being kept; an
    array with no more distinct values than that is stored exactly. Where the codebook would cost more
    than the codes save against float32, the array is quantised uniformly.

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
    if method == "kmeans":
        found = codebook_of(values, int(bits), seed)
        if found is not None:
            codebook, codes = found
            return StoredArray(codes, int(bits), codebook=codebook)
    return _uniform(values, int(bits))


def levels_of(bits: int) -> int:
    """Largest code of the uniform quantiser."""
    return max(1, 2 ** (bits - 1) - 1)


def _uniform(values: np.ndarray, bits: int) -> StoredArray:
    levels = levels_of(bits)
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
