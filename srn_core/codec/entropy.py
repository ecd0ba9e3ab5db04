"""The layout "entropy": every code by its probability, for arrays whose entries know nothing of each other.

Each array has probabilities of its own, which begin with a prior that a byte names and learn on the way.
"""

from __future__ import annotations

from math import prod
from typing import Optional, Sequence

import numpy as np

from srn_core.codec import magnitudes
from srn_core.codec.adaptive import Adaptive
from srn_core.codec.integers import Integers, header_bytes, header_from, header_to
from srn_core.codec.layout import CodeType, Layout
from srn_core.codec.rans import Coder, Decoder, Encoder, most_bytes


class Entropy(Layout):
    """One stream: per array what :mod:`srn_core.codec.integers` says of it, then all codes as one rANS stream."""

    name = "entropy"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Always."""
        return True

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The stream."""
        integers = [Integers.of(codes.ravel(), kind) for codes in arrays]
        coder = Encoder()
        for about, codes in zip(integers, arrays):
            _walk(coder, about, codes.size, about.numbers(codes.ravel(), kind))
        return [header_to(integers, kind) + coder.finish()]

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """Two symbols per code, a token and the bits below it."""
        return [header_bytes(len(shapes), kind) + most_bytes(2 * sum(prod(shape) for shape in shapes))]

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays."""
        integers, rest = header_from(streams[0], len(shapes), kind)
        coder = Decoder(rest)
        arrays = [
            about.codes(_walk(coder, about, prod(shape), None), kind).reshape(shape)
            for about, shape in zip(integers, shapes)
        ]
        coder.finish()
        return arrays


def _walk(coder: Coder, about: Integers, count: int, known: Optional[np.ndarray]) -> np.ndarray:
    """Code ``count`` integers, ``known`` to an encoder, and give them (int64)."""
    model = Adaptive(np.array([magnitudes.prior(about.prior)]))
    wanted = None if known is None else magnitudes.token_of(np.abs(known))
    tokens = model.code(coder, np.zeros(count, np.int64), wanted)
    return magnitudes.code(coder, tokens, known)
