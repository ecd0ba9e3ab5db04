"""Smallify: trainable switches, pruned by the variance of their signs (thesis 2.4.2, 4.1.1)."""

from __future__ import annotations

import math
from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.config import SmallifyConfig
from srn_core.networks.base import Gate
from srn_core.pruners.flat import FlatPruner, weight_norm
from srn_core.pruners.sign_variance import SignVariance

REGRESSIONS = {"neurcomp": ((3.50, -29.85), (2.57, -28.82)), "fvsrn": ((2.30, -32.06), (4.23, -37.61))}
"""Slope and offset of ln(lambda_beta) and ln(lambda_weight) over ln(ratio) (thesis Figs 5.6, 5.17)."""


def regressed_weights(network: str, ratio: float) -> tuple[float, float]:
    """(lambda_beta, lambda_weight) that the thesis' searches suggest for a network and a compression ratio."""
    x = math.log(max(ratio, 1.0))
    beta, weight = (math.exp(slope * x + offset) for slope, offset in REGRESSIONS[network])
    return beta, weight


class Smallify(FlatPruner):
    """Switches beta multiply a site (2.11), their L1 norm is paid for (2.12).

        loss = lambda_beta * sum |beta| + lambda_weight * sum |theta|^p

    An unimportant beta is pulled to zero and then flips its sign from step to step; a site's entry
    is pruned, after training, where the variance of the sign exceeds the threshold. The thesis
    draws beta from N(0, 1); ``initial`` = "one" starts with open switches instead.
    """

    def __init__(self, config: SmallifyConfig, network: str = "fvsrn", ratio: float = 100.0) -> None:
        super().__init__()
        self.config = config
        lambda_beta, lambda_weight = regressed_weights(network, ratio)
        self.lambda_beta = lambda_beta if config.lambda_beta is None else config.lambda_beta
        self.lambda_weight = lambda_weight if config.lambda_weight is None else config.lambda_weight

    def start(self, count: int, device: torch.device, generator: Optional[torch.Generator]) -> None:
        start = torch.randn(count, generator=generator) if self.config.initial == "normal" else torch.ones(count)
        self.beta = nn.Parameter(start.to(device))
        self.tracker = SignVariance(self.beta, self.config.momentum)

    def gate(self, site: str) -> Gate:
        place, shape = self.place(site), self._shapes[site]
        return lambda values: values * self.beta[place].view(shape)

    def loss(self) -> Tensor:
        loss = self.lambda_beta * self.beta.abs().sum()
        if self.lambda_weight:
            loss = loss + self.lambda_weight * weight_norm(self._weights, self.config.weight_norm)
        return loss

    def after_step(self) -> None:
        self.tracker.observe(self.beta)

    @property
    def threshold(self) -> float:
        return self.config.threshold

    def drop_rates(self) -> dict[str, Tensor]:
        # The variance of a fair coin is 1, of any other less; while the average settles it may overshoot.
        return self.by_site(self.tracker.variance.clamp(0.0, 1.0))

    def values(self) -> dict[str, Tensor]:
        return self.by_site(self.beta.detach())
