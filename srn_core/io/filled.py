"""Values for formats that keep no mask."""

from __future__ import annotations

import numpy as np

from srn_core.volume import Volume


def filled(volume: Volume) -> np.ndarray:
    """The volume's values with NaN, or 0 in integers, where they are not valid."""
    if volume.valid is None or volume.valid.all():
        return volume.values
    values = volume.values.copy()
    values[~volume.valid] = np.nan if values.dtype.kind == "f" else 0
    return values
