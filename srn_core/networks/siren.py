"""Sine layers and residual blocks of them (thesis 2.4, 2.5)."""

from __future__ import annotations

import math
from typing import Optional

import torch
from torch import Tensor, nn


class SineLayer(nn.Module):
    """sin(omega * (W x) + b) (thesis 2.4).

    W starts uniform within +-1/n in the first layer and within +-sqrt(6/n)/omega in the others, so
    that every layer's input to the sine is distributed alike whatever the depth; n is the input width.
    """

    def __init__(
        self, inputs: int, outputs: int, omega: float, first: bool, generator: Optional[torch.Generator] = None
    ) -> None:
        super().__init__()
        bound = 1.0 / inputs if first else math.sqrt(6.0 / inputs) / omega
        self.omega = omega
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator))
        spread = inputs**-0.5
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-spread, spread, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        return torch.sin(torch.addmm(self.bias, x, (self.omega * self.weight).t()))


class ResidualSineBlock(nn.Module):
    """out_scale * (x + outer(inner(in_scale * x))), the averaged block of Neurcomp (thesis 2.5)."""

    def __init__(
        self,
        width: int,
        inner: int,
        omega: float,
        scales: tuple[float, float],
        generator: Optional[torch.Generator] = None,
    ) -> None:
        super().__init__()
        self.in_scale, self.out_scale = scales
        self.inner = SineLayer(width, inner, omega, False, generator)
        self.outer = SineLayer(inner, width, omega, False, generator)
