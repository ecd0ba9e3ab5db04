"""Interleaved rANS: symbols to bytes at the cost of their probabilities, in integers only.

A range variant of asymmetric numeral systems (Duda 2013) with several states ("lanes") that take turns:
symbol i of a stream belongs to lane i mod lanes, so that a run of as many symbols is one vectorised step.
A state x is in [2^16, 2^32). A symbol whose slots are ``start .. start + frequency`` of 2^15 is decoded by

    slot = x mod 2^15;  x = frequency * (x div 2^15) + slot - start;  if x < 2^16: x = 2^16 x + next word

and encoded by the inverse, last symbol first. Every lane starts to encode from 2^16, so the decoder must end
there with no word left: 16 bits per lane that show damage, for free.

The models may look at whatever was coded before: :class:`Encoder` and :class:`Decoder` take symbols in any
number of calls, and both are a :class:`Coder`, so that a model is written once for both directions.

Bytes of a stream: none where it has no symbols; else one byte log2(lanes), the states (uint32), the words
(uint16), all little-endian.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Optional

import numpy as np

from srn_core.errors import SrnFormatError

PRECISION = 15
"""Frequencies of a table sum to 2^15."""
TOTAL = 1 << PRECISION
LOWEST = 1 << 16
"""Smallest state, and the one a lane begins with."""
MAX_LOG_LANES = 16
MAX_STEPS = 1 << 16
"""Symbols per lane that a reader accepts: it bounds the time of a stream whose symbols cost nothing."""
_BITS_PER_LANE = 4096
"""A lane costs some 3 bytes more than its symbols; there is one per so many bits, at least (0.6 %, 0.4 % as a rule)."""
_LANE_BYTES = 3
_FEW_LANES = 4
"""Lanes (log2) up to which Python's own integers are faster than steps of arrays."""


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
        self._starts.append(starts)
        self._frequencies.append(frequencies)
        self._count += frequencies.size
        self._cost += int(_COSTS[frequencies].sum())

    def extend(self, other: Encoder) -> None:
        """Take the symbols of another encoder."""
        self._starts += other._starts
        self._frequencies += other._frequencies
        self._count += other._count
        self._cost += other._cost

    @property
    def cost(self) -> float:
        """Bits of all symbols so far."""
        return self._cost / _COST

    @property
    def size(self) -> float:
        """Bytes of :meth:`finish`, about: they are soon told, the stream is not soon made."""
        lanes = _LANE_BYTES << _log_lanes(self.cost, self._count)
        return 1 + lanes + self.cost / 8 if self._count else 0.0

    def finish(self) -> bytes:
        """The stream of all symbols so far."""
        if not self._count:
            return b""
        log_lanes = _log_lanes(self.cost, self._count)
        encoded = _encoded_singly if log_lanes <= _FEW_LANES else _encoded
        starts = _by_lanes(self._starts, log_lanes, 0)
        states, words = encoded(starts, _by_lanes(self._frequencies, log_lanes, TOTAL))
        return bytes([log_lanes]) + states.astype("<u4").tobytes() + words.astype("<u2").tobytes()


class Decoder(Coder):
    """Gives the symbols of a stream back. Raises SrnFormatError where the stream is not one."""

    def __init__(self, data: bytes) -> None:
        self._lanes = 0
        self._taken = 0
        self._place = 0
        self._states = np.zeros(0, np.int64)
        self._words = np.zeros(0, np.int64)
        if not data:
            return
        if data[0] > MAX_LOG_LANES or len(data) < 1 + (4 << data[0]) or len(data) % 2 == 0:
            raise SrnFormatError("an entropy-coded stream has no sound beginning; the file is damaged")
        self._lanes = 1 << data[0]
        self._states = np.frombuffer(data, "<u4", self._lanes, 1).astype(np.int64)
        self._words = np.frombuffer(data[1 + 4 * self._lanes :], "<u2").astype(np.int64)
        if int(self._states.min()) < LOWEST:
            raise SrnFormatError("an entropy-coded stream begins with a state out of bounds; the file is damaged")

    def symbols(self, tables: np.ndarray, models: np.ndarray, wanted: Optional[np.ndarray] = None) -> np.ndarray:
        """The next symbols."""
        alphabet = tables.shape[1]
        frequencies = tables.astype(np.int64)
        starts = np.cumsum(frequencies, axis=1) - frequencies
        # One ascending list for all rows: a search for row and slot at once finds the last symbol that starts
        # at or before the slot, and never one of frequency 0, which starts where the next one does.
        keys = (starts + (np.arange(len(tables), dtype=np.int64) << PRECISION)[:, None]).ravel()
        bases = np.asarray(models, np.int64) << PRECISION
        starts, frequencies = starts.ravel(), frequencies.ravel()
        found = np.empty(bases.size, np.int64)
        for run, lanes in self._steps(bases.size):
            states = self._states[lanes]
            slots = states & (TOTAL - 1)
            places = keys.searchsorted(bases[run] + slots, side="right") - 1
            found[run] = places
            self._advance(lanes, frequencies[places] * (states >> PRECISION) + slots - starts[places])
        return found % alphabet

    def bits(self, widths: np.ndarray, wanted: Optional[np.ndarray] = None) -> np.ndarray:
        """The next numbers."""
        shifts = PRECISION - np.asarray(widths, np.int64)
        found = np.empty(shifts.size, np.int64)
        for run, lanes in self._steps(shifts.size):
            states, shift = self._states[lanes], shifts[run]
            slots = states & (TOTAL - 1)
            numbers = slots >> shift
            found[run] = numbers
            self._advance(lanes, ((states >> PRECISION) << shift) + slots - (numbers << shift))
        return found

    def finish(self) -> None:
        """Raises SrnFormatError unless the stream is used up and every lane is back where it began."""
        if self._place != self._words.size or np.any(self._states != LOWEST) or (self._lanes and not self._taken):
            raise SrnFormatError("an entropy-coded stream does not end where it should; the file is damaged")

    def _steps(self, count: int) -> list[tuple[slice, slice]]:
        """(symbols of this call, lanes) of each step."""
        if self._taken + count > self._lanes * MAX_STEPS:
            raise SrnFormatError("an entropy-coded stream has too few lanes for its symbols; the file is damaged")
        steps, done = [], 0
        while done < count:
            lane = (self._taken + done) % self._lanes
            size = min(self._lanes - lane, count - done)
            steps.append((slice(done, done + size), slice(lane, lane + size)))
            done += size
        self._taken += count
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


def most_bytes(symbols: int) -> int:
    """The most bytes that a stream of so many symbols can have: two per symbol, the states and one more."""
    return 1 + 2 * symbols + (4 << _log_most_lanes(symbols))


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


def _encoded(starts: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States (lanes,) and words of symbols (steps, lanes), uint32.

    The loop goes step by step, so what does not depend on the states is done for all steps before and after it.
    A symbol of frequency 2^15 leaves a state as it is, so that the last step can be filled up with them.
    """
    highest = ((frequencies.astype(np.uint64) << np.uint64(32 - PRECISION)) - np.uint64(1)).astype(np.uint32)
    others = TOTAL - frequencies
    states = np.full(frequencies.shape[1], LOWEST, np.uint32)
    whole = np.empty_like(states)
    words = np.empty(frequencies.shape, np.uint16)
    full = np.empty(frequencies.shape, bool)
    for step in range(len(frequencies) - 1, -1, -1):
        above = np.greater(states, highest[step], out=full[step])
        words[step] = states  # the low 16 bits
        np.right_shift(states, 16, out=states, where=above)
        # 2^15 (x div f) + x mod f + start, which stays below 2^32
        np.floor_divide(states, frequencies[step], out=whole)
        np.multiply(whole, others[step], out=whole)
        np.add(states, whole, out=states)
        np.add(states, starts[step], out=states)
    return states, words[full]


def _encoded_singly(starts: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`_encoded` symbol by symbol with Python's integers, which is faster for few lanes."""
    lanes = frequencies.shape[1]
    states, words = [LOWEST] * lanes, []
    lane = lanes
    for start, frequency in zip(starts.ravel()[::-1].tolist(), frequencies.ravel()[::-1].tolist()):
        lane = lane - 1 if lane else lanes - 1
        state = states[lane]
        if state >= frequency << (32 - PRECISION):
            words.append(state & 0xFFFF)
            state >>= 16
        states[lane] = state + state // frequency * (TOTAL - frequency) + start
    return np.array(states, np.int64), np.array(words[::-1], np.int64)


_COST = 1024
_COSTS = np.rint(_COST * (PRECISION - np.log2(np.maximum(np.arange(TOTAL + 1), 1)))).astype(np.int64)
"""(2^15 + 1,) bits of a symbol of each frequency, in 1024ths: sums of integers do not depend on their order."""


def _log_lanes(bits: float, symbols: int) -> int:
    """Lanes for symbols that cost so many bits: few where they cost little, enough that steps stay few."""
    by_cost = int(bits / _BITS_PER_LANE).bit_length()
    by_steps = ((symbols - 1) // (MAX_STEPS // 2)).bit_length()
    return min(max(by_cost - 1, by_steps, 0), _log_most_lanes(symbols))


def _log_most_lanes(symbols: int) -> int:
    return min(MAX_LOG_LANES, max(0, (symbols // 64).bit_length()))
