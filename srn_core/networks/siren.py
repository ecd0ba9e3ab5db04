"""Sine layers and residual blocks of them (thesis 2.4, 2.5)."""

from __future__ import annotations

import math
from typing import NamedTuple, Optional, Union

import torch
from torch import Tensor, nn


class Jet(NamedTuple):
    """Activations with their derivatives along x, y, z, carried side by side through the layers.

    Forward mode: what comes out is an ordinary graph, whose own backward pass gives the mixed second derivatives that
    a loss on gradients needs (thesis 2.7), without a backward pass through a backward pass.
    """

    value: Tensor
    """(N, width)."""
    slope: Tensor
    """(N, 3, width), or (1, 3, width) where it is the same everywhere."""

    def times(self, factor: Union[float, Tensor]) -> Jet:
        """Multiplied with a number, or with (N, width) factors that do not depend on the position."""
        by = factor[:, None] if isinstance(factor, Tensor) else factor
        return Jet(self.value * factor, self.slope * by)

    def plus(self, other: Jet) -> Jet:
        """The sum."""
        return Jet(self.value + other.value, self.slope + other.slope)

    def linear(self, weight: Tensor, bias: Tensor) -> Jet:
        """``weight @ self + bias``."""
        return Jet(torch.addmm(bias, self.value, weight.t()), self.slope @ weight.t())

    def sine(self) -> Jet:
        """sin(self); its derivative is cos(self) times that of self."""
        return Jet(torch.sin(self.value), torch.cos(self.value)[:, None] * self.slope)


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

    def of_jet(self, x: Jet) -> Jet:
        """The layer on values and derivatives."""
        return x.linear(self.omega * self.weight, self.bias).sine()


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
