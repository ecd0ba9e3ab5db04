"""How many bytes a volume's coefficients take at a step, without coding them; and so the step that a ratio needs.

ln(bytes) = ln(bits / 8) + a line through what :class:`Sparsity` sees, fitted to volumes that were really coded.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from srn_core.prediction.regression import Fit, fit
from srn_core.prediction.sparsity import BLOCKS, Sparsity

SLOPE = -1.2
"""d ln(bytes) / d ln(step), about."""
NEAR = 0.01
"""Part of the wanted bytes, or about a tenth of a dB, that is near enough for a prediction."""
MOST_LOOKS = 12
FINEST, COARSEST = 1e-7, 1e3


@dataclass(frozen=True)
class CodedSize:
    """A volume that was coded with one step."""

    sparsity: Sparsity
    bytes: float
    """Of the coefficients' stream."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CodedSize:
        """What :meth:`to_dict` made. Raises ValueError, TypeError or KeyError for what is none."""
        seen = dict(data["sparsity"])
        found = cls(Sparsity(**{**seen, "told": tuple(float(bits) for bits in seen["told"])}), float(data["bytes"]))
        numbers = [found.bytes, *found.sparsity.told, *(float(v) for k, v in seen.items() if k != "told")]
        if not all(math.isfinite(n) for n in numbers) or found.bytes <= 0 or len(found.sparsity.told) != len(BLOCKS):
            raise ValueError("sizes that are none")
        return found


@dataclass(frozen=True)
class SizeModel:
    """The line, and how well it fits."""

    coefficients: Mapping[str, float]
    rms: float
    """Root mean square of ln(predicted / true bytes) over what it was fitted to."""
    points: int

    @classmethod
    def fitted(cls, sizes: Sequence[CodedSize]) -> SizeModel:
        """By least squares. Needs a size at least."""
        rows = [size.sparsity.terms() for size in sizes]
        wanted = [math.log(8.0 * size.bytes / size.sparsity.bits) for size in sizes]
        line = fit({name: [row[name] for row in rows] for name in rows[0]}, wanted)
        left = [line.at(row) - true for row, true in zip(rows, wanted)]
        return cls(line.coefficients, float(np.sqrt(np.mean(np.square(left)))), len(sizes))

    def bytes_of(self, seen: Sparsity) -> float:
        """Of the coefficients' stream."""
        return seen.bits / 8.0 * math.exp(Fit(self.coefficients, 0.0, 0).at(seen.terms()))

    def step_for_bytes(self, coefficients: np.ndarray, most: float, start: float) -> Sparsity:
        """What (features, z, y, x) look like at the step with which they take about ``most`` bytes."""
        return _landed(coefficients, start, lambda seen: math.log(self.bytes_of(seen) / max(most, 1.0)) / SLOPE, NEAR)

    def step_for_psnr(self, coefficients: np.ndarray, wanted: float, start: float) -> Sparsity:
        """The same for about a PSNR in dB, without a filter."""
        return _landed(coefficients, start, lambda seen: (seen.psnr - wanted) / -7.0, NEAR)


def _landed(coefficients: np.ndarray, start: float, off: Callable[[Sparsity], float], near: float) -> Sparsity:
    """Look at steps until ``off``, how far ln(step) is too large, is near 0: Newton's way, halved where it swings."""
    step, last = min(max(start, FINEST), COARSEST), 0.0
    for _ in range(MOST_LOOKS):
        seen = Sparsity.of(coefficients, step)
        stride = -min(max(off(seen), -3.0), 3.0)
        if abs(stride) < near:
            break
        if stride * last < 0:
            stride /= 2.0
        step, last = min(max(step * math.exp(stride), FINEST), COARSEST), stride
    return seen
