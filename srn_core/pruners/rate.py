"""A price in bits: weights are pulled to where they cost less to store (rate-distortion, Shannon 1948).

For networks that are trained. The latent grid that starts from the volume's own wavelet coefficients is pruned by the
same rule, coefficient by coefficient, when it is coded: see :mod:`srn_core.rate`.
"""

from __future__ import annotations

import math
from typing import Optional

import torch
from torch import Tensor

from srn_core.networks.base import SceneNetwork
from srn_core.pruners.keep_all import KeepAll
from srn_core.pruners.prices import expected_error

STEPS = 64.0
"""Steps of the quantiser in the root mean square of a layer's weights, about."""


class Rate(KeepAll):
    """Adds lambda R to the squared error D; no gates. The cut to size then takes what stands for the fewest bits.

    R is the mean of ``log2(1 + (theta / step)^2) / 2`` over all prunable weights, which is what a weight costs but for
    a constant. At high rates a bit for each of them takes 6 dB off the error, so lambda = 2 ln 2 D with the D that is
    to be expected at the wanted ``ratio``: nothing is left to tune.
    """

    def __init__(self, ratio: float) -> None:
        super().__init__()
        self.price = 2.0 * math.log(2.0) * expected_error(ratio) ** 2
        self._weights: list[Tensor] = []

    def attach(self, network: SceneNetwork, generator: Optional[torch.Generator] = None) -> None:
        super().attach(network, generator)
        self._weights = [weight for site in network.sites() for weight in site.weights]

    def loss(self) -> Tensor:
        count = sum(weight.numel() for weight in self._weights)
        return self.price / count * torch.stack([_bits(weight) for weight in self._weights]).sum()


def _bits(weight: Tensor) -> Tensor:
    """Bits of a tensor of weights; the step follows their size and is given no gradient."""
    step = weight.detach().square().mean().sqrt().clamp(min=1e-12) / STEPS
    return 0.5 / math.log(2.0) * torch.log1p((weight / step).square()).sum()
