"""Smallify: trainable switches, pruned by the variance of their signs (thesis 2.4.2, 4.1.1)."""

from __future__ import annotations

import math
from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.config import SmallifyConfig
from srn_core.networks.base import Gate, SceneNetwork
from srn_core.pruners.base import Pruner
from srn_core.pruners.sign_variance import SignVariance

REGRESSIONS = {"neurcomp": ((3.50, -29.85), (2.57, -28.82)), "fvsrn": ((2.30, -32.06), (4.23, -37.61))}
"""Slope and offset of ln(lambda_beta) and ln(lambda_weight) over ln(ratio) (thesis Figs 5.6, 5.17)."""


def regressed_weights(network: str, ratio: float) -> tuple[float, float]:
    """(lambda_beta, lambda_weight) that the thesis' searches suggest for a network and a compression ratio."""
    x = math.log(max(ratio, 1.0))
    beta, weight = (math.exp(slope * x + offset) for slope, offset in REGRESSIONS[network])
    return beta, weight


class Smallify(Pruner):
    """Switches beta multiply a site (2.11), their L1 norm is paid for (2.12).

        loss = lambda_beta * sum |beta| + lambda_weight * sum theta^2

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
        self.sites: list[str] = []
        self.betas = nn.ParameterList()
        self.trackers: list[SignVariance] = []
        self.tracked = nn.ModuleList()
        self._weights: list[Tensor] = []

    def attach(self, network: SceneNetwork, generator: Optional[torch.Generator] = None) -> None:
        self._network = network
        for site in network.sites():
            device = site.weights[0].device
            if self.config.initial == "normal":
                start = torch.randn(site.shape, generator=generator).to(device)
            else:
                start = torch.ones(site.shape, device=device)
            beta = nn.Parameter(start)
            self.sites.append(site.name)
            self.betas.append(beta)
            tracker = SignVariance(beta, self.config.momentum)
            self.trackers.append(tracker)
            self.tracked.append(tracker)
            self._weights += site.weights
            network.set_gate(site.name, _switch(beta))

    def loss(self) -> Tensor:
        terms = [self.lambda_beta * beta.abs().sum() for beta in self.betas]
        if self.lambda_weight:
            terms += [self.lambda_weight * w.square().sum() for w in self._weights]
        return torch.stack(terms).sum()

    def after_step(self) -> None:
        for beta, tracker in zip(self.betas, self.trackers):
            tracker.observe(beta)

    def mask(self) -> dict[str, Tensor]:
        return {site: tracker.variance <= self.config.threshold for site, tracker in zip(self.sites, self.trackers)}

    def scale(self) -> dict[str, Tensor]:
        masks = self.mask()
        return {site: beta.detach() * masks[site] for site, beta in zip(self.sites, self.betas)}


def _switch(beta: Tensor) -> Gate:
    return lambda values: values * beta
