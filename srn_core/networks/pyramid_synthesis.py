"""The pyramid of a latent grid in torch: coefficients -> grid, with gradients."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from srn_core.pyramid import axis_matrix, band_gains, pyramid_bands, pyramid_steps
from srn_core.spec import PyramidSpec

Step = tuple[tuple[slice, slice, slice], int, Tensor]
"""Corner of the grid, axis (0 to 2 for z, y, x), synthesis matrix (samples, coefficients)."""


class PyramidSynthesis(nn.Module):
    """Stored coefficients (features, z, y, x) -> grid of the same shape: gains taken off, then level by level.

    Each step multiplies one axis of a low corner of the grid with a matrix, in place. The whole is linear,
    so the backward pass is the same steps, transposed, from the last one to the first.
    """

    def __init__(self, shape: Sequence[int], pyramid: PyramidSpec) -> None:
        super().__init__()
        scale = np.ones(tuple(shape), np.float32)
        for band, gain in zip(pyramid_bands(shape, pyramid.groups), band_gains(shape, pyramid)):
            scale[band.slices] = 1.0 / gain
        self.register_buffer("scale", torch.from_numpy(scale), persistent=False)
        self._steps = pyramid_steps(shape, pyramid.groups)[::-1]
        for samples in {corner[axis].stop for corner, axis in self._steps}:
            matrix = torch.from_numpy(axis_matrix(samples, pyramid))
            self.register_buffer(f"synthesis_{samples}", matrix, persistent=False)

    def forward(self, coefficients: Tensor) -> Tensor:
        """(features, z, y, x) -> (features, z, y, x)."""
        steps = [(corner, axis, getattr(self, f"synthesis_{corner[axis].stop}")) for corner, axis in self._steps]
        return _Synthesis.apply(steps, self.scale, coefficients)


class _Synthesis(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, steps: list[Step], scale: Tensor, coefficients: Tensor) -> Tensor:
        ctx.steps, ctx.scale = steps, scale
        grid = coefficients * scale
        for corner, axis, matrix in steps:
            _multiply(grid[(slice(None), *corner)], axis, matrix)
        return grid

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Optional[Tensor], ...]:
        grad = grad.clone(memory_format=torch.contiguous_format)
        for corner, axis, matrix in reversed(ctx.steps):
            _multiply(grad[(slice(None), *corner)], axis, matrix.t())
        return None, None, grad * ctx.scale


def _multiply(part: Tensor, axis: int, matrix: Tensor) -> None:
    """One axis of (features, z, y, x) times a matrix, in place."""
    if axis == 2:
        part.copy_(part @ matrix.t())
    elif axis == 1:
        part.copy_(matrix @ part)
    else:
        part.copy_((matrix @ part.flatten(2)).view_as(part))
