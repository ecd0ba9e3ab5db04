"""Decoded time steps that are kept within some memory: an animation that runs again decodes nothing."""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock
from typing import Any, Callable, Hashable

VARIABLE = "SRN_STEP_CACHE"
"""Environment variable: megabytes that are kept at most; 0: nothing is."""
MEGABYTES = 1024.0


class DecodedSteps:
    """Grids, or blocks of them, by what they were decoded from, those that were asked for last. Safe to use from
    several threads."""

    def __init__(self) -> None:
        self._grids: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def grid(self, key: Hashable, decode: Callable[[], Any]) -> Any:
        """The grid of a key, its arrays shared with whoever else has it; decoded where it is not kept."""
        with self._lock:
            self._drop()
            kept = self._grids.get(key)
            if kept is not None:
                self._grids.move_to_end(key)
        if kept is None:
            kept = decode()
            with self._lock:
                self._grids[key] = kept
                self._drop()
        shared = kept.NewInstance()
        shared.ShallowCopy(kept)
        return shared

    def _drop(self) -> None:
        """Let go what was not asked for longest, until what is left is no more than may be kept."""
        most = most_kilobytes()
        while self._grids and sum(int(grid.GetActualMemorySize()) for grid in self._grids.values()) > most:
            self._grids.popitem(last=False)


def most_kilobytes() -> float:
    """What may be kept, in units of 1024 bytes. What is no number in the variable counts as not said."""
    try:
        return max(0.0, float(os.environ.get(VARIABLE, MEGABYTES))) * 1024
    except ValueError:
        return MEGABYTES * 1024


SHARED = DecodedSteps()
"""Of all algorithms of this process."""
