"""Points where latents are the values: interpolated by compiled loops, without a graph."""

from __future__ import annotations

from typing import Optional

import numpy as np

from onnx_export.latents import Latents
from onnx_export.parts import Work
from onnx_export.point_latents import places_per_coordinate
from srn_core.native import calls
from srn_core.progress import ProgressCallback
from srn_core.spec import FvSrnSpec


def of_latents(
    latents: Latents,
    spec: FvSrnSpec,
    positions: np.ndarray,
    result: np.ndarray,
    chunk: int,
    progress: Optional[ProgressCallback],
) -> Work:
    """What puts the values at normalised ``positions`` (N, 3) into ``result`` (N, C), ``chunk`` of them at a time.

    ``progress``: of what must be filtered first.
    """
    grid = latents.at_points(positions, progress)
    half, scale = np.array(spec.half_extent, np.float64), places_per_coordinate(spec)

    def decode(start: int) -> int:
        part = slice(start, start + chunk)
        values = calls.at_points(grid, positions[part], half, scale)
        result[part] = values
        return int(values.size)

    return Work(decode, range(0, len(positions), chunk))
