"""Arrays of mostly zeros as bytes that a graph without loops unpacks: a running sum, two tables, one scatter.

Each byte is a move: so many places further on, add this number there. A table of at most 256 moves says both. The
commonest pairs of a gap and a number are one move each; the others are put together: steps that add nothing, whose
lengths are powers of two, and, of whole numbers, signed powers of two that are added at the same place.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

import numpy as np

MOST_MOVES = 256
"""Entries of the table: what one byte tells apart."""


class Moves(NamedTuple):
    """An array as moves; :func:`unpacked` says what they mean."""

    moves: np.ndarray
    """(M,) uint8: entries of the two tables."""
    steps: np.ndarray
    """(entries,) int32: how many places further on."""
    numbers: np.ndarray
    """(entries,): what is added there; int8, int16 or int32 for whole numbers, else in the array's type."""

    @property
    def nbytes(self) -> int:
        """Bytes of all three."""
        return self.moves.nbytes + self.steps.nbytes + self.numbers.nbytes


def unpacked(packed: Moves, size: int) -> np.ndarray:
    """The flat array of ``size`` numbers."""
    out = np.zeros(size, packed.numbers.dtype)
    np.add.at(out, np.cumsum(packed.steps[packed.moves]), packed.numbers[packed.moves])
    return out


def sparse_moves(values: np.ndarray) -> Optional[Moves]:
    """A flat array of fewer than 2^31 whole numbers (within int32) or finite floats as moves.

    None where it is all zero, or where floats have too many different values.
    """
    places = np.flatnonzero(values)
    if not len(places) or len(values) >= 1 << 31:
        return None
    numbers, number_of = np.unique(values[places], return_inverse=True)
    keys, pair_of, counts = np.unique(
        np.diff(places, prepend=0) * len(numbers) + number_of, return_inverse=True, return_counts=True
    )
    gaps, which = keys // len(numbers), keys % len(numbers)
    whole = values.dtype.kind in "iu"
    if len(keys) <= MOST_MOVES:
        return _tables(pair_of, gaps, numbers[which], whole)
    table: dict[tuple[int, int], int] = {}  # (step, number's place in ``alone``) -> entry
    alone = numbers
    basic = [(1 << k, -1) for k in range(int(gaps.max()).bit_length())]
    if whole:
        bits = int(np.abs(numbers.astype(np.int64)).max()).bit_length() + 1
        signed = np.array([sign << k for k in range(bits) for sign in (1, -1)], np.int64)
        alone = np.concatenate([numbers.astype(np.int64), signed])
        basic += [(0, len(numbers) + i) for i in range(len(signed))]
    else:
        basic += [(0, i) for i in range(len(numbers))]
    for pair in basic:
        table[pair] = len(table)
    if len(table) > MOST_MOVES:
        return None
    for best in np.argsort(-counts, kind="stable")[: MOST_MOVES - len(table)]:
        table.setdefault((int(gaps[best]), int(which[best])), len(table))
    spelt = _spelt(gaps, which, numbers if whole else None, table)
    lengths = np.array([len(word) for word in spelt])
    starts = np.cumsum(lengths) - lengths
    taken = lengths[pair_of]
    at = np.repeat(starts[pair_of] - (np.cumsum(taken) - taken), taken) + np.arange(taken.sum())
    moves = np.array([entry for word in spelt for entry in word])[at]
    steps, index = np.array(list(table)).T
    return _tables(moves, steps, np.where(index < 0, alone.dtype.type(0), alone[index]), whole)


def _tables(moves: np.ndarray, steps: np.ndarray, numbers: np.ndarray, whole: bool) -> Moves:
    if whole:
        most = int(np.abs(numbers.astype(np.int64)).max())
        numbers = numbers.astype(np.int8 if most < 1 << 7 else np.int16 if most < 1 << 15 else np.int32)
    return Moves(moves.astype(np.uint8), steps.astype(np.int32), numbers)


def _spelt(
    gaps: np.ndarray, which: np.ndarray, whole: Optional[np.ndarray], table: dict[tuple[int, int], int]
) -> list[list[int]]:
    """The entries that each pair of a gap and a number is put together from, as few as these few rules find.

    ``whole``: the numbers, where they may be summed.
    """
    ends: dict[int, list[int]] = {}
    for step, number in table:
        if number >= 0:
            ends.setdefault(number, []).append(step)
    words = []
    for gap, number in zip(gaps.tolist(), which.tolist()):
        last = min((s for s in ends.get(number, ()) if s <= gap), key=lambda s: bin(gap - s).count("1"), default=None)
        left = gap if last is None else gap - last
        word = [table[1 << k, -1] for k in range(left.bit_length()) if left >> k & 1]
        if last is not None:
            word.append(table[last, number])
        elif whole is not None:
            word += [table[0, len(whole) + digit] for digit in _signed_digits(int(whole[number]))]
        words.append(word)
    return words


def _signed_digits(number: int) -> list[int]:
    """2 k + (1 where negative) of the fewest signed powers of two, 2^k, that add up to a number."""
    digits, k = [], 0
    while number:
        if number & 1:
            digit = 2 - (number & 3)
            digits.append(2 * k + (digit < 0))
            number -= digit
        number >>= 1
        k += 1
    return digits
