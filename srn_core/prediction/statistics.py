"""A few numbers by which one volume is like another, as far as compressing it goes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Mapping

import numpy as np

from srn_core.prediction.coded_sizes import first_component
from srn_core.rate.pyramid_choice import middle_of
from srn_core.volume import Volume

TINY = 1e-12
SHELLS = 6


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
    spectrum_slope: float
    """Exponent of the power spectrum, about, in the middle of the first component: 0 for white noise, -11/3 for
    turbulence, below -6 for very smooth fields."""

    @classmethod
    def of(cls, volume: Volume) -> VolumeStatistics:
        """Of the middle's valid values (see :func:`srn_core.rate.pyramid_choice.middle_of`); components alike, each
        with its own mean."""
        columns = np.moveaxis(volume.values.reshape(*volume.values.shape[:3], -1), -1, 0)
        values = np.moveaxis(middle_of(columns), 0, -1).astype(np.float64)
        valid = volume.validity()
        inside = np.ones(values.shape[:3], bool) if valid is None else middle_of(valid.reshape(columns.shape[1:]))
        if not inside.any():
            return cls(math.log(max(columns.size, 1)), 0.0, 0.0, 0.0)
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
            math.log(max(columns.size, 1)),
            math.log(max(rough, TINY)),
            math.log(max(deviation / max(float(np.mean(widths)), TINY), TINY)),
            spectrum_slope(first_component(volume)),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VolumeStatistics:
        """What asdict made. Raises ValueError or TypeError for what is none."""
        found = cls(**{str(name): float(value) for name, value in data.items()})
        if not all(math.isfinite(value) for value in asdict(found).values()):
            raise ValueError("statistics that are none")
        return found


def spectrum_slope(values: np.ndarray) -> float:
    """d ln(power) / d ln(frequency) of (z, y, x), by a line through shells of equal width in ln(frequency).

    Of the middle, its edges faded out; between a sixteenth and a third of a cycle per sample. 0 where nothing varies.
    """
    middle = middle_of(values).astype(np.float64)
    for axis, n in enumerate(middle.shape):
        window = np.hanning(n + 2)[1:-1] if n > 2 else np.ones(n)
        middle = (middle - middle.mean()) * window.reshape([-1 if a == axis else 1 for a in range(3)])
    power = np.square(np.abs(np.fft.rfftn(middle)))
    z, y, x = middle.shape
    axes = [np.fft.fftfreq(z, 1.0), np.fft.fftfreq(y, 1.0), np.fft.rfftfreq(x, 1.0)]
    frequency = np.sqrt(sum(np.square(f) for f in np.meshgrid(*axes, indexing="ij")))
    edges = np.geomspace(1 / 16, 1 / 3, SHELLS + 1)
    shell = np.digitize(frequency.ravel(), edges) - 1
    inside = (shell >= 0) & (shell < SHELLS)
    count = np.bincount(shell[inside], minlength=SHELLS)
    total = np.bincount(shell[inside], power.ravel()[inside], minlength=SHELLS)
    known = (count > 0) & (total > 0)
    if np.count_nonzero(known) < 2:
        return 0.0
    middles = np.log(np.sqrt(edges[1:] * edges[:-1]))[known]
    return float(np.polyfit(middles, np.log(total[known] / count[known]), 1)[0])
