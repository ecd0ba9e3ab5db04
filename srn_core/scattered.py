"""Values at scattered positions as values on a regular grid over their box, from which they can be interpolated back.

Points of unstructured grids and surfaces, middles of cells, particles: what has values at places without order. The
grid is the one whose trilinear interpolation comes nearest to the samples (least squares), smooth where there are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Optional, Sequence

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.fill import filled
from srn_core.volume import Geometry, Volume

VOXELS_PER_SAMPLE = 2.0
"""Where no dims are given. Samples that lie unevenly leave many voxels without one."""
MOST_VOXELS = 1 << 27
"""Where no dims are given."""
SMOOTHNESS = 1e-3
"""Weight of squared differences between neighbouring voxels, against 1 for squared errors at samples."""
STEPS = 40
"""Steps of conjugate gradients, at most."""
CLOSE = 1e-4
"""They stop where the residual is so small a part of the first one."""


@dataclass(frozen=True)
class Samples:
    """Values at scattered positions. Samples that are not finite are none; see :attr:`known`."""

    positions: np.ndarray
    """(N, 3), world coordinates."""
    values: np.ndarray
    """(N,) or (N, components), any real numeric dtype."""
    name: str = "values"
    units: str = ""
    time: Optional[float] = None
    block: str = ""
    """Which block of a composite data set they belong to."""
    blanked: bool = False
    """Whether places without a value, which are left out here, are hidden."""

    def __post_init__(self) -> None:
        if self.positions.ndim != 2 or self.positions.shape[1] != 3:
            raise SrnInputError(f"positions of samples have the shape (N, 3), not {self.positions.shape}")
        if self.values.ndim not in (1, 2) or len(self.values) != len(self.positions):
            raise SrnInputError(
                f"array '{self.name}' has shape {self.values.shape}, but there are {len(self.positions)} positions; it "
                "needs a value, or a row of components, for each"
            )
        if self.values.dtype.kind not in "fiub":
            raise SrnInputError(
                f"array '{self.name}' has type {self.values.dtype}; only real numbers can be compressed"
            )
        if not self.known.any():
            raise SrnInputError(f"array '{self.name}' has no finite value at a finite position: nothing to compress")

    @property
    def rows(self) -> np.ndarray:
        """Values as (N, components)."""
        return self.values.reshape(len(self.values), -1)

    @property
    def known(self) -> np.ndarray:
        """(N,) of bool: which samples have a finite position and finite values."""
        finite: np.ndarray = np.isfinite(self.positions).all(axis=1) & np.isfinite(self.rows).all(axis=1)
        return finite


def gridded(
    samples: Samples,
    dims: Optional[Sequence[int]] = None,
    box: Optional[np.ndarray] = None,
    per_sample: float = VOXELS_PER_SAMPLE,
) -> Volume:
    """A volume over the samples' box whose trilinear interpolation comes nearest to them.

    ``dims``: points along x, y and z; by default ``per_sample`` voxels for each sample in cubes, as far as the box
    allows, and one along an axis on which all samples have the same coordinate. ``box``: (M, 3), positions over which
    it reaches too. Raises SrnInputError for dims that are no grid.
    """
    known = samples.known
    positions, rows = samples.positions[known].astype(np.float64), samples.rows[known].astype(np.float64)
    ends = [positions.min(axis=0), positions.max(axis=0)]
    if box is not None:
        ends += [box.min(axis=0), box.max(axis=0)]
    where = box_geometry(np.array(ends), len(positions), dims, per_sample)
    interpolation = _Interpolation(where.dims, where.index_of(positions))
    columns = [_fitted(interpolation, column, where) for column in rows.T]
    dtype = samples.values.dtype if samples.values.dtype.kind == "f" else np.dtype(np.float32)
    values = np.stack(columns, axis=-1).astype(np.promote_types(dtype, np.float32))
    shape = where.shape if samples.values.ndim == 1 else (*where.shape, rows.shape[1])
    return Volume(values.reshape(shape), where, samples.name, samples.units, samples.time, block=samples.block)


def interpolated(volume: Volume, positions: np.ndarray) -> np.ndarray:
    """(N, components): a volume's values, trilinearly interpolated, at positions (N, 3)."""
    rows = volume.values.reshape(volume.geometry.samples, -1)
    return interpolated_rows(rows, volume.geometry.dims, volume.geometry.index_of(positions.astype(np.float64)))


def interpolated_rows(rows: np.ndarray, dims: tuple[int, int, int], index: np.ndarray) -> np.ndarray:
    """(N, components): a grid's rows (voxels, components), trilinearly interpolated, at fractional indices (N, 3)."""
    interpolation = _Interpolation(dims, index)
    return np.stack([interpolation.at_samples(column) for column in rows.astype(np.float64).T], axis=-1)


def box_geometry(
    positions: np.ndarray,
    samples: int,
    dims: Optional[Sequence[int]] = None,
    per_sample: float = VOXELS_PER_SAMPLE,
) -> Geometry:
    """The grid over the box of positions (M, 3), for so many samples. ``dims``, and what is raised: see gridded."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    lengths = high - low
    if dims is None:
        nx, ny, nz = _dims_for(lengths, samples * per_sample)
    elif len(dims) != 3 or min(dims) < 1:
        raise SrnInputError(f"the dims of a grid are three whole numbers from 1 on, not {tuple(dims)}")
    else:
        nx, ny, nz = (int(n) for n in dims)
    x, y, z = (float(length / (n - 1)) if n > 1 and length else 1.0 for length, n in zip(lengths, (nx, ny, nz)))
    # A single layer lies in the middle.
    first = [float(a if n > 1 else (a + b) / 2) for a, b, n in zip(low, high, (nx, ny, nz))]
    return Geometry((nx, ny, nz), origin=(first[0], first[1], first[2]), spacing=(x, y, z))


def _dims_for(lengths: np.ndarray, most: float) -> tuple[int, int, int]:
    """About as many points as are wanted, in cubes; at least two along an axis that has a length."""
    wanted = min(most, MOST_VOXELS)
    dims = np.ones(3, np.int64)
    left = np.flatnonzero(lengths > 0)
    while left.size:
        step = float(np.exp((np.log(lengths[left]).sum() - np.log(wanted)) / left.size))
        thin = left[lengths[left] < step]
        if not thin.size:
            dims[left] = np.maximum(np.rint(lengths[left] / step), 1).astype(np.int64) + 1
            break
        dims[thin] = 2
        wanted = max(wanted / 2.0**thin.size, 1.0)
        left = np.setdiff1d(left, thin)
    nx, ny, nz = (int(n) for n in dims)
    return nx, ny, nz


class _Interpolation:
    """Trilinear interpolation at fixed indices (N, 3), as a linear map of all voxels, and its transpose."""

    def __init__(self, dims: tuple[int, int, int], index: np.ndarray) -> None:
        self.voxels = dims[0] * dims[1] * dims[2]
        index = np.clip(index, 0, np.array(dims) - 1)
        low = np.minimum(index.astype(np.int64), np.maximum(np.array(dims) - 2, 0))
        share = index - low
        strides = (1, dims[0], dims[0] * dims[1])
        sides = [(0, 1) if n > 1 else (0,) for n in dims]
        self._corners: list[tuple[np.ndarray, np.ndarray]] = []
        for corner in product(*sides):
            places = sum((low[:, axis] + corner[axis]) * strides[axis] for axis in range(3))
            weights = np.ones(len(index))
            for axis, n in enumerate(dims):
                if n > 1:
                    weights *= share[:, axis] if corner[axis] else 1.0 - share[:, axis]
            self._corners.append((np.asarray(places), weights.astype(np.float32)))

    def at_samples(self, voxels: np.ndarray) -> np.ndarray:
        """(N,) from all voxels."""
        return np.asarray(sum(weights * voxels[places] for places, weights in self._corners))

    def to_voxels(self, samples: np.ndarray) -> np.ndarray:
        """The transpose: all voxels from (N,)."""
        found = np.zeros(self.voxels)
        for places, weights in self._corners:
            found += np.bincount(places, weights * samples, self.voxels)
        return found


def _fitted(interpolation: _Interpolation, wanted: np.ndarray, where: Geometry) -> np.ndarray:
    """All voxels, flat: least squares by conjugate gradients, from the samples' own means on."""
    middle = float(wanted.mean())
    wanted = wanted - middle
    weight = interpolation.to_voxels(np.ones_like(wanted))
    near = weight > 1e-6
    means = interpolation.to_voxels(wanted) / np.where(near, weight, 1.0)
    found = filled(means.reshape(where.shape), near.reshape(where.shape)).astype(np.float64).ravel()

    def normal(voxels: np.ndarray) -> np.ndarray:
        return interpolation.to_voxels(interpolation.at_samples(voxels)) + SMOOTHNESS * _roughness(voxels, where.shape)

    left = interpolation.to_voxels(wanted) - normal(found)
    direction, power = left.copy(), float(left @ left)
    enough = CLOSE**2 * power
    for _ in range(STEPS):
        if power <= enough:
            break
        image = normal(direction)
        step = power / float(direction @ image)
        found += step * direction
        left -= step * image
        before, power = power, float(left @ left)
        direction = left + (power / before) * direction
    return np.asarray(found + middle)


def _roughness(voxels: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Half the gradient of the sum of squared differences between neighbours."""
    grid = voxels.reshape(shape)
    found = np.zeros(shape)
    for axis in range(3):
        rise = np.diff(grid, axis=axis)
        ahead: list[slice] = [slice(None)] * 3
        behind: list[slice] = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        found[tuple(ahead)] += rise
        found[tuple(behind)] -= rise
    return found.ravel()
