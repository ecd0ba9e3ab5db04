"""A decoded grid and the truth, brick by brick, as a filter sees them."""

from __future__ import annotations

import itertools
from typing import Optional

import numpy as np
import torch
from torch import Tensor

Slices = tuple[slice, slice, slice]


def brick_shape(shape: tuple[int, int, int], voxels: int) -> tuple[int, int, int]:
    """A brick (z, y, x) of at most about ``voxels`` voxels: as near a cube as ``shape`` allows."""
    sides = [1, 1, 1]
    rest = float(voxels)
    for done, axis in enumerate(sorted(range(3), key=lambda a: shape[a])):
        sides[axis] = max(1, min(shape[axis], int(rest ** (1 / (3 - done)) + 1e-9)))
        rest /= sides[axis]
    return sides[0], sides[1], sides[2]


def tiles(shape: tuple[int, int, int], brick: tuple[int, int, int]) -> list[Slices]:
    """Bricks that cover ``shape``, each voxel once; those at the far ends are smaller."""
    axes = [[slice(start, min(start + b, n)) for start in range(0, n, b)] for n, b in zip(shape, brick)]
    return [(z, y, x) for z, y, x in itertools.product(*axes)]


class Bricks:
    """What a filter with ``halo`` layers starts from and should give: (features, z, y, x) both, float32."""

    def __init__(
        self, decoded: np.ndarray, truth: np.ndarray, weight: Optional[np.ndarray], halo: int, device: torch.device
    ) -> None:
        self.shape: tuple[int, int, int] = (decoded.shape[1], decoded.shape[2], decoded.shape[3])
        self.halo = halo
        sides = ((0, 0), *((halo, halo),) * 3)
        self._extended = torch.from_numpy(np.pad(np.asarray(decoded, np.float32), sides, mode="edge")).to(device)
        self._truth = torch.from_numpy(np.ascontiguousarray(truth, np.float32)).to(device)
        self._weight = None if weight is None else torch.from_numpy(np.ascontiguousarray(weight, bool)).to(device)

    def surroundings(self, brick: Slices) -> Tensor:
        """The decoded values of a brick and of its halo, a copy."""
        z, y, x = (slice(s.start, s.stop + 2 * self.halo) for s in brick)
        return self._extended[:, z, y, x].clone(memory_format=torch.contiguous_format)

    def missing(self, brick: Slices) -> Tensor:
        """Truth less decoded: what the filter should add."""
        inner = (slice(s.start + self.halo, s.stop + self.halo) for s in brick)
        return self._truth[(slice(None), *brick)] - self._extended[(slice(None), *inner)]

    def weight(self, brick: Slices) -> Optional[Tensor]:
        """Which voxels of the brick count; None where all do."""
        return None if self._weight is None else self._weight[brick]

    def counts(self, brick: Slices) -> bool:
        """Whether any voxel of the brick counts."""
        weight = self.weight(brick)
        return weight is None or bool(weight.any())

    def drawn(self, shape: tuple[int, int, int], rng: np.random.Generator) -> Slices:
        """A brick of ``shape`` at random. Ends are drawn about as often as the middle."""
        starts = [
            int(np.clip(rng.integers(-(b // 2), n - b + b // 2 + 1), 0, n - b)) for n, b in zip(self.shape, shape)
        ]
        z, y, x = (slice(start, start + b) for start, b in zip(starts, shape))
        return z, y, x
