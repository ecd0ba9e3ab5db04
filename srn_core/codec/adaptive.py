"""Probabilities that coder and decoder learn alike from what is already coded, in integers only."""

from __future__ import annotations

from typing import Optional, Sequence

import numpy as np

from srn_core.codec.rans import TOTAL, Coder

SEEN = 32
"""What one symbol adds to its weight; priors are in the same unit."""


FIRST_BLOCK, LARGEST_BLOCK = 32, 1 << 15
"""Symbols after which a model's tables are made anew: half as many as it has seen, within these bounds."""


def frequencies(weights: np.ndarray) -> np.ndarray:
    """Tables (rows, alphabet) int64 that sum to 2^15, every entry at least 1, nearly in proportion to ``weights``.

    ``weights`` are (rows, alphabet) integers, 0 or more, below 2^47; a row has a positive sum, or is flat.
    What rounding leaves over goes to a row's first largest entry.
    """
    weights = np.asarray(weights, np.int64)
    weights = weights + (weights.sum(axis=1, keepdims=True) == 0)
    spread = TOTAL - weights.shape[1]
    tables = 1 + weights * spread // weights.sum(axis=1, keepdims=True)
    tables[np.arange(len(tables)), tables.argmax(axis=1)] += TOTAL - tables.sum(axis=1)
    return np.asarray(tables, np.int64)


class Adaptive:
    """Tables of one row per context: the prior and what was seen in the context.

    With ``coarse``, (contexts,) numbers of wider contexts, a context that has seen little leans on what was
    seen in its wider one, as if that had told it ``trust`` symbols.
    """

    def __init__(self, prior: np.ndarray, coarse: Optional[np.ndarray] = None, trust: int = 10) -> None:
        self._prior = np.array(prior, np.int64)
        self._coarse = None if coarse is None else np.asarray(coarse, np.int64)
        self._trust = trust
        rows = len(self._prior) if self._coarse is None else self._coarse.size
        self._seen = np.zeros((rows, self._prior.shape[1]), np.int64)
        self._count = 0

    def tables(self) -> np.ndarray:
        """Frequencies (contexts, alphabet) for the next symbols."""
        if self._coarse is None:
            return frequencies(self._prior + self._seen)
        wide = self._prior.copy()
        np.add.at(wide, self._coarse, self._seen)
        return frequencies(self._seen * (TOTAL // SEEN) + frequencies(wide)[self._coarse] * self._trust)

    def code(self, coder: Coder, contexts: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Code symbols in ``contexts`` (n,), learning from them block by block; ``wanted`` as a Coder has it."""
        found = np.zeros(contexts.size, np.int64)
        start = 0
        while start < contexts.size:
            size = min(max(self._count // 2, FIRST_BLOCK), LARGEST_BLOCK)
            block = slice(start, min(start + size, contexts.size))
            found[block] = coder.symbols(self.tables(), contexts[block], None if wanted is None else wanted[block])
            self.update(contexts[block], found[block])
            start = block.stop
        return found

    def update(self, contexts: np.ndarray, symbols: np.ndarray) -> None:
        """Learn ``symbols`` (n,), which were coded in ``contexts`` (n,)."""
        rows, alphabet = self._seen.shape
        counts = np.bincount(contexts * alphabet + symbols, minlength=rows * alphabet)
        self._seen += SEEN * counts.reshape(rows, alphabet)
        self._count += len(symbols)

    def age(self, limit: int) -> None:
        """Let what was seen weigh as much as ``limit`` symbols per context, at most."""
        total = np.maximum(self._seen.sum(axis=1, keepdims=True), limit * SEEN)
        self._seen = self._seen * (limit * SEEN) // total

    def restart(self, context: int, prior: Sequence[int]) -> None:
        """Forget a context, which is its own wider one, and begin with another prior (alphabet,)."""
        self._prior[context], self._seen[context] = prior, 0
