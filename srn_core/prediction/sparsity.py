"""What a quantiser's step leaves of wavelet coefficients: what of a file's size can be seen without coding.

A coefficient below some two thirds of a step becomes zero, the others cost a sign, their magnitude, and that they are
to be told from zeros. The last is cheap where they lie close together, so that it is counted block by block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator

import numpy as np

KEPT, SURE = 0.65, 0.85
"""Shares of a step above which a coefficient is mostly, and surely, worth its bits."""
BLOCKS = (2, 4)
"""Edges of the blocks in which what is kept is counted."""
LEAST = 1.0
SLAB = 1 << 20


@dataclass(frozen=True)
class Sparsity:
    """Of coefficients at one step."""

    step: float
    """On values from -1 to 1."""
    values: int
    kept: int
    """Coefficients above :data:`KEPT` steps."""
    sure: int
    """Those above :data:`SURE` steps."""
    magnitude: float
    """Sum over what is kept of log2(magnitude / (KEPT steps)), in bits."""
    told: tuple[float, ...]
    """For each of :data:`BLOCKS`: bits that tell what is kept from what is not, if each block's share is known."""
    error: float
    """Mean squared error that the step makes, about: step^2 / 12 of what is kept, all of what is not."""

    @classmethod
    def of(cls, coefficients: np.ndarray, step: float) -> Sparsity:
        """Of stored coefficients (features, z, y, x), in the unit of the normalised values."""
        kept = sure = 0
        magnitude = lost = 0.0
        told = [0.0] * len(BLOCKS)
        for part in _slabs(coefficients):
            magnitudes = np.abs(part)
            above = magnitudes > KEPT * step
            large = magnitudes[above].astype(np.float64)
            kept += large.size
            sure += int(np.count_nonzero(large > SURE * step))
            magnitude += float(np.log2(large / (KEPT * step)).sum())
            magnitudes[above] = 0.0
            lost += float(np.square(magnitudes).sum(dtype=np.float64))
            for place, edge in enumerate(BLOCKS):
                told[place] += _told(above, edge)
        error = (lost + kept * step * step / 12.0) / max(coefficients.size, 1)
        return cls(step, coefficients.size, kept, sure, magnitude, tuple(told), error)

    @property
    def bits(self) -> float:
        """What they take, about, without what neighbours tell of each other beyond blocks of 4."""
        return max(self.told[-1] + self.kept + self.magnitude, LEAST)

    @property
    def psnr(self) -> float:
        """In dB, of values from -1 to 1; without a filter."""
        return 10.0 * math.log10(4.0 / max(self.error, 1e-30))

    def terms(self) -> dict[str, float]:
        """By what the true size is larger or smaller than :attr:`bits`: logarithms of shares."""
        kept = max(self.kept, LEAST)
        fine, coarse = (bits + kept for bits in self.told)
        return {
            "density": math.log(kept / self.values),
            "closeness": math.log(coarse / fine),
            "magnitude": math.log(self.magnitude / kept + 0.5),
            "magnitude_share": self.magnitude / self.bits,
            "sureness": math.log((self.sure + LEAST) / (kept + LEAST)),
        }


def _slabs(coefficients: np.ndarray) -> Iterator[np.ndarray]:
    """(z, y, x) parts of (features, z, y, x), whole blocks thick, that are soon looked at and take little memory."""
    edge = BLOCKS[-1]
    thick = max(1, SLAB // max(coefficients.shape[2] * coefficients.shape[3] * edge, 1)) * edge
    for feature in coefficients:
        for first in range(0, len(feature), thick):
            yield feature[first : first + thick]


def _told(kept: np.ndarray, edge: int) -> float:
    """Entropy in bits of (z, y, x) of bool, if each block's share of True is known."""
    padded = np.pad(kept, [(0, -n % edge) for n in kept.shape])
    z, y, x = (n // edge for n in padded.shape)
    share = padded.reshape(z, edge, y, edge, x, edge).sum((1, 3, 5), dtype=np.float64) / edge**3
    mixed = share[(share > 0) & (share < 1)]
    return float(-(mixed * np.log2(mixed) + (1 - mixed) * np.log2(1 - mixed)).sum() * edge**3)
