"""The latent feature grid, spatial or as multi-level wavelet coefficients (thesis 4.2, 4.2.1)."""

from __future__ import annotations

import math
from typing import Any, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from srn_core.networks.base import Lattice
from srn_core.networks.pyramid_synthesis import PyramidSynthesis
from srn_core.spec import FvSrnSpec, PyramidSpec, WaveletSpec, level_shapes
from srn_core.wavelet import level_matrices

INITIAL_SPREAD = 0.01
"""Standard deviation of fresh coefficients: small, so that the predictor starts on a smooth field."""


Level = Tuple[Optional[Tensor], Optional[Tensor], Optional[Tensor]]
"""Synthesis along z, y, x, low and high pass side by side: (samples, 2 * coefficients), or None."""


class Synthesis(torch.autograd.Function):
    """``apply(levels, approx, detail of the finest level, ..., of the coarsest)`` -> grid (features, z, y, x).

    Linear, so the backward pass is the transposed one; written out, it costs no more than the forward pass.
    """

    @staticmethod
    def forward(ctx: Any, levels: list[Level], approx: Tensor, *details: Tensor) -> Tensor:
        # The spec names details from the finest on; the transform starts at the coarsest.
        grid = approx
        for level, detail in zip(levels, reversed(details)):
            grid = synthesise_level(grid, detail, level)
        ctx.levels = levels
        return grid

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Optional[Tensor], ...]:
        details = []
        for level in reversed(ctx.levels):
            grad, detail = analyse_level(grad, level)
            details.append(detail)
        return (None, grad, *details)


def synthesise_level(low: Tensor, detail: Tensor, level: Level) -> Tensor:
    """(features, z, y, x) and (features, bands - 1, z, y, x) -> the next finer (features, z, y, x)."""
    mz, my, mx = level
    features, z, y, x = low.shape
    bz, by, bx = (1 if m is None else 2 for m in level)
    data = torch.cat([low[:, None], detail], 1).view(features, bz, by, bx, z, y, x)
    # Each axis' bands beside its samples, so that one product contracts both.
    data = data.permute(0, 1, 4, 2, 5, 3, 6).reshape(features * bz * z, by * y, bx * x)
    if mx is not None:
        data = data @ mx.t()
    if my is not None:
        data = my @ data
    if mz is not None:
        data = mz @ data.reshape(features, bz * z, -1)
    return data.reshape(features, -1, len(my) if my is not None else y, len(mx) if mx is not None else x)


def analyse_level(grad: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """The transpose of :func:`synthesise_level`: gradient of its result -> gradients of low and detail."""
    mz, my, mx = level
    features, nz, ny, nx = grad.shape
    bz, by, bx = (1 if m is None else 2 for m in level)
    data = grad.reshape(features, nz, ny * nx)
    if mz is not None:
        data = mz.t() @ data
    z = data.shape[1] // bz
    data = data.reshape(features * bz * z, ny, nx)
    if my is not None:
        data = my.t() @ data
    if mx is not None:
        data = data @ mx
    y, x = data.shape[1] // by, data.shape[2] // bx
    data = data.view(features, bz, z, by, y, bx, x).permute(0, 1, 3, 5, 2, 4, 6).reshape(features, -1, z, y, x)
    return data[:, 0], data[:, 1:]


class LatentGrid(nn.Module):
    """Trainable latent grid, read by trilinear interpolation.

    Parameters are named as the spec names its arrays: ``grid``, ``coefficients``, or ``approx`` and ``detail{l}``.
    ``kept_*`` buffers hold 1 where a coefficient lives and 0 where it was pruned for good.
    """

    def __init__(self, spec: FvSrnSpec, generator: Optional[torch.Generator] = None) -> None:
        super().__init__()
        self.spec = spec
        self._pruned: set[str] = set()
        self.coefficients = nn.ParameterDict()
        for name, shape in spec.grid_shapes().items():
            self.coefficients[name] = nn.Parameter(torch.randn(shape, generator=generator) * INITIAL_SPREAD)
            self.register_buffer(f"kept_{name}", torch.ones(shape[1:]))
        if isinstance(spec.wavelet, PyramidSpec):
            self.pyramid = PyramidSynthesis(spec.grid, spec.wavelet)
        if isinstance(spec.wavelet, WaveletSpec):
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
        parameter = self.coefficients[name]
        return parameter * self.kept(name) if name in self._pruned else parameter

    @torch.no_grad()
    def prune(self, name: str, scale: Tensor) -> None:
        """Multiply an array by factors in its shape without features; what they zero stays zero."""
        self.coefficients[name].mul_(scale)
        self.kept(name).mul_((scale != 0).to(scale.dtype))
        if not self.kept(name).all():
            self._pruned.add(name)

    def spatial(self, coefficients: dict[str, Tensor]) -> Tensor:
        """Inverse wavelet transform: arrays of the spec -> grid (features, z, y, x)."""
        if self.spec.wavelet is None:
            return coefficients["grid"]
        if isinstance(self.spec.wavelet, PyramidSpec):
            return self.pyramid(coefficients["coefficients"])
        return Synthesis.apply(self._levels(), *coefficients.values())

    def _levels(self) -> list[Level]:
        """The levels that split an axis, coarsest first."""
        assert self.spec.wavelet is not None
        levels = level_shapes(self.spec.grid, self.spec.wavelet.levels)
        found = []
        for number in range(len(levels), 0, -1):
            z, y, x = (
                getattr(self, self._matrix_name(number, axis)) if split else None
                for axis, split in enumerate(levels[number - 1][1])
            )
            if any(levels[number - 1][1]):
                found.append((z, y, x))
        return found

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
