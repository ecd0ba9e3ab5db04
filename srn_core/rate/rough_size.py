"""About how many bytes a quality will take, from the middle of a volume alone: in a fraction of a second."""

from __future__ import annotations

import math
from typing import Optional

import numpy as np

from srn_core.codec.pyramids import draft
from srn_core.pyramid import analyse, pyramid_of, synthesise_pyramid
from srn_core.rate.chooser import RateChooser
from srn_core.rate.promises import ERROR_STEPS
from srn_core.rate.pyramid_choice import FILTERS, candidates

EDGE = 80
"""Samples along each axis of what is coded, at most. Of the wind of Isabel, whose eye lies there, the middle of 48 has
three times the bytes of the whole for a PSNR, of 96 half as many more."""
TRIES = 3
HEADER_BYTES = 700


def rough_bytes(
    values: np.ndarray, value_range: tuple[float, float], psnr: Optional[float] = None, error: Optional[float] = None
) -> Optional[float]:
    """Bytes of a file by rate with that PSNR in dB, or that largest error in the array's units; None where the volume
    has one value, or more than a number a sample.

    ``values``: (z, y, x); ``value_range``: their smallest and largest. What lies outside of the middle is taken to be
    like it; corrections of a largest error are not counted.
    """
    low, high = value_range
    if values.ndim != 3 or not high > low or (psnr is None) == (error is None):
        return None
    part = values[tuple(slice((n - min(n, EDGE)) // 2, (n + min(n, EDGE) + 1) // 2) for n in values.shape)]
    middle = ((part.astype(np.float64) - (low + high) / 2) / ((high - low) / 2)).astype(np.float32)
    middle = np.where(np.isfinite(middle), middle, np.float32(0.0))
    pyramid = pyramid_of(FILTERS[0], candidates(middle.shape)[0])
    coefficients = analyse(middle, pyramid)[None]
    wanted = 0.0 if psnr is None else 2.0 * 10.0 ** (-psnr / 20.0)
    step = 4.0 * wanted if error is None else ERROR_STEPS[1] * 2.0 * error / (high - low)
    size = 0.0
    for _ in range(TRIES if error is None else 1):
        codes, stream = draft(coefficients / np.float32(step), pyramid.groups, RateChooser())
        size = stream.size
        if error is None:
            decoded = synthesise_pyramid(codes[0] * np.float32(step), pyramid)
            rmse = math.sqrt(float(np.square(decoded - middle, dtype=np.float64).mean()))
            if rmse == 0.0 or abs(math.log(wanted / rmse)) < 0.05:
                break
            step *= min(max(wanted / rmse, 0.2), 5.0)
    return HEADER_BYTES + size * values.size / middle.size
