"""The quality of a file, measured layer after layer, by one process or by several that each have a part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Optional, Sequence

import numpy as np

from srn_core import metrics
from srn_core.codec import NeuralField, Quality
from srn_core.in_bricks.survey import validity
from srn_core.neural_file import NeuralFile
from srn_core.parts import VolumeParts
from srn_core.progress import ProgressCallback, share_of

LAYERS = 1 << 23
"""Values that are looked at together, about."""
LEAST_LAYERS = 16


@dataclass(frozen=True)
class Tally:
    """Sums over some voxels."""

    squared: float = 0.0
    largest: float = 0.0
    values: int = 0
    similarity: float = 0.0
    windows: float = 0.0

    def plus(self, other: Tally) -> Tally:
        """Of both."""
        return Tally(
            self.squared + other.squared,
            float(np.maximum(self.largest, other.largest)),  # which keeps a NaN
            self.values + other.values,
            self.similarity + other.similarity,
            self.windows + other.windows,
        )

    def to_json(self) -> list[Any]:
        """As JSON."""
        return [self.squared, self.largest, self.values, self.similarity, self.windows]

    def quality(self, span: float) -> Quality:
        """The figures, for values that span so much."""
        mse = self.squared / max(self.values, 1)
        if mse == 0.0:
            psnr, ssim = math.inf, 1.0
        else:
            psnr = 20 * math.log10(span) - 10 * math.log10(mse) if span else -math.inf
            ssim = self.similarity / self.windows if self.windows and span else math.nan
        figures = (psnr, math.sqrt(mse), self.largest, ssim)
        return Quality(*(float(f"{figure:.7g}") for figure in figures))


def tally(
    file: NeuralFile,
    field: NeuralField,
    parts: VolumeParts,
    core: Sequence[int],
    known: Sequence[int],
    progress: Optional[ProgressCallback] = None,
    at_once: int = LAYERS,
) -> Tally:
    """What the shipped decoder's result errs by in a region of samples, counted from the first one.

    Args:
        core: x0, x1, y0, y1, z0, z1, both ends included: what is measured.
        known: the region that ``parts`` can read, about the core: windows of the SSIM reach up to 3 samples further.
        at_once: samples that may be read together, about.
    """
    low = min(a for a, _ in field.value_range)
    span = max(b for _, b in field.value_range) - low
    found = Tally()
    x0, x1, y0, y1, z0, z1 = core
    layer = (x1 - x0 + 1) * (y1 - y0 + 1)
    thick = max(LEAST_LAYERS, min(at_once // layer, LAYERS // (layer * parts.components)))
    for begin in range(z0, z1 + 1, thick):
        inner = [x0, x1, y0, y1, begin, min(begin + thick - 1, z1)]
        told = share_of(progress, (begin - z0) / (z1 + 1 - z0), (inner[5] + 1 - begin) / (z1 + 1 - z0), "measuring")
        found = found.plus(_of_layers(file, field, parts, inner, known, low, span, told))
    return found


def _of_layers(
    file: NeuralFile,
    field: NeuralField,
    parts: VolumeParts,
    inner: Sequence[int],
    known: Sequence[int],
    low: float,
    span: float,
    progress: Optional[ProgressCallback],
) -> Tally:
    half = [min(metrics.SSIM_WINDOW, n - 1 + n % 2) // 2 for n in parts.geometry.dims]
    reach: list[int] = []
    for axis in range(3):
        reach.append(max(inner[2 * axis] - half[axis], known[2 * axis]))
        reach.append(min(inner[2 * axis + 1] + half[axis], known[2 * axis + 1]))
    volume = parts.read(reach)
    valid = validity(volume)
    start = field.geometry.start
    region = [end + start[place // 2] for place, end in enumerate(reach)]
    decoded = file.decode(array=field, region=region, progress=progress).values
    original, decoded = (values.reshape(*values.shape[:3], -1) for values in (volume.values, decoded))
    x, y, z = (slice(i0 - r0, i1 - r0 + 1) for i0, i1, r0 in zip(inner[::2], inner[1::2], reach[::2]))
    before, after = original[z, y, x], decoded[z, y, x]
    if valid is not None:
        before, after = before[valid[z, y, x]], after[valid[z, y, x]]
    error = (after.astype(np.float64) - before.astype(np.float64)).ravel()
    largest = float(np.abs(error).max()) if error.size else 0.0
    similarity, windows = 0.0, 0.0
    if span and (valid is None or valid.any()):
        similarity, windows = metrics.ssim_sum(original, decoded, valid, low, span)
    return Tally(float(error @ error), largest, int(error.size), similarity, windows)
