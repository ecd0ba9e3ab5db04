"""The layout "significance": pruned wavelet coefficients, by what is known of their surroundings.

A position of a latent array is significant where any of its features is not 0 (a pruner drops positions whole).
Positions of one place, of neighbours in a subband, of the subbands of a level and of the next coarser level are
significant together, and magnitudes are alike in the same way (Shapiro's zerotrees 1993; Said and Pearlman 1996
order them so). Arrays are coded from the coarsest level on; in each, subband by subband:

    1. significance, in eight passes, one per parity of (z, y, x); a pass knows those before it
    2. the features of the significant positions, in two passes per feature, one per parity of z + y + x

The probabilities of both are learnt on the way.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Optional, Sequence

import numpy as np

from srn_core.codec import magnitudes
from srn_core.codec.adaptive import SEEN, Adaptive
from srn_core.codec.integers import Integers, header_bytes, header_from, header_to
from srn_core.codec.layout import CodeType, Layout
from srn_core.codec.rans import Coder, Decoder, Encoder, most_bytes
from srn_core.codec.surroundings import (
    COARSE_PLACES,
    LEVELS,
    PLACES,
    TREND,
    descend,
    faces,
    neighbours,
    place_contexts,
    size_contexts,
)
from srn_core.errors import SrnFormatError

MEMORY = 400
"""Symbols per context that what was learnt in one subband weighs in the next, at most."""
MOST_BANDS = 1 << 13
"""Features times subbands of all arrays together: each is a pass of its own, and time must be bounded."""
PARITIES = tuple((slice(z, None, 2), slice(y, None, 2), slice(x, None, 2)) for z, y, x in product((0, 1), repeat=3))


class Significance(Layout):
    """One stream: per array what :mod:`srn_core.codec.integers` says of it, then all as one rANS stream."""

    name = "significance"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Latent arrays: (features, z, y, x) or (features, bands, z, y, x)."""
        return all(len(shape) in (4, 5) for shape in shapes) and _bands(shapes) <= MOST_BANDS

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The stream."""
        integers = [_about(codes, kind) for codes in arrays]
        coder = Encoder()
        numbers = [about.numbers(codes, kind) for about, codes in zip(integers, arrays)]
        _walk(coder, integers, [codes.shape for codes in arrays], numbers)
        return [header_to(integers, kind) + coder.finish()]

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """One symbol per position, then two per code."""
        symbols = sum(prod(_full(shape)[1:]) + 2 * prod(shape) for shape in shapes)
        return [header_bytes(len(shapes), kind) + most_bytes(symbols)]

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays."""
        if _bands(shapes) > MOST_BANDS:
            raise SrnFormatError("a layout of few bands is said to hold very many; the file is damaged")
        integers, rest = header_from(streams[0], len(shapes), kind)
        coder = Decoder(rest)
        found = _walk(coder, integers, shapes, None)
        coder.finish()
        return [about.codes(numbers, kind) for about, numbers in zip(integers, found)]


def coding_order(shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """Places of the arrays as they are coded: those without subbands, then those with, the last (coarsest) first."""
    plain = [place for place, shape in enumerate(shapes) if len(shape) != 5]
    return plain + [place for place in reversed(range(len(shapes))) if len(shapes[place]) == 5]


def _full(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(features, bands, z, y, x) of an array of any shape: one subband where it has not five axes."""
    if len(shape) == 5:
        return shape
    features, *rest = shape if len(shape) > 1 else (1, *shape)
    rest = [1, 1, 1, *rest]
    return features, 1, prod(rest[:-2]), rest[-2], rest[-1]


def _bands(shapes: Sequence[tuple[int, ...]]) -> int:
    """Features times subbands of all arrays."""
    return sum(prod(_full(shape)[:2]) for shape in shapes)


def _about(codes: np.ndarray, kind: CodeType) -> Integers:
    """Chosen for the codes that will be stored."""
    rows = codes.reshape(_full(codes.shape)[0], -1)
    return Integers.of(rows[:, np.any(rows != 0, axis=0)].ravel(), kind)


def _walk(
    coder: Coder, integers: Sequence[Integers], shapes: Sequence[tuple[int, ...]], known: Optional[Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """Code arrays of ``shapes``, ``known`` to an encoder, and give them (int64)."""
    places = Adaptive(np.full((COARSE_PLACES, 2), SEEN // 2), PLACES)
    found: dict[int, np.ndarray] = {}
    sizes = Adaptive(np.concatenate([TREND, TREND[:1]]))
    parents: Optional[np.ndarray] = None
    for place in coding_order(shapes):
        shape = shapes[place]
        full = _full(shape)
        target = None if known is None else known[place].reshape(full)
        numbers, significant = _array(coder, integers[place], full, target, parents, places, sizes)
        found[place] = numbers.reshape(shape)
        parents = significant
    return [found[place] for place in range(len(shapes))]


def _array(
    coder: Coder,
    about: Integers,
    shape: tuple[int, ...],
    known: Optional[np.ndarray],
    parents: Optional[np.ndarray],
    places: Adaptive,
    sizes: Adaptive,
) -> tuple[np.ndarray, np.ndarray]:
    """Code one array (features, bands, z, y, x); gives it and its significance (bands, z, y, x)."""
    numbers = np.zeros(shape, np.int64)
    significant = np.zeros(shape[1:], np.int64)
    above = descend(parents, shape[1:])
    sizes.restart(LEVELS, magnitudes.prior(about.prior))
    for band in range(shape[1]):
        target = None if known is None else known[:, band]
        places.age(MEMORY)
        _places(coder, significant, band, None if above is None else above[band], target, places)
        _sizes(coder, numbers, significant[band], band, target, sizes)
    return numbers, significant


def _places(
    coder: Coder,
    significant: np.ndarray,
    band: int,
    above: Optional[np.ndarray],
    known: Optional[np.ndarray],
    model: Adaptive,
) -> None:
    """Code the significance of a subband into ``significant`` (bands, z, y, x)."""
    here = significant[band]
    wanted = None if known is None else np.any(known != 0, axis=0)
    siblings = significant[:band].sum(axis=0) if band else None
    passed = np.zeros(here.shape, np.int64)
    for parity in PARITIES:
        if not here[parity].size:
            continue
        contexts = place_contexts(
            neighbours(here)[parity],
            neighbours(passed)[parity],
            None if above is None else above[parity],
            None if siblings is None else siblings[parity],
            band,
        )
        bits = None if wanted is None else wanted[parity].ravel()
        here[parity] = model.code(coder, contexts, bits).reshape(here[parity].shape)
        passed[parity] = 1


def _sizes(
    coder: Coder,
    numbers: np.ndarray,
    significant: np.ndarray,
    band: int,
    known: Optional[np.ndarray],
    model: Adaptive,
) -> None:
    """Code a subband's significant positions into ``numbers`` (features, bands, z, y, x)."""
    z, y, x = np.indices(significant.shape, sparse=True)
    chosen = [np.nonzero((significant != 0) & ((z + y + x) % 2 == parity)) for parity in (0, 1)]
    around = faces(significant)[chosen[1]]
    before = [np.zeros(found[0].size, np.int64) for found in chosen]
    for feature, here in enumerate(numbers[:, band]):
        for parity, where in enumerate(chosen):
            if not where[0].size:
                continue
            beside = (faces(np.abs(here))[where], around) if parity else None
            siblings = np.abs(numbers[feature, :band][:, where[0], where[1], where[2]]).sum(axis=0)
            contexts = size_contexts(before[parity], feature, siblings, band, beside)
            part = None if known is None else known[feature][where]
            wanted = None if part is None else magnitudes.token_of(np.abs(part))
            tokens = model.code(coder, contexts, wanted)
            here[where] = magnitudes.code(coder, tokens, part)
            before[parity] += np.abs(here[where])
