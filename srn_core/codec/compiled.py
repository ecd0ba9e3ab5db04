"""The compiled loops of the coder (:mod:`srn_core.native`), called with arrays."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from srn_core.codec.pyramid_relations import place_on
from srn_core.errors import SrnFormatError
from srn_core.native.calls import loops, place, places

_ENDS_EARLY = 1


class Cursor(NamedTuple):
    """Where a decoder is in its stream."""

    states: np.ndarray
    """(lanes,) int64; they are changed."""
    at: np.ndarray
    """(2,) int64: the lane of the next symbol, and the place of the next word; they are changed."""
    words: np.ndarray
    """(n,) int64."""

    def arguments(self) -> tuple[Any, ...]:
        """As the functions take them."""
        return place(self.states), self.states.size, place(self.at), place(self.words), self.words.size


def contexts(
    magnitudes: np.ndarray,
    signs: np.ndarray,
    shape: Sequence[int],
    odd: Sequence[int],
    kinds: np.ndarray,
    parents: Sequence[Optional[np.ndarray]],
    sums: Sequence[Optional[np.ndarray]],
    chosen: Optional[np.ndarray],
    logarithms: np.ndarray,
    layers: Sequence[np.ndarray],
    most: Sequence[int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Zero contexts, size contexts, expected signs), each (n,), of a pass over a band of ``shape``, or the ``chosen``.

    ``magnitudes`` int16 and ``signs`` int8: as :class:`srn_core.codec.pyramid_contexts.Known` has them. ``odd``: the
    parity. ``kinds`` (4, 8): weights of neighbours by the axes they lie away on. ``parents`` and ``sums``: as
    :class:`srn_core.codec.pyramid_beside.Beside` has them. ``chosen``: bool, of ``shape``. ``layers``: of the context
    network, float32. ``most``: the last context of zeros and of sizes.
    """
    z, y, x = ((n + 1 - o) // 2 for n, o in zip(shape, odd))
    count = z * y * x
    zero, size, expected = np.empty(count, np.uint8), np.empty(count, np.uint8), np.empty(count, np.int16)
    maps = [place_on(*sizes) for parent in parents[::2] if parent is not None for sizes in zip(parent.shape, shape)]
    breadths = np.array([parent.shape[1:] for parent in parents[::2] if parent is not None], np.int64)
    chosen = None if chosen is None else np.ascontiguousarray(chosen)
    lengths, band = np.array(magnitudes.shape[1:], np.int64), np.array(shape, np.int64)
    parity, bounds = np.array(odd, np.int64), np.array(most, np.float32)
    kinds = np.ascontiguousarray(kinds, np.int32)
    layers = [np.ascontiguousarray(layer, np.float32) for layer in layers]
    found = loops().srn_contexts(
        place(magnitudes),
        place(signs),
        place(lengths),
        place(band),
        place(parity),
        place(kinds),
        places(parents),
        places(maps),
        place(breadths),
        places(sums),
        None if chosen is None else place(chosen),
        place(logarithms),
        *(place(layer) for layer in layers),
        place(bounds),
        place(zero),
        place(size),
        place(expected),
    )
    if found < 0:
        raise MemoryError
    return zero[:found], size[:found], expected[:found]


def decode_adaptive(
    cursor: Cursor, prior: np.ndarray, seen: np.ndarray, learnt: int, contexts: np.ndarray
) -> np.ndarray:
    """Symbols (n,) int64 in ``contexts`` (n,): see :meth:`srn_core.codec.adaptive.Adaptive.decode`."""
    contexts = np.ascontiguousarray(contexts, np.int64)
    found = np.empty(contexts.size, np.int64)
    model = place(prior), place(seen), *prior.shape, learnt
    _check(loops().srn_decode_adaptive(*cursor.arguments(), *model, place(contexts), found.size, place(found)))
    return found


def encode_adaptive(
    prior: np.ndarray, seen: np.ndarray, learnt: int, contexts: np.ndarray, symbols: np.ndarray, runs: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """(starts, frequencies), each (n,) int64: see :meth:`srn_core.codec.adaptive.Adaptive.encode`."""
    contexts, symbols = np.ascontiguousarray(contexts, np.int64), np.ascontiguousarray(symbols, np.int64)
    lengths = np.array(runs, np.int64)
    starts, frequencies = np.empty((2, symbols.size), np.int64)
    model = place(prior), place(seen), *prior.shape, learnt, place(lengths), lengths.size
    places = (place(values) for values in (contexts, symbols, starts, frequencies))
    _check(loops().srn_encode_adaptive(*model, *places))
    return starts, frequencies


def decode_symbols(cursor: Cursor, tables: np.ndarray, models: np.ndarray) -> np.ndarray:
    """Symbols (n,) int64 whose frequencies are rows ``models`` (n,) of ``tables`` (rows, alphabet)."""
    starts = np.zeros((len(tables), tables.shape[1] + 1), np.int64)
    np.cumsum(tables, axis=1, out=starts[:, 1:])
    models = np.ascontiguousarray(models, np.int64)
    found = np.empty(models.size, np.int64)
    told = place(starts), tables.shape[1], place(models), found.size, place(found)
    _check(loops().srn_decode_symbols(*cursor.arguments(), *told))
    return found


def decode_bits(cursor: Cursor, shifts: np.ndarray) -> np.ndarray:
    """Numbers (n,) int64 of 15 bits less ``shifts`` (n,)."""
    shifts = np.ascontiguousarray(shifts, np.int64)
    found = np.empty(shifts.size, np.int64)
    _check(loops().srn_decode_bits(*cursor.arguments(), place(shifts), found.size, place(found)))
    return found


def encoded(starts: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States (lanes,) uint32 and words uint16 of symbols (steps, lanes), uint32."""
    lanes = frequencies.shape[1]
    states, words = np.empty(lanes, np.uint32), np.empty(frequencies.size, np.uint16)
    places = (place(values) for values in (starts, frequencies))
    count = loops().srn_encode(*places, frequencies.size, lanes, place(states), place(words))
    return states, words[words.size - count :]


def summed_around(
    lower: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> tuple[Optional[np.ndarray], Optional[np.ndarray], Optional[np.ndarray]]:
    """Sums of arrays (z, y, x) uint8; and of all of them and their neighbours by a face: int16, None without arrays."""
    arrays = [np.ascontiguousarray(values) for values in (*lower, *others)]
    if not arrays:
        return None, None, None
    sums = np.zeros((3, *arrays[0].shape), np.int16)
    shape = np.array(arrays[0].shape, np.int64)
    loops().srn_summed_around(places(arrays), len(lower), len(arrays), place(shape), place(sums))
    return sums[0] if lower else None, sums[1] if others else None, sums[2]


def remember(magnitudes: np.ndarray, signs: np.ndarray, odd: Sequence[int], codes: np.ndarray) -> int:
    """Add the ``codes`` (z, y, x) of parity ``odd`` to what is known; gives the sum of their magnitudes."""
    codes = np.asarray(codes, np.int32)
    lengths, parity = np.array(magnitudes.shape[1:], np.int64), np.array(odd, np.int64)
    shape = np.array(codes.shape, np.int64)
    strides = np.array(codes.strides, np.int64) // codes.itemsize
    told = (place(values) for values in (magnitudes, signs, lengths, parity, codes, shape, strides))
    return int(loops().srn_remember(*told))


def _check(outcome: int) -> None:
    if outcome == _ENDS_EARLY:
        raise SrnFormatError("an entropy-coded stream ends too early; the file is damaged")
    if outcome:
        raise MemoryError
