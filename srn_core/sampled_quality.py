"""What a file gives back at samples without order, measured there."""

from __future__ import annotations

import math

import numpy as np

from srn_core import metrics
from srn_core.codec import Quality
from srn_core.neural_file import NeuralFile, WhichField
from srn_core.original_dtype import as_dtype
from srn_core.scattered import Samples


def measured(samples: Samples, file: NeuralFile, array: WhichField = None) -> Quality:
    """What the shipped decoder gives at the samples against their values, in the original dtype; SSIM is NaN, which
    only a grid has."""
    known = samples.known
    given = file.sample(samples.positions[known], array, outside="clamp").reshape(-1, samples.rows.shape[1])
    return quality_of(samples.rows[known], as_dtype(given, samples.values.dtype))


def quality_of(original: np.ndarray, given: np.ndarray) -> Quality:
    """Of rows (N, components) of one dtype."""
    as_line = (1, 1, *original.shape)
    before, after = original.reshape(as_line), given.reshape(as_line)
    figures = (metrics.psnr(before, after), metrics.rmse(before, after), metrics.max_error(before, after))
    psnr, rmse, largest = (float(f"{figure:.7g}") for figure in figures)
    return Quality(psnr, rmse, largest, math.nan)
