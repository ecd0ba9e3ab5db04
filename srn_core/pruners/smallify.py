"""Smallify: trainable switches, pruned by the variance of their signs (thesis 2.4.2, 4.1.1)."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.config import SmallifyConfig
from srn_core.networks.base import Gate, SceneNetwork
from srn_core.pruners.base import Pruner
from srn_core.pruners.sign_variance import SignVariance


class Smallify(Pruner):
    """Switches beta multiply a site (2.11), their L1 norm is paid for (2.12).

        loss = lambda_beta * sum |beta| + lambda_weight * sum theta^2

    An unimportant beta is pulled to zero and then flips its sign from step to step; a site's entry
    is pruned, after training, where the variance of the sign exceeds the threshold. The thesis
    draws beta from N(0, 1); ``initial`` = "one" starts with open switches instead.
    """

    def __init__(self, config: SmallifyConfig) -> None:
        super().__init__()
        self.config = config
        self.sites: list[str] = []
        self.betas = nn.ParameterList()
        self.trackers: list[SignVariance] = []
        self.tracked = nn.ModuleList()
        self._weights: list[nn.Parameter] = []

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
        terms = [self.config.lambda_beta * beta.abs().sum() for beta in self.betas]
        if self.config.lambda_weight:
            terms += [self.config.lambda_weight * w.square().sum() for w in self._weights]
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
