"""The values a network is trained on: normalised, flat, on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np
import torch
from torch import Tensor

from srn_core.coordinates import normalise_axis
from srn_core.volume import Volume


@dataclass(frozen=True)
class Truth:
    """A volume as the trainer sees it."""

    values: Tensor
    """(voxels, components) float32, each component's range mapped to [-1, 1]; 0 where there is no value."""
    valid: Optional[Tensor]
    """(voxels,) float32, 1 where there is a value; None: everywhere."""
    dims: tuple[int, int, int]
    """(x, y, z) samples."""
    axes: tuple[Tensor, Tensor, Tensor]
    """Normalised coordinates of the samples along x, y, z."""

    @property
    def voxels(self) -> int:
        """Number of voxels, valid or not."""
        return self.values.shape[0]


def normalised_values(
    volume: Volume, valid: Optional[np.ndarray], value_range: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """(voxels, components) float32 in [-1, 1]; 0 where not valid and in constant components."""
    flat = volume.values.reshape(-1, volume.components)
    out = np.empty(flat.shape, np.float32)
    for c, (low, high) in enumerate(value_range):
        if high > low:
            # float64 before the subtraction: 1e6 +- 1 must keep its digits.
            out[:, c] = (flat[:, c].astype(np.float64) - (low / 2 + high / 2)) / (high / 2 - low / 2)
        else:
            out[:, c] = 0.0
    if valid is not None:
        out[~valid.reshape(-1)] = 0.0
    return out


def truth_of(
    volume: Volume,
    valid: Optional[np.ndarray],
    value_range: tuple[tuple[float, float], ...],
    device: torch.device,
) -> Truth:
    """Normalise a volume and put it on a device."""
    dims = volume.geometry.dims
    x, y, z = (torch.as_tensor(normalise_axis(np.arange(n), n, dims), dtype=torch.float32, device=device) for n in dims)
    return Truth(
        torch.as_tensor(normalised_values(volume, valid, value_range), device=device),
        None if valid is None else torch.as_tensor(valid.reshape(-1), dtype=torch.float32, device=device),
        dims,
        (x, y, z),
    )
