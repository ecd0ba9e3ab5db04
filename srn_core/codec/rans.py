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
"""A lane costs 2 bytes more than its symbols; there is one per so many bits (0.4 %)."""


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

    def symbols(self, tables: np.ndarray, models: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Take the symbols ``wanted``."""
        found = _required(wanted)
        starts = np.cumsum(tables, axis=1) - tables
        frequencies = tables[models, found].astype(np.int64)
        if found.size and int(frequencies.min()) < 1:
            raise ValueError("a symbol of frequency 0 cannot be encoded")
        self._starts.append(starts[models, found].astype(np.int64))
        self._frequencies.append(frequencies)
        return found

    def bits(self, widths: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Take the numbers ``wanted``."""
        found, shifts = _required(wanted), PRECISION - np.asarray(widths, np.int64)
        self._starts.append(found << shifts)
        self._frequencies.append(np.int64(1) << shifts)
        return found

    def finish(self) -> bytes:
        """The stream of all symbols so far."""
        frequencies = np.concatenate([np.zeros(0, np.int64), *self._frequencies])
        starts = np.concatenate([np.zeros(0, np.int64), *self._starts])
        if not frequencies.size:
            return b""
        log_lanes = _log_lanes(frequencies)
        lanes = 1 << log_lanes
        # A symbol of frequency 2^15 leaves a state as it is, so that the last step can be filled up with them.
        filling = -frequencies.size % lanes
        frequencies = np.concatenate([frequencies, np.full(filling, TOTAL, np.int64)]).reshape(-1, lanes)
        starts = np.concatenate([starts, np.zeros(filling, np.int64)]).reshape(-1, lanes)
        states = np.full(lanes, LOWEST, np.int64)
        words: list[np.ndarray] = []
        for frequency, start in zip(frequencies[::-1], starts[::-1]):
            full = states >= frequency << (32 - PRECISION)
            if full.any():
                words.append((states[full] & 0xFFFF).astype("<u2"))
                states = np.where(full, states >> 16, states)
            whole, rest = np.divmod(states, frequency)
            states = (whole << PRECISION) + rest + start
        tail = b"".join(part.tobytes() for part in reversed(words))
        return bytes([log_lanes]) + states.astype("<u4").tobytes() + tail


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


def _required(wanted: Optional[np.ndarray]) -> np.ndarray:
    if wanted is None:
        raise ValueError("an encoder needs the symbols to encode")
    return np.asarray(wanted, np.int64)


def _log_lanes(frequencies: np.ndarray) -> int:
    """Lanes for symbols of these frequencies: few where they cost little, enough that steps stay few."""
    bits = float(np.sum(PRECISION - np.log2(frequencies)))
    by_cost = int(bits / _BITS_PER_LANE).bit_length()
    by_steps = ((frequencies.size - 1) // (MAX_STEPS // 2)).bit_length()
    return min(max(by_cost - 1, by_steps, 0), _log_most_lanes(frequencies.size))


def _log_most_lanes(symbols: int) -> int:
    return min(MAX_LOG_LANES, max(0, (symbols // 64).bit_length()))
