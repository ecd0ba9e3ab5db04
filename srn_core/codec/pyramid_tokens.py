"""Magnitudes of coefficients, 1 and more, as tokens and bits that follow them.

A magnitude below 8 has a token of its own; above, a token is a quarter of an octave, and the bits below it follow.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from srn_core.codec.rans import Coder

DIRECT = 8
TOKENS = 92
LARGEST_CODE = (1 << 24) - 1
FIRST = np.array([t if t < DIRECT else (4 + t % 4) << (t // 4 - 1) for t in range(TOKENS)], np.int64)
"""(tokens,) smallest magnitude of each token; token 0 is never used."""
EXTRA = np.array([0 if t < DIRECT else t // 4 - 1 for t in range(TOKENS)], np.int64)
_AT_ONCE = 12


def token_of(magnitudes: np.ndarray) -> np.ndarray:
    """(n,) int64 tokens of magnitudes (n,)."""
    return np.asarray(FIRST.searchsorted(magnitudes, side="right") - 1, np.int64)


def code_rest(coder: Coder, tokens: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
    """Magnitudes (n,) int64 of ``tokens`` (n,), coding the bits that follow; ``wanted`` are an encoder's magnitudes."""
    found = FIRST[tokens]
    wide = np.flatnonzero(EXTRA[tokens])
    if wide.size:
        bits = EXTRA[tokens[wide]]
        rest = None if wanted is None else np.asarray(wanted, np.int64)[wide] - found[wide]
        upper_bits = np.maximum(bits - _AT_ONCE, 0)
        if upper_bits.any():
            upper = coder.bits(upper_bits, None if rest is None else rest >> _AT_ONCE)
            found[wide] += upper << _AT_ONCE
            rest = None if rest is None else rest & ((1 << _AT_ONCE) - 1)
        found[wide] += coder.bits(np.minimum(bits, _AT_ONCE), rest)
    return found
