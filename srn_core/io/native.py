"""Values as this machine computes with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from srn_core.volume import Volume


def native(volume: Volume) -> Volume:
    """The same volume with values in this machine's byte order, C-contiguous and in memory."""
    values = np.ascontiguousarray(volume.values, dtype=volume.values.dtype.newbyteorder("="))
    return volume if values is volume.values else replace(volume, values=values)
