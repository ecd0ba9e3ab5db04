"""Integers as tokens and bits, and what is expected of tokens before any is seen.

A magnitude below 8 is a token of its own; above, a token is an octave's quarter, and the bits below it, whose
values are nearly equally likely, follow as they are. The sign of what is not 0 is one more such bit. Thus 60
tokens reach to 2^16, and an escape for rare large values is not needed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Optional

import numpy as np

from srn_core.codec.adaptive import SEEN
from srn_core.codec.rans import Coder

DIRECT = 8
TOKENS = 60
FIRST = np.array([t if t < DIRECT else (4 + t % 4) << (t // 4 - 1) for t in range(TOKENS)], np.int64)
"""(tokens,) smallest magnitude of each token."""
EXTRA = np.array([0 if t < DIRECT else t // 4 - 1 for t in range(TOKENS)], np.int64)
"""(tokens,) bits that follow each token, without the sign."""

SHAPES = ("laplace", "normal", "flat")
SCALES = 64
PRIORS = len(SHAPES) * SCALES
"""Priors are numbered: shape * 64 + scale."""
CONFIDENCE = 96
"""Symbols that a prior counts for."""

_ONE = 1 << 32
_ROOT = 4283353945
"""2^32 times the 256th root of 1/2, rounded down, of which all powers here are made."""


_TOKENS = np.repeat(np.arange(TOKENS, dtype=np.uint8), 1 << EXTRA)
"""(65536,) token of each magnitude."""


def token_of(magnitudes: np.ndarray) -> np.ndarray:
    """(n,) int64 tokens of magnitudes (n,), 0 to 65535."""
    return _TOKENS[magnitudes].astype(np.int64)


def tails(tokens: np.ndarray, signed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(widths, numbers) of the bits that follow ``tokens`` (n,), none of them 0, of integers ``signed`` (n,)."""
    return EXTRA[tokens] + 1, ((np.abs(signed) - FIRST[tokens]) << 1) | (signed < 0)


def code(coder: Coder, tokens: np.ndarray, signed: Optional[np.ndarray]) -> np.ndarray:
    """Code what follows ``tokens`` (n,) and give the integers (n,); ``signed`` holds them for an encoder."""
    some = np.flatnonzero(tokens)
    wider = tokens[some]
    wanted = None if signed is None else tails(wider, signed[some])[1]
    tail = coder.bits(EXTRA[wider] + 1, wanted)
    magnitudes = FIRST[wider] + (tail >> 1)
    found = np.zeros(tokens.shape, np.int64)
    found[some] = np.where(tail & 1, -magnitudes, magnitudes)
    return found


@lru_cache(maxsize=PRIORS)
def prior(number: int) -> tuple[int, ...]:
    """Weights of the tokens under a density f(m / s) of the magnitude m, in units of Adaptive; they sum to about 96.

    f(t) is 2^-t ("laplace"), 2^-(t^2) ("normal"), or 1 up to 1 and 2^-8 beyond ("flat"); s runs from 1/4 up, in
    quarters of octaves: (4 + scale % 4) * 2^(scale // 4) / 16. Magnitudes of 1 and more count twice, for both signs.
    """
    shape, scale = divmod(number, SCALES)
    width = (4 + scale % 4) << (scale // 4)  # 16 s
    masses = []
    for token in range(TOKENS):
        middle = 2 * int(FIRST[token]) + (1 << int(EXTRA[token])) - 1  # 2 m
        mass = _density(shape, middle * 8, width) << int(EXTRA[token])
        masses.append(mass if token == 0 else 2 * mass)
    total = sum(masses)
    return tuple(mass * CONFIDENCE * SEEN // total for mass in masses)


def _density(shape: int, distance: int, width: int) -> int:
    """2^32 f(distance / width)."""
    if SHAPES[shape] == "flat":
        return _ONE if distance <= width else _ONE >> 8
    exponent = 256 * distance // width
    if SHAPES[shape] == "normal":
        exponent = 256 * distance * distance // (width * width)
    return _power(min(exponent, 256 * 40))


@lru_cache(maxsize=4096)
def _power(exponent: int) -> int:
    """2^32 * 2^-(exponent / 256), rounded down at every step."""
    whole, rest = divmod(exponent, 256)
    found, factor = _ONE, _ROOT
    while rest:
        if rest & 1:
            found = found * factor >> 32
        factor = factor * factor >> 32
        rest >>= 1
    return found >> whole


def best_prior(tokens: np.ndarray) -> int:
    """Number of the prior under which ``tokens`` (n,) would cost least."""
    counts = np.bincount(tokens, minlength=TOKENS)
    return int(np.argmin(_costs() @ counts))


@lru_cache(maxsize=1)
def _costs() -> np.ndarray:
    """(priors, tokens) bits, about."""
    weights = np.array([prior(number) for number in range(PRIORS)], np.float64) + 0.5
    return -np.log2(weights / weights.sum(axis=1, keepdims=True))
