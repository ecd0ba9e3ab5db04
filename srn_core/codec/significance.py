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

from math import prod
from typing import Sequence

import numpy as np

from srn_core.codec.integers import Integers, header_bytes, header_from, header_to
from srn_core.codec.layout import CodeType, Draft, Layout
from srn_core.codec.rans import Decoder, Encoder
from srn_core.codec.rans_lanes import most_bytes
from srn_core.codec.subbands import Models, decode_array, encode_array
from srn_core.codec.surroundings import descend
from srn_core.errors import SrnFormatError

MOST_BANDS = 1 << 13
"""Features times subbands of all arrays together: each is a pass of its own, and time must be bounded."""


class Significance(Layout):
    """One stream: per array what :mod:`srn_core.codec.integers` says of it, then all as one rANS stream."""

    name = "significance"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Latent arrays: (features, z, y, x) or (features, bands, z, y, x)."""
        return all(len(shape) in (4, 5) for shape in shapes) and _bands(shapes) <= MOST_BANDS

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The stream."""
        return draft(arrays, kind).streams()

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
        found: dict[int, np.ndarray] = {}
        models, parents = Models(), None
        for place in coding_order(shapes):
            full = _full(shapes[place])
            models.begin(integers[place].prior)
            numbers, parents = decode_array(coder, full, descend(parents, full[1:]), models)
            found[place] = integers[place].codes(numbers, kind).reshape(shapes[place])
        coder.finish()
        return [found[place] for place in range(len(shapes))]


def draft(arrays: Sequence[np.ndarray], kind: CodeType) -> Draft:
    """The stream of arrays of codes."""
    coder, models, parents = Encoder(), Models(), None
    integers: dict[int, Integers] = {}
    shares: dict[int, float] = {}
    for place in coding_order([codes.shape for codes in arrays]):
        codes = arrays[place].reshape(_full(arrays[place].shape))
        significant = np.any(codes != 0, axis=0)
        about = Integers.of(codes[:, significant].ravel(), kind)
        above = descend(parents, significant.shape)
        models.begin(about.prior)
        spent = coder.cost
        encode_array(coder, about.numbers(codes, kind), significant.astype(np.int8), above, models)
        shares[place] = (coder.cost - spent) / 8
        integers[place], parents = about, significant
    order = range(len(arrays))
    return Draft(header_to([integers[p] for p in order], kind), coder, [shares[p] for p in order])


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
