"""Probabilities that coder and decoder learn alike from what is already coded, in integers only."""

from __future__ import annotations

from typing import Optional, Sequence

import numpy as np

from srn_core.codec import compiled
from srn_core.codec.rans import TOTAL, Coder, Decoder, slots_of
from srn_core.native import calls

SEEN = 32
"""What one symbol adds to its weight; priors are in the same unit."""

FIRST_BLOCK, LARGEST_BLOCK = 32, 1 << 15
"""Symbols after which a model's tables are made anew: half as many as it has seen, within these bounds."""
_TOGETHER = 1 << 18
"""Entries of tables that are learnt at once while encoding: 2 MiB each time."""


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

    With ``coarse``, (contexts,) ascending numbers of wider contexts, each of which occurs, a context that has seen
    little leans on what was seen in its wider one, as if that had told it ``trust`` symbols.
    """

    def __init__(self, prior: np.ndarray, coarse: Optional[np.ndarray] = None, trust: int = 10) -> None:
        self._prior = np.array(prior, np.int64)
        self._coarse = None if coarse is None else np.asarray(coarse, np.int64)
        self._firsts = np.searchsorted(coarse, np.arange(len(self._prior))) if coarse is not None else None
        self._trust = trust
        rows = len(self._prior) if self._coarse is None else self._coarse.size
        self._seen = np.zeros((rows, self._prior.shape[1]), np.int64)
        self._count = 0

    def tables(self) -> np.ndarray:
        """Frequencies (contexts, alphabet) for the next symbols."""
        return self._tables(self._seen[None], np.arange(len(self._seen)))

    def decode(self, coder: Coder, contexts: np.ndarray) -> np.ndarray:
        """A run of symbols (n,) in ``contexts`` (n,), learning from them block by block."""
        if self._coarse is None and calls.there() and isinstance(coder, Decoder):
            found = coder.learnt(self._prior, self._seen, self._count, contexts)
            self._count += found.size
            return found
        found = np.zeros(contexts.size, np.int64)
        start = 0
        for size in self._blocks([contexts.size]):
            block = slice(start, start + size)
            used = np.flatnonzero(np.bincount(contexts[block], minlength=len(self._seen)))
            models = _numbered(used, len(self._seen))[contexts[block]]
            found[block] = coder.symbols(self._tables(self._seen[None], used), models, None)
            self.update(contexts[block], found[block])
            start += size
        return found

    def encode(self, contexts: np.ndarray, symbols: np.ndarray, runs: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """(starts, frequencies), both (n,), of ``symbols`` (n,) in ``contexts`` (n,), to be coded in so many ``runs``.

        As :meth:`decode` of each run, but all symbols are known: many blocks are learnt from and looked up at once.
        """
        if self._coarse is None and calls.there():
            slots = compiled.encode_adaptive(self._prior, self._seen, self._count, contexts, symbols, runs)
            self._count += symbols.size
            return slots
        sizes = self._blocks(runs)
        together = max(1, _TOGETHER // self._seen.size)
        found, start = [], 0
        for first in range(0, len(sizes), together):
            group = sizes[first : first + together]
            part = slice(start, start + sum(group))
            found.append(self._encode_blocks(contexts[part], symbols[part], group))
            start = part.stop
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return np.concatenate([starts for starts, _ in found]), np.concatenate([some for _, some in found])

    def update(self, contexts: np.ndarray, symbols: np.ndarray) -> None:
        """Learn ``symbols`` (n,), which were coded in ``contexts`` (n,)."""
        rows, alphabet = self._seen.shape
        counts = np.bincount(np.multiply(contexts, alphabet, dtype=np.int64) + symbols, minlength=rows * alphabet)
        self._seen += SEEN * counts.reshape(rows, alphabet)
        self._count += len(symbols)

    def age(self, limit: int) -> None:
        """Let what was seen weigh as much as ``limit`` symbols per context, at most."""
        total = self._seen.sum(axis=1, keepdims=True)
        if total.max() > limit * SEEN:
            self._seen = self._seen * (limit * SEEN) // np.maximum(total, limit * SEEN)

    def restart(self, context: int, prior: Sequence[int]) -> None:
        """Forget a context, which is its own wider one, and begin with another prior (alphabet,)."""
        self._prior[context], self._seen[context] = prior, 0

    def _blocks(self, runs: Sequence[int]) -> list[int]:
        """Sizes of the blocks of coming runs."""
        sizes, count = [], self._count
        for run in runs:
            while run > 0:
                size = min(max(count // 2, FIRST_BLOCK), LARGEST_BLOCK, run)
                sizes.append(size)
                count, run = count + size, run - size
        return sizes

    def _encode_blocks(
        self, contexts: np.ndarray, symbols: np.ndarray, sizes: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """:meth:`encode` of blocks, all at once."""
        rows, alphabet = self._seen.shape
        places = np.repeat(np.arange(0, len(sizes) * rows, rows), sizes) + contexts
        counts = np.bincount(places * alphabet + symbols, minlength=len(sizes) * rows * alphabet)
        counts = counts.reshape(len(sizes), rows, alphabet)
        used = np.flatnonzero(np.bincount(places))
        counts *= SEEN
        seen = np.empty_like(counts)
        for time, block in enumerate(counts):  # a cumsum along the first axis takes ten times as long
            seen[time] = self._seen
            self._seen += block
        models = _numbered(used, len(sizes) * rows)[places]
        found = slots_of(self._tables(seen, used), models, symbols)
        self._count += len(symbols)
        return found

    def _tables(self, seen: np.ndarray, used: np.ndarray) -> np.ndarray:
        """Frequencies (n, alphabet) where ``seen`` (times, contexts, alphabet) was seen.

        ``used`` (n,) are the wanted times and contexts, as numbers time * contexts + context.
        """
        rows, alphabet = self._seen.shape
        wanted, contexts = seen.reshape(-1, alphabet)[used], used % rows
        if self._coarse is None or self._firsts is None:
            return frequencies(self._prior[contexts] + wanted)
        wide = frequencies((self._prior + np.add.reduceat(seen, self._firsts, axis=1)).reshape(-1, alphabet))
        lean = wide[used // rows * len(self._prior) + self._coarse[contexts]]
        return frequencies(wanted * (TOTAL // SEEN) + lean * self._trust)


def _numbered(used: np.ndarray, count: int) -> np.ndarray:
    """(count,) int64: at each of the places ``used``, its number among them."""
    numbers = np.zeros(count, np.int64)
    numbers[used] = np.arange(used.size)
    return numbers
