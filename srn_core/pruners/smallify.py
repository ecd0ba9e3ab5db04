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
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._weights: list[Tensor] = []

    def attach(self, network: SceneNetwork, generator: Optional[torch.Generator] = None) -> None:
        self._network = network
        sites = network.sites()
        self._shapes = {site.name: site.shape for site in sites}
        self._weights = [w for site in sites for w in site.weights]
        count = sum(math.prod(site.shape) for site in sites)
        start = torch.randn(count, generator=generator) if self.config.initial == "normal" else torch.ones(count)
        # One parameter for all sites: a step then costs a handful of operations, not that many for each site.
        self.beta = nn.Parameter(start.to(sites[0].weights[0].device))
        self.tracker = SignVariance(self.beta, self.config.momentum)
        for site in sites:
            network.set_gate(site.name, self._switch(site.name))

    def by_site(self, values: Tensor) -> dict[str, Tensor]:
        """Views of one number per switch: site -> its shape."""
        parts = values.split([math.prod(shape) for shape in self._shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self._shapes.items(), parts)}

    def _switch(self, site: str) -> Gate:
        before = 0
        for name, shape in self._shapes.items():
            if name == site:
                break
            before += math.prod(shape)
        count, own = math.prod(self._shapes[site]), self._shapes[site]
        return lambda values: values * self.beta.narrow(0, before, count).view(own)

    def loss(self) -> Tensor:
        loss = self.lambda_beta * self.beta.abs().sum()
        if self.lambda_weight:
            squares = [torch.dot(w.reshape(-1), w.reshape(-1)) for w in self._weights]
            loss = loss + self.lambda_weight * torch.stack(squares).sum()
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
