"""The latent feature grid, spatial or as multi-level wavelet coefficients (thesis 4.2, 4.2.1)."""

from __future__ import annotations

import math
from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.networks.base import Lattice
from srn_core.spec import FvSrnSpec, level_shapes
from srn_core.wavelet import level_matrices

INITIAL_SPREAD = 0.01
"""Standard deviation of fresh coefficients: small, so that the predictor starts on a smooth field."""


class LatentGrid(nn.Module):
    """Trainable latent grid, read by trilinear interpolation.

    Parameters are named as the spec names its arrays: ``grid``, or ``approx`` and ``detail{l}``.
    ``kept_*`` buffers hold 1 where a coefficient lives and 0 where it was pruned for good.
    """

    def __init__(self, spec: FvSrnSpec, generator: Optional[torch.Generator] = None) -> None:
        super().__init__()
        self.spec = spec
        self.coefficients = nn.ParameterDict()
        for name, shape in spec.grid_shapes().items():
            self.coefficients[name] = nn.Parameter(torch.randn(shape, generator=generator) * INITIAL_SPREAD)
            self.register_buffer(f"kept_{name}", torch.ones(shape[1:]))
        self._levels: list[tuple[int, list[Optional[tuple[Tensor, Tensor]]]]] = []
        if spec.wavelet is not None:
            levels = level_shapes(spec.grid, spec.wavelet.levels)
            shapes = [spec.grid] + [s for s, _ in levels[:-1]]
            for number in range(len(levels), 0, -1):
                split = levels[number - 1][1]
                if any(split):
                    pairs = level_matrices(shapes[number - 1], split, spec.wavelet)
                    for axis, pair in enumerate(pairs):
                        if pair is not None:
                            # Low and high pass side by side: one product per axis gives their sum.
                            both = torch.as_tensor([[*a, *b] for a, b in zip(*pair)], dtype=torch.float32)
                            self.register_buffer(self._matrix_name(number, axis), both, persistent=False)

    @staticmethod
    def _matrix_name(level: int, axis: int) -> str:
        return f"synthesis_{level}_{'zyx'[axis]}"

    def kept(self, name: str) -> Tensor:
        """1 where a coefficient of an array lives, 0 where it was pruned; the array's shape without features."""
        return getattr(self, f"kept_{name}")

    def coefficient(self, name: str) -> Tensor:
        """An array's coefficients, zero where pruned."""
        return self.coefficients[name] * self.kept(name)

    def spatial(self, coefficients: dict[str, Tensor]) -> Tensor:
        """Inverse wavelet transform: arrays of the spec -> grid (features, z, y, x)."""
        if self.spec.wavelet is None:
            return coefficients["grid"]
        grid = coefficients["approx"]
        levels = level_shapes(self.spec.grid, self.spec.wavelet.levels)
        for number in range(len(levels), 0, -1):
            split = levels[number - 1][1]
            if not any(split):
                continue
            data = torch.cat([grid[:, None], coefficients[f"detail{number}"]], 1)
            features, _, z, y, x = data.shape
            bz, by, bx = (2 if s else 1 for s in split)
            data = data.reshape(features, bz, by, bx, z, y, x)
            # Bring each axis' bands beside its samples and contract both at once.
            if split[2]:
                matrix = getattr(self, self._matrix_name(number, 2))
                data = data.movedim(3, 5).reshape(features, bz, by, z, y, bx * x) @ matrix.t()
            else:
                data = data.reshape(features, bz, by, z, y, x)
            x = data.shape[-1]
            if split[1]:
                matrix = getattr(self, self._matrix_name(number, 1))
                data = matrix @ data.movedim(2, 3).reshape(features, bz, z, by * y, x)
            else:
                data = data.reshape(features, bz, z, y, x)
            y = data.shape[-2]
            if split[0]:
                matrix = getattr(self, self._matrix_name(number, 0))
                data = matrix @ data.reshape(features, bz * z, y * x)
            grid = data.reshape(features, -1, y, x)
        return grid

    def lattice_matrices(self, lattice: Lattice) -> tuple[Tensor, Tensor, Tensor]:
        """Linear interpolation along x, y, z: (positions, latents) weights of each axis of a lattice."""
        x, y, z = (
            interpolation_matrix(u, h, n)
            for u, h, n in zip((lattice.x, lattice.y, lattice.z), self.spec.half_extent, reversed(self.spec.grid))
        )
        return x, y, z

    def on_lattice(self, grid: Tensor, lattice: Lattice) -> Tensor:
        """Trilinear interpolation of (features, z, y, x) on a lattice: (z * y * x, features), one product per axis."""
        mx, my, mz = self.lattice_matrices(lattice)
        data = torch.matmul(mx, grid.permute(1, 2, 3, 0))  # z, y, X, f
        data = torch.matmul(my, data.reshape(data.shape[0], data.shape[1], -1))  # z, Y, X f
        data = torch.matmul(mz, data.reshape(data.shape[0], -1))  # Z, Y X f
        return data.reshape(-1, grid.shape[0])

    def at_points(self, grid: Tensor, points: Tensor) -> Tensor:
        """Trilinear interpolation of (features, z, y, x) at normalised positions (N, 3): (N, features)."""
        half = torch.tensor([h if h > 0 else math.inf for h in self.spec.half_extent], device=points.device)
        # Align-corners positions of grid_sample; an axis of one sample reads the first latent.
        where = (points / half).clamp(-1, 1)
        flat = torch.tensor([h == 0 for h in self.spec.half_extent], device=points.device)
        where = torch.where(flat, torch.full_like(where, -1.0), where).to(grid.dtype)
        out = nn.functional.grid_sample(
            grid[None], where[None, None, None], mode="bilinear", padding_mode="border", align_corners=True
        )
        return out[0, :, 0, 0].t()


def interpolation_matrix(u: Tensor, half: float, latents: int) -> Tensor:
    """(len(u), latents) linear interpolation weights of normalised coordinates on an axis of [-half, half]."""
    t = ((u / half + 1.0) * (0.5 * (latents - 1))).clamp(0, latents - 1) if half > 0 else torch.zeros_like(u)
    return (1.0 - (t[:, None] - torch.arange(latents, device=u.device)).abs()).clamp(min=0)
