"""From decoded numbers to the dtype that the original array had."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_dtype(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Float64 values as ``dtype``: integers rounded (halves to even) and clipped to its limits, bool from 0.5."""
    if dtype.kind == "b":
        return np.asarray(values >= 0.5)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), float(limits.min), float(limits.max))
        if dtype.itemsize == 8:
            # The largest float64 below 2^63 or 2^64 is what a clip to the type's limits can round up past.
            values = np.minimum(values, np.nextafter(float(limits.max), 0.0))
        return values.astype(dtype)
    with np.errstate(over="ignore"):
        return values.astype(dtype)
