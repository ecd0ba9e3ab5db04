"""How many lanes a stream of :mod:`srn_core.codec.rans` has, and what it costs."""

from __future__ import annotations

import numpy as np

from srn_core.codec.rans_steps import PRECISION, TOTAL

MAX_LOG_LANES = 16
MAX_STEPS = 1 << 16
"""Symbols per lane that a reader accepts: it bounds the time of a stream whose symbols cost nothing."""
_BITS_PER_LANE = 4096
"""A lane costs some 3 bytes more than its symbols; there is one per so many bits, at least (0.6 %, 0.4 % as a rule)."""
LANE_BYTES = 3
UNITS = 1024
"""Units of cost in a bit: sums of integers do not depend on their order."""
_COSTS = np.rint(UNITS * (PRECISION - np.log2(np.maximum(np.arange(TOTAL + 1), 1)))).astype(np.int64)
"""(2^15 + 1,) cost of a symbol of each frequency."""


def cost_of(frequencies: np.ndarray) -> int:
    """Units that symbols of these frequencies (n,) cost."""
    return int(_COSTS[frequencies].sum())


def log_lanes_for(bits: float, symbols: int) -> int:
    """Lanes for symbols that cost so many bits: few where they cost little, enough that steps stay few."""
    by_cost = int(bits / _BITS_PER_LANE).bit_length()
    by_steps = ((symbols - 1) // (MAX_STEPS // 2)).bit_length()
    return min(max(by_cost - 1, by_steps, 0), _log_most_lanes(symbols))


def _log_most_lanes(symbols: int) -> int:
    return min(MAX_LOG_LANES, max(0, (symbols // 64).bit_length()))


def most_bytes(symbols: int) -> int:
    """The most bytes that a stream of so many symbols can have: two per symbol, the states and one more."""
    return 1 + 2 * symbols + (4 << _log_most_lanes(symbols))
