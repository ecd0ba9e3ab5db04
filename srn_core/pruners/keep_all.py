"""The pruner that prunes nothing, so that the trainer need not ask whether there is one."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from srn_core.networks.base import SceneNetwork
from srn_core.pruners.base import Pruner


class KeepAll(Pruner):
    """No gates, no loss, everything kept."""

    def attach(self, network: SceneNetwork, generator: Optional[torch.Generator] = None) -> None:
        self._network = network

    def advance(self, done: float) -> None:
        # No price whose pressure would have to be watched.
        return None

    def loss(self) -> Tensor:
        return torch.zeros(())

    @property
    def threshold(self) -> float:
        return 1.0

    def drop_rates(self) -> dict[str, Tensor]:
        return {site.name: site.weights[0].new_zeros(site.shape) for site in self.network.sites()}

    def values(self) -> dict[str, Tensor]:
        return {site.name: site.weights[0].new_ones(site.shape) for site in self.network.sites()}
