"""The inner loops of :mod:`srn_core.codec.rans`, with arrays for many lanes and with Python's integers for few."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

PRECISION = 15
"""Frequencies of a table sum to 2^15."""
TOTAL = 1 << PRECISION
LOWEST = 1 << 16
"""Smallest state, and the one a lane begins with."""
FEW_LANES = 4
"""Lanes (log2) up to which Python's own integers are faster than steps of arrays."""


def encoded(starts: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def encoded_singly(starts: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`encoded` symbol by symbol with Python's integers, which is faster for few lanes."""
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


def symbols_singly(
    states: list[int],
    lane: int,
    words: list[int],
    place: int,
    bases: list[int],
    keys: list[int],
    frequencies: list[int],
) -> tuple[list[int], int]:
    """Decode one symbol per entry of ``bases``, the first in ``lane``; the ``states`` are changed.

    ``keys`` ascend: 2^15 times a table's row plus where a symbol starts. ``bases`` are 2^15 times the wanted rows.
    Gives the places among the keys, and that of the next word. Raises IndexError where words do not suffice.
    """
    found, lanes = [], len(states)
    for base in bases:
        state = states[lane]
        slot = base + (state & (TOTAL - 1))
        key = bisect_right(keys, slot) - 1
        found.append(key)
        state = frequencies[key] * (state >> PRECISION) + slot - keys[key]
        if state < LOWEST:
            state = state << 16 | words[place]
            place += 1
        states[lane] = state
        lane = (lane + 1) % lanes
    return found, place


def numbers_singly(
    states: list[int], lane: int, words: list[int], place: int, shifts: list[int]
) -> tuple[list[int], int]:
    """As :func:`symbols_singly` for numbers of 15 bits less ``shifts``."""
    found, lanes = [], len(states)
    for shift in shifts:
        state = states[lane]
        slot = state & (TOTAL - 1)
        number = slot >> shift
        found.append(number)
        state = (state >> PRECISION << shift) + slot - (number << shift)
        if state < LOWEST:
            state = state << 16 | words[place]
            place += 1
        states[lane] = state
        lane = (lane + 1) % lanes
    return found, place
