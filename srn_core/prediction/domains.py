"""The values that a setting may take: a range or a choice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple, Union

Scalar = Union[float, int, str, bool]


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds, both included."""

    low: float
    high: float
    log: bool = False
    """Equal ratios are equally likely, not equal differences."""
    whole: bool = False
    """Whole numbers."""

    def at(self, share: float) -> Scalar:
        """The number at a share (0 to 1) of the way from low to high."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole and not self.log else (self.low, self.high)
        value = low * (high / low) ** share if self.log else low + (high - low) * share
        value = min(max(round(value) if self.whole else value, self.low), self.high)
        return int(value) if self.whole else float(value)

    def nearest(self, value: float) -> Scalar:
        """The number of the range that is nearest to another one."""
        number = min(max(value, self.low), self.high)
        return int(round(number)) if self.whole else float(number)

    def share_of(self, value: float) -> float:
        """How far along its range a number lies, 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Choice:
    """One of several values without an order."""

    values: Tuple[Scalar, ...]

    def at(self, share: float) -> Scalar:
        """The value that a share (0 to 1) means."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def nearest(self, value: Scalar) -> Scalar:
        """The value itself, or the first one where it is none of them."""
        return next((known for known in self.values if known == value), self.values[0])


Domain = Union[Range, Choice]
