"""One latent array by its surroundings, in both directions; the order is told in :mod:`srn_core.codec.significance`.

A decoder goes run by run, as it must. An encoder knows everything beforehand: it makes the contexts of all features,
or of all passes, in one go and lets the models learn from many blocks at once. Both use the same functions of the
surroundings, and a test holds them against a reader that is written down in the format's document.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple, Optional

import numpy as np

from srn_core.codec import magnitudes
from srn_core.codec.adaptive import SEEN, Adaptive
from srn_core.codec.rans import PRECISION, Decoder, Encoder
from srn_core.codec.surroundings import (
    COARSE_PLACES,
    LEVELS,
    PARITIES,
    PLACES,
    TREND,
    Places,
    around,
    beside,
    bordered,
    inner,
    part,
    place_contexts,
    places_of,
    size_contexts,
)

MEMORY = 400
"""Symbols per context that what was learnt in one subband weighs in the next, at most."""


class Models:
    """What all arrays of a stream teach: where positions are significant, and how large they are."""

    def __init__(self) -> None:
        self.places = Adaptive(np.full((COARSE_PLACES, 2), SEEN // 2), PLACES)
        self.sizes = Adaptive(np.concatenate([TREND, TREND[:1]]))

    def begin(self, prior: int) -> None:
        """Begin an array whose magnitudes have the prior of that number."""
        self.sizes.restart(LEVELS, magnitudes.prior(prior))


class Slots(NamedTuple):
    """Symbols (n,) as an encoder takes them."""

    starts: np.ndarray
    frequencies: np.ndarray


def encode_array(
    coder: Encoder, numbers: np.ndarray, significant: np.ndarray, above: Optional[np.ndarray], models: Models
) -> None:
    """Code integers (features, bands, z, y, x), ``significant`` (bands, z, y, x; int8) where any feature is not 0.

    ``above`` (bands, z, y, x) are the bits of the parents, None where there are none.
    """
    features, bands, *size = numbers.shape
    places = places_of(tuple(size))
    contexts, bits = _place_runs(significant, above, places)
    runs = [known.size for known in places.known]
    before = np.zeros((features, prod(size)), np.int32)
    for band in range(bands):
        models.places.age(MEMORY)
        coder.take(*models.places.encode(contexts[band], bits[band], runs))
        order = np.flatnonzero(significant[band].ravel()[places.positions])
        if order.size:
            values = numbers[:, band].reshape(features, -1)[:, places.positions[order]]
            coder.take(*_encode_sizes(values, before, order, band, places, tuple(size), models.sizes))
            before[:, places.positions[order]] += np.abs(values)


def decode_array(
    coder: Decoder, shape: tuple[int, ...], above: Optional[np.ndarray], models: Models
) -> tuple[np.ndarray, np.ndarray]:
    """Undo :func:`encode_array`: integers of ``shape`` (features, bands, z, y, x) and where they are significant."""
    features, bands, *size = shape
    places = places_of(tuple(size))
    numbers = np.zeros((features, bands, prod(size)), np.int32)
    significant = np.zeros(shape[1:], np.int8)
    before = np.zeros((features, prod(size)), np.int32)
    siblings = np.zeros(size, np.int32)
    for band in range(bands):
        models.places.age(MEMORY)
        _decode_places(coder, significant[band], None if above is None else above[band], siblings, band, models.places)
        siblings += significant[band]
        order = np.flatnonzero(significant[band].ravel()[places.positions])
        if order.size:
            values = _decode_sizes(coder, before, order, band, places, tuple(size), models.sizes)
            numbers[:, band, places.positions[order]] = values
            before[:, places.positions[order]] += np.abs(values)
    return numbers.reshape(shape), significant


def _place_runs(bits: np.ndarray, above: Optional[np.ndarray], places: Places) -> tuple[np.ndarray, np.ndarray]:
    """Contexts and bits (bands, positions in the order of the passes) of bits (bands, z, y, x)."""
    here = bordered(bits.shape)
    siblings = np.cumsum(bits, axis=0, dtype=np.int32) - bits
    bands = np.arange(len(bits), dtype=np.int32)[:, None, None, None]
    contexts, ordered = [], []
    for parity, known in zip(PARITIES, places.known):
        inside = inner(parity)
        parents = None if above is None else above[inside]
        found = place_contexts(around(here, parity), known, parents, siblings[inside], bands)
        contexts.append(found.reshape(len(bits), -1))
        ordered.append(bits[inside].reshape(len(bits), -1))
        here[part(parity)] = bits[inside]
    return np.concatenate(contexts, axis=1), np.concatenate(ordered, axis=1)


def _decode_places(
    coder: Decoder, bits: np.ndarray, above: Optional[np.ndarray], siblings: np.ndarray, band: int, model: Adaptive
) -> None:
    """Fill in the significance (z, y, x) of a subband."""
    here = bordered(bits.shape)
    for parity, known in zip(PARITIES, places_of(bits.shape).known):
        if known.size:
            inside = inner(parity)
            parents = None if above is None else above[inside]
            contexts = place_contexts(around(here, parity), known, parents, siblings[inside], band)
            bits[inside] = here[part(parity)] = model.decode(coder, contexts.ravel()).reshape(known.shape)


def _encode_sizes(
    values: np.ndarray,
    before: np.ndarray,
    order: np.ndarray,
    band: int,
    places: Places,
    size: tuple[int, ...],
    model: Adaptive,
) -> Slots:
    """The symbols of ``values`` (features, n), the integers at a subband's significant positions.

    ``before`` (features, all positions) are the magnitudes' sums in the subbands before this one; ``order`` (n,)
    says which positions are significant, counted in the order of ``places``.
    """
    features, count = values.shape
    known = np.abs(values).astype(np.int64)
    even = int(np.searchsorted(order, places.even))
    total = 2 * (np.cumsum(known, axis=0) - known) + before[:, places.positions[order]]
    weight = np.broadcast_to(2 * np.arange(features)[:, None] + band, total.shape).copy()
    if 0 < even < count:
        sums, number = _beside(known[:, :even], order, places, size)
        total[:, even:] += 2 * sums
        weight[:, even:] += 2 * number
    contexts = size_contexts(total, weight).ravel()
    tokens = magnitudes.token_of(known).ravel()
    runs = np.tile([even, count - even], features)
    return _with_tails(Slots(*model.encode(contexts, tokens, runs.tolist())), tokens, values.ravel(), runs)


def _with_tails(slots: Slots, tokens: np.ndarray, signed: np.ndarray, runs: np.ndarray) -> Slots:
    """The symbols of ``runs`` of tokens, each run followed by its tokens' tails."""
    some = np.flatnonzero(tokens)
    widths, tails = magnitudes.tails(tokens[some], signed[some])
    run_of = np.repeat(np.arange(runs.size), runs)
    tails_of = np.bincount(run_of[some], minlength=runs.size)
    at = np.arange(tokens.size) + (np.cumsum(tails_of) - tails_of)[run_of]
    tails_at = np.arange(some.size) + np.cumsum(runs)[run_of[some]]
    found = Slots(np.empty(tokens.size + some.size, np.int64), np.empty(tokens.size + some.size, np.int64))
    for mixed, first, second in zip(found, slots, (tails << (PRECISION - widths), 1 << (PRECISION - widths))):
        mixed[at], mixed[tails_at] = first, second
    return found


def _decode_sizes(
    coder: Decoder,
    before: np.ndarray,
    order: np.ndarray,
    band: int,
    places: Places,
    size: tuple[int, ...],
    model: Adaptive,
) -> np.ndarray:
    """Integers (features, n) of a subband's significant positions; the arguments are those of _encode_sizes."""
    features, count = len(before), order.size
    values = np.zeros((features, count), np.int64)
    even = int(np.searchsorted(order, places.even))
    siblings, here = before[:, places.positions[order]], np.zeros(count, np.int64)
    for feature in range(features):
        for run in (slice(0, even), slice(even, count)):
            if run.start == run.stop:
                continue
            total, weight = 2 * here[run] + siblings[feature, run], np.array(2 * feature + band)
            if run.start > 0:
                sums, number = _beside(np.abs(values[feature, :even]), order, places, size)
                total, weight = total + 2 * sums, weight + 2 * number
            contexts = size_contexts(total, weight)
            values[feature, run] = magnitudes.code(coder, model.decode(coder, contexts), None)
        here += np.abs(values[feature])
    return values


def _beside(
    known: np.ndarray, order: np.ndarray, places: Places, size: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """What significant odd positions have beside them: sums (..., n) of ``known`` (..., even ones), numbers (n,)."""
    even = known.shape[-1]
    padded = places.padded[order]
    values = np.zeros((*known.shape[:-1], prod(n + 2 for n in size)), np.int32)
    ones = np.zeros(values.shape[-1], np.int8)
    values[..., padded[:even]] = known
    ones[padded[:even]] = 1
    return beside(values, padded[even:], places.offsets), beside(ones, padded[even:], places.offsets)
