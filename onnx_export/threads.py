"""How many CPU threads decode."""

from __future__ import annotations

import os
from typing import Optional

from srn_core.errors import SrnInputError

VARIABLE = "SRN_THREADS"


def thread_count(wanted: Optional[int] = None) -> int:
    """``wanted``; else what the environment variable SRN_THREADS says; else as many as this process may use.

    Threads live as long as one call decodes, and none of them waits by spinning, so that ParaView's own lose nothing
    while nothing is decoded. Raises SrnInputError for a number below 1.
    """
    if wanted is None:
        text = os.environ.get(VARIABLE, "").strip()
        if not text:
            return _usable_cpus()
        try:
            wanted = int(text)
        except ValueError:
            raise SrnInputError(f"the environment variable {VARIABLE} must be a whole number, not '{text}'") from None
        if wanted < 1:
            raise SrnInputError(f"the environment variable {VARIABLE} must be at least 1, not {wanted}")
    if wanted < 1:
        raise SrnInputError(f"threads must be at least 1, not {wanted}")
    return wanted


def _usable_cpus() -> int:
    """CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
