"""How small streams of bytes will be squeezed, told from counts: to squeeze them for certain takes a hundred times
as long. Counts of arrays add up, so that every way of storing arrays together is judged from the same ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence

import numpy as np

from srn_core.codec.packing import quick_size

SHORTEST = 256
"""Bytes from which a stream is looked through for repetitions."""
HOPE = 0.85
"""What of its size the best level leaves of a stream that repeats itself and was squeezed at the quickest level."""
_TABLE, _SYMBOL = 6.0, 0.4
"""Bytes of a code table, and for each of its symbols."""


class Counts(NamedTuple):
    """What is known of a stream of bytes."""

    counts: np.ndarray
    """(256,) how often each byte occurs."""
    saved: float
    """Bytes that repetitions save over a code that knows how often bytes occur."""

    @classmethod
    def of(cls, stream: bytes) -> Counts:
        """The counts of a stream."""
        found = cls(np.bincount(np.frombuffer(stream, np.uint8), minlength=256), 0.0)
        if len(stream) < SHORTEST:
            return found
        return found._replace(saved=max(0.0, found.size - _hoped(quick_size(stream), found.size)))

    @property
    def size(self) -> float:
        """Bytes once squeezed: by a code of one bit per byte or more, such as Huffman's, and by repetitions."""
        counts = self.counts[self.counts > 0]
        total = int(counts.sum())
        bits = float(np.sum(counts * np.maximum(1.0, math.log2(max(total, 1)) - np.log2(counts))))
        return max(0.0, min(float(total), bits / 8 + _TABLE + _SYMBOL * counts.size) - self.saved)


def together(streams: Sequence[Counts]) -> Counts:
    """The counts of streams put end to end."""
    return Counts(np.sum([s.counts for s in streams], axis=0), sum(s.saved for s in streams))


def _hoped(quick: int, plain: float) -> float:
    return HOPE * quick if quick < 0.98 * plain else plain
