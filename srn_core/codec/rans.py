"""Interleaved rANS: symbols to bytes at the cost of their probabilities, in integers only.

A range variant of asymmetric numeral systems (Duda 2013) with several states ("lanes") that take turns:
symbol i of a stream belongs to lane i mod lanes, so that a run of as many symbols is one vectorised step.
A state x is in [2^16, 2^32). A symbol whose slots are ``start .. start + frequency`` of 2^15 is decoded by

    slot = x mod 2^15;  x = frequency * (x div 2^15) + slot - start;  if x < 2^16: x = 2^16 x + next word

and encoded by the inverse, last symbol first. Every lane starts to encode from 2^16, so the decoder must end
there with no word left: 16 bits per lane that show damage, for free.

The models may look at whatever was coded before: :class:`Encoder` and :class:`Decoder` take symbols in any
number of calls, and both are a :class:`Coder`, so that a model can be written once for both directions. An encoder,
which knows what comes, may also take many symbols at once by their slots.

Bytes of a stream: none where it has no symbols; else one byte log2(lanes), the states (uint32), the words
(uint16), all little-endian.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Optional

import numpy as np

from srn_core.codec import compiled
from srn_core.codec.rans_lanes import LANE_BYTES, MAX_LOG_LANES, MAX_STEPS, UNITS, cost_of, log_lanes_for
from srn_core.codec.rans_steps import (
    FEW_LANES,
    LOWEST,
    PRECISION,
    TOTAL,
    encoded,
    encoded_singly,
    numbers_singly,
    symbols_singly,
)
from srn_core.errors import SrnFormatError
from srn_core.native import calls


class Coder(ABC):
    """Either direction; what is coded comes back, so that a model goes on from the same numbers in both."""

    @abstractmethod
    def symbols(self, tables: np.ndarray, models: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Code one symbol per entry of ``models`` (n,), row numbers of ``tables`` (rows, alphabet).

        Rows are frequencies that sum to 2^15. ``wanted`` (n,) is what to encode; a decoder passes it over.
        Gives the symbols (n,) int64. An encoder raises ValueError for a symbol of frequency 0, a decoder
        SrnFormatError where the stream ends.
        """

    @abstractmethod
    def bits(self, widths: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Code numbers of ``widths`` (n,) bits, 0 to 15, whose values are all equally likely; else as symbols."""


class Encoder(Coder):
    """Gathers symbols; :meth:`finish` makes the stream."""

    def __init__(self) -> None:
        self._starts: list[np.ndarray] = []
        self._frequencies: list[np.ndarray] = []
        self._count = self._cost = 0

    def symbols(self, tables: np.ndarray, models: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Take the symbols ``wanted``."""
        found = _required(wanted)
        self.take(*slots_of(tables, models, found))
        return found

    def bits(self, widths: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Take the numbers ``wanted``."""
        found, shifts = _required(wanted), PRECISION - np.asarray(widths, np.int64)
        self.take(found << shifts, np.int64(1) << shifts)
        return found

    def take(self, starts: np.ndarray, frequencies: np.ndarray) -> None:
        """Take symbols (n,) by their slots. Raises ValueError for a frequency of 0."""
        if frequencies.size and int(frequencies.min()) < 1:
            raise ValueError("a symbol of frequency 0 cannot be encoded")
        # Millions of symbols wait for the last: both are at most 2^15.
        self._starts.append(starts.astype(np.uint16))
        self._frequencies.append(frequencies.astype(np.uint16))
        self._count += frequencies.size
        self._cost += cost_of(frequencies)

    def extend(self, other: Encoder) -> None:
        """Take the symbols of another encoder."""
        self._starts += other._starts
        self._frequencies += other._frequencies
        self._count += other._count
        self._cost += other._cost

    @property
    def cost(self) -> float:
        """Bits of all symbols so far."""
        return self._cost / UNITS

    @property
    def size(self) -> float:
        """Bytes of :meth:`finish`, about: they are soon told, the stream is not soon made."""
        lanes = LANE_BYTES << log_lanes_for(self.cost, self._count)
        return 1 + lanes + self.cost / 8 if self._count else 0.0

    def finish(self) -> bytes:
        """The stream of all symbols so far."""
        if not self._count:
            return b""
        log_lanes = log_lanes_for(self.cost, self._count)
        in_python = encoded_singly if log_lanes <= FEW_LANES else encoded
        encode_all = compiled.encoded if calls.there() else in_python
        starts = _by_lanes(self._starts, log_lanes, 0)
        states, words = encode_all(starts, _by_lanes(self._frequencies, log_lanes, TOTAL))
        return bytes([log_lanes]) + states.astype("<u4").tobytes() + words.astype("<u2").tobytes()


class Decoder(Coder):
    """Gives the symbols of a stream back. Raises SrnFormatError where the stream is not one."""

    def __init__(self, data: bytes) -> None:
        self._lanes = 0
        self._taken = 0
        self._place = 0
        self._states = np.zeros(0, np.int64)
        self._words = np.zeros(0, np.int64)
        self._listed: list[int] = []
        if not data:
            return
        if data[0] > MAX_LOG_LANES or len(data) < 1 + (4 << data[0]) or len(data) % 2 == 0:
            raise SrnFormatError("an entropy-coded stream has no sound beginning; the file is damaged")
        self._lanes = 1 << data[0]
        self._states = np.frombuffer(data, "<u4", self._lanes, 1).astype(np.int64)
        self._words = np.frombuffer(data[1 + 4 * self._lanes :], "<u2").astype(np.int64)
        if data[0] <= FEW_LANES and not calls.there():
            self._listed = self._words.tolist()
        if int(self._states.min()) < LOWEST:
            raise SrnFormatError("an entropy-coded stream begins with a state out of bounds; the file is damaged")

    def symbols(self, tables: np.ndarray, models: np.ndarray, wanted: Optional[np.ndarray] = None) -> np.ndarray:
        """The next symbols."""
        if calls.there():
            return self._compiled(compiled.decode_symbols, models.size, tables, models)
        alphabet = tables.shape[1]
        frequencies = tables.astype(np.int64)
        starts = np.cumsum(frequencies, axis=1) - frequencies
        # One ascending list for all rows: a search for row and slot at once finds the last symbol that starts
        # at or before the slot, and never one of frequency 0, which starts where the next one does.
        keys = (starts + (np.arange(len(tables), dtype=np.int64) << PRECISION)[:, None]).ravel()
        bases = np.asarray(models, np.int64) << PRECISION
        starts, frequencies = starts.ravel(), frequencies.ravel()
        if self._lanes <= 1 << FEW_LANES:
            return self._singly(symbols_singly, bases, keys.tolist(), frequencies.tolist()) % alphabet
        found = np.empty(bases.size, np.int64)
        if alphabet == 2:
            self._decode_either(tables.astype(np.int64)[:, 0][models], found)
            return found
        for run, lanes in self._steps(bases.size):
            states = self._states[lanes]
            slots = states & (TOTAL - 1)
            places = keys.searchsorted(bases[run] + slots, side="right") - 1
            found[run] = places
            self._advance(lanes, frequencies[places] * (states >> PRECISION) + slots - starts[places])
        return found % alphabet

    def _decode_either(self, bounds: np.ndarray, found: np.ndarray) -> None:
        """The next symbols, each 0 or 1, of which 0 has the first ``bounds`` (n,) slots: no search is needed."""
        for run, lanes in self._steps(bounds.size):
            states, bound = self._states[lanes], bounds[run]
            slots, whole = states & (TOTAL - 1), states >> PRECISION
            second = slots >= bound
            found[run] = second
            whole *= bound
            self._advance(lanes, np.where(second, states - whole - bound, whole + slots))

    def bits(self, widths: np.ndarray, wanted: Optional[np.ndarray] = None) -> np.ndarray:
        """The next numbers."""
        shifts = PRECISION - np.asarray(widths, np.int64)
        if calls.there():
            return self._compiled(compiled.decode_bits, shifts.size, shifts)
        if self._lanes <= 1 << FEW_LANES:
            return self._singly(numbers_singly, shifts)
        found = np.empty(shifts.size, np.int64)
        for run, lanes in self._steps(shifts.size):
            states, shift = self._states[lanes], shifts[run]
            slots = states & (TOTAL - 1)
            numbers = slots >> shift
            found[run] = numbers
            self._advance(lanes, ((states >> PRECISION) << shift) + slots - (numbers << shift))
        return found

    def learnt(self, prior: np.ndarray, seen: np.ndarray, count: int, contexts: np.ndarray) -> np.ndarray:
        """The next symbols (n,), where there are compiled loops; ``seen`` is brought up to date.

        See :class:`srn_core.codec.adaptive.Adaptive`.
        """
        return self._compiled(compiled.decode_adaptive, contexts.size, prior, seen, count, contexts)

    def finish(self) -> None:
        """Raises SrnFormatError unless the stream is used up and every lane is back where it began."""
        if self._place != self._words.size or np.any(self._states != LOWEST) or (self._lanes and not self._taken):
            raise SrnFormatError("an entropy-coded stream does not end where it should; the file is damaged")

    def _compiled(self, decode_all: Callable[..., np.ndarray], count: int, *told: Any) -> np.ndarray:
        """The next symbols, so many, by one of the compiled loops."""
        lane = self._claim(count)
        if not count:
            return np.zeros(0, np.int64)
        cursor = compiled.Cursor(self._states, np.array([lane, self._place], np.int64), self._words)
        found = decode_all(cursor, *told)
        self._place = int(cursor.at[1])
        return found

    def _singly(
        self, decode_all: Callable[..., tuple[list[int], int]], each: np.ndarray, *tables: list[int]
    ) -> np.ndarray:
        """The next symbols by one of the loops for few lanes."""
        lane = self._claim(each.size)
        if not each.size:
            return np.zeros(0, np.int64)
        states = self._states.tolist()
        try:
            found, self._place = decode_all(states, lane, self._listed, self._place, each.tolist(), *tables)
        except IndexError as error:
            raise SrnFormatError("an entropy-coded stream ends too early; the file is damaged") from error
        self._states[:] = states
        return np.array(found, np.int64)

    def _claim(self, count: int) -> int:
        """The lane of the next symbol, the first of so many."""
        if self._taken + count > self._lanes * MAX_STEPS:
            raise SrnFormatError("an entropy-coded stream has too few lanes for its symbols; the file is damaged")
        lane = self._taken % max(self._lanes, 1)
        self._taken += count
        return lane

    def _steps(self, count: int) -> list[tuple[slice, slice]]:
        """(symbols of this call, lanes) of each step."""
        lane, steps, done = self._claim(count), [], 0
        while done < count:
            size = min(self._lanes - lane, count - done)
            steps.append((slice(done, done + size), slice(lane, lane + size)))
            done, lane = done + size, 0
        return steps

    def _advance(self, lanes: slice, states: np.ndarray) -> None:
        low = np.flatnonzero(states < LOWEST)
        if low.size:
            end = self._place + low.size
            if end > self._words.size:
                raise SrnFormatError("an entropy-coded stream ends too early; the file is damaged")
            states[low] = (states[low] << 16) | self._words[self._place : end]
            self._place = end
        self._states[lanes] = states


def encode(symbols: np.ndarray, models: np.ndarray, tables: np.ndarray) -> bytes:
    """The stream of ``symbols`` (n,) whose probabilities are rows ``models`` (n,) of ``tables`` (rows, alphabet)."""
    encoder = Encoder()
    encoder.symbols(tables, models, symbols)
    return encoder.finish()


def decode(data: bytes, models: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Undo :func:`encode`. Raises SrnFormatError for a stream that it would not have made."""
    decoder = Decoder(data)
    found = decoder.symbols(tables, models)
    decoder.finish()
    return found


def slots_of(tables: np.ndarray, models: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(starts, frequencies), both (n,) int64, of ``symbols`` (n,) whose tables are rows ``models`` (n,)."""
    places = models * tables.shape[1] + symbols
    frequencies = np.asarray(tables, np.int64)
    starts = np.cumsum(frequencies, axis=1) - frequencies
    return starts.ravel()[places], frequencies.ravel()[places]


def _required(wanted: Optional[np.ndarray]) -> np.ndarray:
    if wanted is None:
        raise ValueError("an encoder needs the symbols to encode")
    return np.asarray(wanted, np.int64)


def _by_lanes(parts: list[np.ndarray], log_lanes: int, filling: int) -> np.ndarray:
    """Parts end to end as (steps, lanes) uint32, what is missing in the last step filled up."""
    count = sum(part.size for part in parts)
    steps = -(-count >> log_lanes)
    found = np.full(steps << log_lanes, filling, np.uint32)
    np.concatenate(parts, out=found[:count], casting="unsafe")
    return found.reshape(steps, 1 << log_lanes)
