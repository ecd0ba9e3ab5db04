"""Sizes that files claim, checked before memory is asked for."""

from __future__ import annotations

import os
from typing import Any, Sequence

import numpy as np

from srn_core.errors import SrnInputError


def require_memory(path: str, shape: Sequence[int], dtype: Any) -> None:
    """Raises SrnInputError where an array is larger than this machine's memory, as in a damaged header."""
    nbytes = np.dtype(dtype).itemsize
    for size in shape:
        nbytes *= int(size)
    limit = physical_memory()
    if nbytes > limit:
        raise SrnInputError(
            f"'{path}' claims an array of shape {tuple(int(s) for s in shape)}, {nbytes / 1e9:.1f} GB, "
            f"more than this machine's {limit / 1e9:.1f} GB of memory"
        )


def physical_memory() -> int:
    """Bytes of memory of this machine; a high guess where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 40
