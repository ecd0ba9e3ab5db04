"""A few numbers by which one volume is like another, as far as compressing it goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from srn_core.volume import Volume

TINY = 1e-12


@dataclass(frozen=True)
class VolumeStatistics:
    """Of one array; all finite."""

    log_values: float
    """Natural logarithm of the number of values."""
    log_roughness: float
    """Natural logarithm of the RMS difference of neighbours, over the standard deviation: 0.35 for white noise, below
    -4 for very smooth fields."""
    log_spread: float
    """Natural logarithm of the standard deviation, over the range."""

    @classmethod
    def of(cls, volume: Volume) -> VolumeStatistics:
        """Of all valid values; components alike, each with its own mean."""
        values = volume.values.astype(np.float64).reshape(*volume.values.shape[:3], -1)
        valid = volume.validity()
        inside = np.ones(values.shape[:3], bool) if valid is None else valid.reshape(values.shape[:3])
        variance = np.mean([np.var(values[..., c][inside]) for c in range(values.shape[3])])
        widths = [np.ptp(values[..., c][inside]) for c in range(values.shape[3])]
        squares, count = 0.0, 0
        for axis in range(3):
            n = values.shape[axis]
            low, high = np.arange(0, n - 1), np.arange(1, n)
            both = np.take(inside, low, axis) & np.take(inside, high, axis)
            difference = (np.take(values, high, axis) - np.take(values, low, axis))[both]
            squares, count = squares + float(np.sum(difference**2)), count + difference.size
        deviation = math.sqrt(max(float(variance), TINY**2))
        rough = math.sqrt(squares / max(count, 1)) / deviation
        return cls(
            math.log(max(values.size, 1)),
            math.log(max(rough, TINY)),
            math.log(max(deviation / max(float(np.mean(widths)), TINY), TINY)),
        )
