"""The second network of dynamic variational dropout: the likelihood's psigma at each position (thesis 4.1.1)."""

from __future__ import annotations

import math
from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.networks.snake import snake_stack

FLOOR = 1e-4
"""Smallest psigma: a likelihood may not grow without bound where a voxel is met exactly."""
FIRST_SPREAD = 0.01
"""Bound of the last layer's fresh weights: psigma starts nearly the same everywhere."""


class PositionSigma(nn.Module):
    """Normalised position (x, y, z) -> snake layers -> log psigma of each component.

    It serves training alone and is never stored.
    """

    def __init__(
        self, components: int, layers: int, width: int, start: float, generator: Optional[torch.Generator] = None
    ) -> None:
        super().__init__()
        sizes = [3] + [width] * layers + [components]
        self.dense = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
        self.layers = nn.ModuleList(self.dense)
        with torch.no_grad():
            for layer in self.dense:
                bound = FIRST_SPREAD if layer is self.dense[-1] else layer.in_features**-0.5
                layer.weight.copy_(torch.empty_like(layer.weight).uniform_(-bound, bound, generator=generator))
                layer.bias.copy_(torch.empty_like(layer.bias).uniform_(-bound, bound, generator=generator))
            self.dense[-1].bias.fill_(math.log(start))

    def forward(self, points: Tensor) -> Tensor:
        """log psigma (N, components) at positions (N, 3)."""
        first, *others = self.dense
        raw = snake_stack(first(points), [(layer.weight, layer.bias) for layer in others])
        # psigma^2 = exp(2 raw) + floor^2: unlike a clamp it leaves a way back up, its gradient is never 0.
        return 0.5 * torch.logaddexp(2.0 * raw, torch.full_like(raw, 2.0 * math.log(FLOOR)))
