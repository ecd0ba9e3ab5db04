"""How much of a time limit is left."""

from __future__ import annotations

import math
import time
from typing import Optional


def clock() -> float:
    """Seconds that go by, whatever the calendar does."""
    return time.perf_counter()


class Deadline:
    """A limit that began when this was made."""

    def __init__(self, seconds: Optional[float]) -> None:
        """``seconds``: None is no limit."""
        self._started = clock()
        self._seconds = math.inf if seconds is None else seconds

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return clock() - self._started

    def left(self) -> float:
        """Seconds until the end, 0 at least."""
        return max(self._seconds - self.elapsed(), 0.0)

    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left() == 0.0
