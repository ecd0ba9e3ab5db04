"""Sizes that a volume was really coded to: what a size model is fitted to."""

from __future__ import annotations

import numpy as np

from srn_core.codec.pyramids import draft
from srn_core.fill import filled
from srn_core.prediction.size_model import CodedSize
from srn_core.prediction.sparsity import KEPT, Sparsity
from srn_core.rate.chooser import RateChooser
from srn_core.rate.pyramid_choice import candidates, middle_coefficients
from srn_core.volume import Volume

SHARES = tuple(float(share) for share in np.geomspace(0.6, 0.0006, 9))
"""Shares of the coefficients that are kept: ratios from about 10 to 5000."""
LEAST_KEPT, LEAST_BYTES = 60, 400.0
"""Below these a size is mostly chance."""


def coded_sizes(volume: Volume) -> list[CodedSize]:
    """Of the middle of the first component, coded with a few steps; none where the volume is constant or tiny."""
    coefficients = middle_coefficients(first_component(volume)[None])
    groups = candidates(coefficients.shape[1:])[0]
    magnitudes = np.sort(np.abs(coefficients).ravel())
    found = []
    for share in SHARES:
        place = int(round(magnitudes.size * share))
        step = float(np.float32(magnitudes[-place] / KEPT)) if place >= LEAST_KEPT else 0.0
        if step > 0:
            _, stream = draft(coefficients / np.float32(step), groups, RateChooser())
            found.append(CodedSize(Sparsity.of(coefficients, step), float(stream.size)))
    return [size for size in found if size.bytes >= LEAST_BYTES]


def first_component(volume: Volume) -> np.ndarray:
    """Values (z, y, x) of the first component from -1 to 1, float32, smooth where there are none."""
    values = volume.values.reshape(*volume.values.shape[:3], -1)[..., 0].astype(np.float64)
    valid = volume.validity()
    known = np.ones(values.shape, bool) if valid is None else valid.reshape(values.shape)
    low, high = float(values[known].min()), float(values[known].max())
    if not high > low:
        return np.zeros(values.shape, np.float32)
    scaled = ((values - (low / 2 + high / 2)) / (high / 2 - low / 2)).astype(np.float32)
    return filled(scaled, known) if valid is not None else scaled
