"""The contract of a layout: how the codes of a group of arrays become streams of bytes, and back.

A layout has a name and splits codes into a fixed number of streams; each stream is then packed by a
section codec of its own, so that bytes of one nature are squeezed together. Coders that know what a code's
neighbours are, or how likely it is, are layouts too, whose stream no section codec makes any smaller.

Codes are in units of ``width`` bits: two's complement where the group is uniform ("signed"),
unsigned where it has codebooks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod
from typing import NamedTuple, Sequence

import numpy as np

from srn_core.codec.rans import Encoder


class CodeType(NamedTuple):
    """What the codes of a group may be."""

    bits: int
    signed: bool

    @property
    def width(self) -> int:
        """Bits that a code needs: signed codes of one bit are -1, 0 and 1 and need two."""
        return max(self.bits, 2) if self.signed else self.bits

    @property
    def bytes(self) -> int:
        """Bytes that hold a code."""
        return (self.width + 7) // 8

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest code."""
        return (-(1 << (self.width - 1)), (1 << (self.width - 1)) - 1) if self.signed else (0, (1 << self.width) - 1)


class Draft(NamedTuple):
    """A stream of symbols that is not made yet, of which the size is known, about."""

    header: bytes
    coder: Encoder
    shares: list[float]
    """Bytes of each array."""

    @property
    def size(self) -> float:
        """Bytes of the stream, about."""
        return len(self.header) + self.coder.size

    def streams(self) -> list[bytes]:
        """The one stream."""
        return [self.header + self.coder.finish()]


class Layout(ABC):
    """The contract of a layout."""

    name: str

    @abstractmethod
    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Whether the writer should try it."""

    @abstractmethod
    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The streams that hold the arrays (int32 codes)."""

    @abstractmethod
    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """The most bytes that each stream can have: an honest file declares no more."""

    @abstractmethod
    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays (int32). Raises SrnFormatError for streams that :meth:`split` would not have made."""


def count_of(shapes: Sequence[tuple[int, ...]]) -> int:
    """Codes of all arrays."""
    return sum(prod(shape) for shape in shapes)


def flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """(codes,) int32 of all arrays, one after the other."""
    return np.concatenate([np.asarray(a, np.int32).ravel() for a in arrays])


def shaped(codes: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Undo :func:`flat`."""
    parts = np.split(codes, np.cumsum([prod(shape) for shape in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes)]
