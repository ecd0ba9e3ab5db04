"""The values a network is trained on: normalised, flat, on the device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Sequence

import numpy as np
import torch
from torch import Tensor

from srn_core.coordinates import normalise, normalise_axis
from srn_core.scattered import Samples, interpolated_rows
from srn_core.volume import Volume


@dataclass(frozen=True)
class Derivatives:
    """A volume's derivatives as the trainer sees them (thesis 2.7)."""

    values: Tensor
    """(voxels, components, 3) float32: normalised value per normalised coordinate along x, y, z."""
    valid: Optional[Tensor]
    """(voxels,) float32, 1 where the voxel and its six neighbours have values; None: everywhere."""
    power: float
    """Mean square of the derivatives that are known; the error on them is measured in it."""


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
    derivatives: Optional[Derivatives] = None
    """None: nobody asked for them."""
    points: Optional[Tensor] = None
    """(voxels, 3) float32, normalised: where the values are, if not on the voxels; they are all valid then."""

    @property
    def voxels(self) -> int:
        """Number of voxels, valid or not; of samples where they are elsewhere."""
        return self.values.shape[0]


def normalised_values(
    volume: Volume, valid: Optional[np.ndarray], value_range: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """(voxels, components) float32 in [-1, 1]; 0 where not valid and in constant components."""
    out = _normalised(volume.values.reshape(-1, volume.components), value_range)
    if valid is not None:
        out[~valid.reshape(-1)] = 0.0
    return out


def _normalised(flat: np.ndarray, value_range: tuple[tuple[float, float], ...]) -> np.ndarray:
    out = np.empty(flat.shape, np.float32)
    for c, (low, high) in enumerate(value_range):
        if high > low:
            # float64 before the subtraction: 1e6 +- 1 must keep its digits.
            out[:, c] = (flat[:, c].astype(np.float64) - (low / 2 + high / 2)) / (high / 2 - low / 2)
        else:
            out[:, c] = 0.0
    return out


def derivatives_of(
    values: np.ndarray, valid: Optional[np.ndarray], axes: Sequence[np.ndarray]
) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Derivatives (z, y, x, components, 3) of values (z, y, x, components), and where they are known (z, y, x).

    Central differences, one-sided at the ends of an axis, 0 along an axis of one sample. ``axes``: the coordinates
    along x, y, z, equally spaced. A derivative is not known at a voxel without value, nor next to one.
    """
    out = np.zeros((*values.shape, 3), np.float32)
    known = None if valid is None else valid.copy()
    for axis, u in enumerate(axes):
        where = 2 - axis
        if len(u) < 2:
            continue
        spacing = float(u[-1] - u[0]) / (len(u) - 1)
        out[..., axis] = np.gradient(values, np.float32(spacing), axis=where)
        if known is not None and valid is not None:
            near, away = (np.moveaxis(a, where, 0) for a in (known, valid))
            near[1:] &= away[:-1]
            near[:-1] &= away[1:]
    return out, known


def truth_of(
    volume: Volume,
    valid: Optional[np.ndarray],
    value_range: tuple[tuple[float, float], ...],
    device: torch.device,
    derivatives: bool = False,
) -> Truth:
    """Normalise a volume and put it on a device, with its derivatives where a loss needs them."""
    dims = volume.geometry.dims
    coordinates = [normalise_axis(np.arange(n), n, dims) for n in dims]
    x, y, z = (torch.as_tensor(u, dtype=torch.float32, device=device) for u in coordinates)
    values = normalised_values(volume, valid, value_range)
    return Truth(
        torch.as_tensor(values, device=device),
        None if valid is None else torch.as_tensor(valid.reshape(-1), dtype=torch.float32, device=device),
        dims,
        (x, y, z),
        _derivatives(values.reshape(*reversed(dims), -1), valid, coordinates, device) if derivatives else None,
    )


def scattered_truth(
    samples: Samples,
    volume: Volume,
    value_range: tuple[tuple[float, float], ...],
    device: torch.device,
    derivatives: bool = False,
) -> Truth:
    """The samples themselves, those aside that hold no value; their derivatives are those of the volume over their
    box, which nothing else knows."""
    known = samples.known
    # Rounding may leave a sample at the box's edge just outside, where the decoder gives what is at the edge.
    index = volume.geometry.index_of(samples.positions[known].astype(np.float64))
    index = np.clip(index, 0, np.array(volume.geometry.dims) - 1)
    gridded = truth_of(volume, None, value_range, device, derivatives)
    return replace(
        gridded,
        values=torch.as_tensor(_normalised(samples.rows[known], value_range), device=device),
        derivatives=None if gridded.derivatives is None else _at(index, gridded.derivatives, volume, device),
        points=torch.as_tensor(normalise(index, volume.geometry.dims), dtype=torch.float32, device=device),
    )


def _at(index: np.ndarray, known: Derivatives, volume: Volume, device: torch.device) -> Derivatives:
    """Derivatives at fractional indices (N, 3) of the volume."""
    rows = known.values.flatten(1).cpu().numpy()
    found = interpolated_rows(rows, volume.geometry.dims, index).astype(np.float32)
    power = float(np.mean(np.square(found, dtype=np.float64)))
    return Derivatives(torch.as_tensor(found.reshape(len(found), -1, 3), device=device), None, power)


def _derivatives(
    values: np.ndarray, valid: Optional[np.ndarray], axes: Sequence[np.ndarray], device: torch.device
) -> Derivatives:
    found, known = derivatives_of(values, valid, axes)
    counted = found if known is None else found[known]
    power = float(np.mean(np.square(counted, dtype=np.float64))) if counted.size else 0.0
    return Derivatives(
        torch.as_tensor(found.reshape(-1, values.shape[-1], 3), device=device),
        None if known is None else torch.as_tensor(known.reshape(-1), dtype=torch.float32, device=device),
        power,
    )
