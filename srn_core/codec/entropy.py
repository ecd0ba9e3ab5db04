"""The layout "entropy": every code by its probability, for arrays whose entries know nothing of each other.

Each array has probabilities of its own, which begin with a prior that a byte names and learn on the way.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple, Sequence

import numpy as np

from srn_core.codec import magnitudes
from srn_core.codec.adaptive import Adaptive
from srn_core.codec.integers import Integers, header_bytes, header_from, header_to
from srn_core.codec.layout import CodeType, Draft, Layout
from srn_core.codec.rans import Decoder, Encoder
from srn_core.codec.rans_lanes import most_bytes


class Coded(NamedTuple):
    """An array whose probabilities are known: they are its own, whatever it is stored with."""

    about: Integers
    coder: Encoder


class Entropy(Layout):
    """One stream: per array what :mod:`srn_core.codec.integers` says of it, then all codes as one rANS stream."""

    name = "entropy"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Always."""
        return True

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The stream."""
        return draft([coded(codes, kind) for codes in arrays], kind).streams()

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """Two symbols per code, a token and the bits below it."""
        return [header_bytes(len(shapes), kind) + most_bytes(2 * sum(prod(shape) for shape in shapes))]

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays."""
        integers, rest = header_from(streams[0], len(shapes), kind)
        coder = Decoder(rest)
        arrays = []
        for about, shape in zip(integers, shapes):
            tokens = _model(about).decode(coder, np.zeros(prod(shape), np.int64))
            arrays.append(about.codes(magnitudes.code(coder, tokens, None), kind).reshape(shape))
        coder.finish()
        return arrays


def coded(codes: np.ndarray, kind: CodeType) -> Coded:
    """The symbols of one array."""
    flat = codes.ravel()
    about = Integers.of(flat, kind)
    numbers = about.numbers(flat, kind)
    tokens = magnitudes.token_of(np.abs(numbers))
    coder = Encoder()
    coder.take(*_model(about).encode(np.zeros(flat.size, np.int64), tokens, [flat.size]))
    magnitudes.code(coder, tokens, numbers)
    return Coded(about, coder)


def draft(arrays: Sequence[Coded], kind: CodeType) -> Draft:
    """The stream of arrays that are stored together."""
    coder = Encoder()
    for array in arrays:
        coder.extend(array.coder)
    shares = [array.coder.cost / 8 for array in arrays]
    return Draft(header_to([array.about for array in arrays], kind), coder, shares)


def _model(about: Integers) -> Adaptive:
    return Adaptive(np.array([magnitudes.prior(about.prior)]))
