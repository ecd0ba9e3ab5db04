"""The gates of variational dropout: multiplicative Gaussian noise, before or behind a linear map (thesis 2.13-2.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

import torch
from torch import Tensor

from srn_core.pruners.householder import Reflections


@dataclass(frozen=True)
class Noise:
    """The multiplier Xi = theta + e of one site, e = Q (sigma * eps), eps ~ N(0, 1) (2.16)."""

    mean: Tensor
    """theta, the site's shape."""
    spread: Tensor
    """sigma, the site's shape."""
    reflections: Optional[Reflections]
    """Q; None: the identity, independent noise."""

    def draw(self, rows: int, generator: torch.Generator) -> Tensor:
        """``rows`` draws of Xi: (rows, *site's shape)."""
        eps = torch.randn(rows, self.spread.numel(), generator=generator, device=generator.device)
        noise = eps.to(self.spread) * self.spread.reshape(-1)
        if self.reflections is not None:
            noise = self.reflections.apply(noise)
        return self.mean + noise.view(rows, *self.spread.shape)


class NoiseGate:
    """values * Xi while noise is wanted, values * theta otherwise.

    A layer's neurons (a site of one axis) come as (samples, neurons): every sample draws its own noise. Coefficients
    come as (features, *site): one draw per entry, shared by its features.
    """

    def __init__(self, state: Callable[[], Noise], noisy: Callable[[], bool], generator: torch.Generator) -> None:
        self.state, self.noisy, self.generator = state, noisy, generator

    def __call__(self, values: Tensor) -> Tensor:
        noise = self.state()
        if not self.noisy():
            return values * noise.mean
        draws = len(values) if noise.mean.dim() == 1 else 1
        return values * noise.draw(draws, self.generator)

    def __deepcopy__(self, memo: object) -> NoiseGate:
        # A copied network is gated by the same pruner, as it is where gates are functions.
        return self


class LocalNoiseGate(NoiseGate):
    """A gate that draws the noise behind the linear map that follows (local reparameterisation, Kingma et al. 2015).

    With x the gated values, the pre-activations are drawn from N(W (x * theta) + b, W^2 (x^2 * sigma^2)): the
    distribution each of them has if the noise is drawn in x. Those of one sample are drawn independently of each
    other, though a common noise in x would correlate them; that is the price of the trick.
    """

    def linear(self, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(samples, neurons), (outputs, neurons), (outputs) -> pre-activations (samples, outputs)."""
        noise = self.state()
        mean = torch.addmm(bias, values * noise.mean, weight.t())
        if not self.noisy():
            return mean
        variance = (values * noise.spread).square() @ weight.square().t()
        eps = torch.randn(mean.shape, generator=self.generator, device=self.generator.device).to(mean)
        # The root's slope at 0 is infinite; a pre-activation without noise has no gradient to give.
        return mean + variance.clamp(min=torch.finfo(mean.dtype).tiny).sqrt() * eps
