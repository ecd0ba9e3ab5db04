"""Whether a Neurcomp may beat an fv-SRN by rate, so that its training is worth the time."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Mapping, Sequence

import numpy as np

from srn_core.prediction.regression import Fit, fit
from srn_core.prediction.rules import LN_RATIO, finite, finite_numbers
from srn_core.prediction.statistics import VolumeStatistics

DOUBT = 2.0
"""Root mean squares of the fit's errors by which a Neurcomp may look worse and is tried all the same."""


@dataclass(frozen=True)
class NeurcompGain:
    """PSNR of a Neurcomp less that of an fv-SRN by rate at the same ratio, in dB, as a line."""

    coefficients: Mapping[str, float]
    """Of ln(ratio) and the volume's statistics."""
    rms: float
    """Root mean square of its errors, in dB."""
    points: int

    @classmethod
    def fitted(
        cls, ratios: Sequence[float], volumes: Sequence[VolumeStatistics], gains: Sequence[float]
    ) -> NeurcompGain:
        """To runs of both, one volume and ratio a place."""
        rows = [_terms(ratio, statistics) for ratio, statistics in zip(ratios, volumes)]
        line = fit({name: [row[name] for row in rows] for name in rows[0]}, gains)
        errors = [line.at(row) - gain for row, gain in zip(rows, gains)]
        return cls(line.coefficients, float(np.sqrt(np.mean(np.square(errors)))), len(gains))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NeurcompGain:
        """What asdict made. Raises KeyError, TypeError or ValueError for what is none."""
        return cls(finite_numbers(data["coefficients"]), finite(data["rms"]), int(data["points"]))

    def of(self, ratio: float, statistics: VolumeStatistics) -> float:
        """In dB."""
        return Fit(self.coefficients, 0.0, 0).at(_terms(ratio, statistics))

    def worth_trying(self, ratio: float, statistics: VolumeStatistics) -> bool:
        """Whether it may win."""
        return self.of(ratio, statistics) + DOUBT * self.rms > 0.0


def _terms(ratio: float, statistics: VolumeStatistics) -> dict[str, float]:
    return {LN_RATIO: math.log(ratio), **asdict(statistics)}
