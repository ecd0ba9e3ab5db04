"""Codes as integers whose commonest ones are small, and the few bytes that say how."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np

from srn_core.codec import magnitudes
from srn_core.codec.layout import CodeType
from srn_core.errors import SrnFormatError


class Integers(NamedTuple):
    """What a stream says of one array."""

    prior: int
    """Number of the prior of its magnitudes."""
    centre: int
    """Codebook: the first code that stands for a positive integer. Uniform: 0, not stored."""

    @classmethod
    def of(cls, codes: np.ndarray, kind: CodeType) -> Integers:
        """Chosen for ``codes`` (n,)."""
        centre = 0
        if not kind.signed:
            others = codes[codes != 0]
            centre = int(np.sort(others)[others.size // 2]) if others.size else 1
        about = cls(0, centre)
        numbers = about.numbers(codes, kind)
        return cls(magnitudes.best_prior(magnitudes.token_of(np.abs(numbers))), centre)

    def numbers(self, codes: np.ndarray, kind: CodeType) -> np.ndarray:
        """Codes (n,) as integers (n,) int64. Uniform: the same.

        Codebook: entries ascend, but for entry 0, which may be an exact zero. So code 0 stays 0, codes from the
        centre up are 1, 2, ..., those below it -1, -2, ...
        """
        codes = np.asarray(codes, np.int64)
        if kind.signed:
            return codes
        numbers = codes - self.centre
        return np.where(codes == 0, 0, numbers + (numbers >= 0))

    def codes(self, numbers: np.ndarray, kind: CodeType) -> np.ndarray:
        """Undo :meth:`numbers`, as int32."""
        if not kind.signed:
            numbers = np.where(numbers == 0, 0, numbers + self.centre - (numbers > 0))
        return np.asarray(numbers, np.int32)


def header_bytes(arrays: int, kind: CodeType) -> int:
    """Bytes of a header."""
    return arrays * (1 if kind.signed else 3)


def header_to(integers: Sequence[Integers], kind: CodeType) -> bytes:
    """A byte per array, its prior; in codebook groups then two bytes per array, its centre (little-endian)."""
    centres = b"" if kind.signed else np.array([about.centre for about in integers], "<u2").tobytes()
    return bytes(about.prior for about in integers) + centres


def header_from(data: bytes, arrays: int, kind: CodeType) -> tuple[list[Integers], bytes]:
    """The header of a stream and what follows it. Raises SrnFormatError where it is none."""
    size = header_bytes(arrays, kind)
    if len(data) < size or max(data[:arrays]) >= magnitudes.PRIORS:
        raise SrnFormatError("an entropy-coded stream has no sound header; the file is damaged")
    centres = [0] * arrays if kind.signed else np.frombuffer(data[arrays:size], "<u2").tolist()
    return [Integers(prior, centre) for prior, centre in zip(data[:arrays], centres)], data[size:]
