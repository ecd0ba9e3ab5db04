"""What pruners share that learn numbers for every entry of every site."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Optional, Sequence

import torch
from torch import Tensor

from srn_core.networks.base import Gate, SceneNetwork
from srn_core.pruners.base import Pruner


def weight_norm(weights: Sequence[Tensor], p: int) -> Tensor:
    """sum |theta|^p over all the weights behind the gates (2.10, 2.12, 2.21), for p = 1 or 2; a scalar."""
    if p == 1:
        return torch.stack([w.abs().sum() for w in weights]).sum()
    return torch.stack([torch.dot(w.reshape(-1), w.reshape(-1)) for w in weights]).sum()


class FlatPruner(Pruner):
    """A pruner whose parameters hold the entries of all sites one after the other.

    One parameter for all sites: a step then costs a handful of operations, not that many for each site.
    A subclass makes its parameters in :meth:`start` and its gates in :meth:`gate`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._weights: list[Tensor] = []

    def attach(self, network: SceneNetwork, generator: Optional[torch.Generator] = None) -> None:
        self._network = network
        sites = network.sites()
        self._shapes = {site.name: site.shape for site in sites}
        self._weights = [w for site in sites for w in site.weights]
        self.start(sum(math.prod(site.shape) for site in sites), self._weights[0].device, generator)
        for site in sites:
            network.set_gate(site.name, self.gate(site.name))

    @abstractmethod
    def start(self, count: int, device: torch.device, generator: Optional[torch.Generator]) -> None:
        """Make the parameters for ``count`` entries, drawn on the CPU: a seed means the same on every device."""

    @abstractmethod
    def gate(self, site: str) -> Gate:
        """The gate of one site."""

    def by_site(self, values: Tensor) -> dict[str, Tensor]:
        """Views of one number per entry: site -> its shape."""
        parts = values.split([math.prod(shape) for shape in self._shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self._shapes.items(), parts)}

    def place(self, site: str) -> slice:
        """Where a site's entries lie in the flat parameters."""
        before = 0
        for name, shape in self._shapes.items():
            count = math.prod(shape)
            if name == site:
                return slice(before, before + count)
            before += count
        raise KeyError(f"no site '{site}' in this pruner")
