"""Smallify: trainable switches, pruned by the variance of their signs (thesis 2.4.2, 4.1.1)."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.config import SmallifyConfig
from srn_core.networks.base import Gate
from srn_core.pruners.flat import FlatPruner, weight_norm
from srn_core.pruners.prices import entry_price
from srn_core.pruners.sign_variance import SignVariance

WEIGHT_SHARE = 0.01
"""lambda_weight as a part of lambda_beta, where the settings leave it open: just enough that weights don't grow for the
switches to shrink."""


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
        self._price = entry_price(network, ratio)
        self.lambda_beta = config.lambda_beta or 0.0
        self.lambda_weight = config.lambda_weight or 0.0

    def start(self, count: int, device: torch.device, generator: Optional[torch.Generator]) -> None:
        if self.config.lambda_beta is None:
            self.lambda_beta = self._price / count
        if self.config.lambda_weight is None:
            self.lambda_weight = WEIGHT_SHARE * self.lambda_beta
        start = torch.randn(count, generator=generator) if self.config.initial == "normal" else torch.ones(count)
        self.beta = nn.Parameter(start.to(device))
        self.tracker = SignVariance(self.beta, self.config.momentum)

    def chosen(self) -> dict[str, float]:
        return {"smallify.lambda_beta": self.lambda_beta, "smallify.lambda_weight": self.lambda_weight}

    def gate(self, site: str) -> Gate:
        place, shape = self.place(site), self._shapes[site]
        return lambda values: values * self.beta[place].view(shape)

    def loss(self) -> Tensor:
        loss = self.pressure * self.lambda_beta * self.beta.abs().sum()
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
