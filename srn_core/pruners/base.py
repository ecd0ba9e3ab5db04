"""The contract between a pruner, a network and the trainer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Optional

import torch
from torch import Tensor, nn

from srn_core.networks.base import SceneNetwork


class Pruner(nn.Module, ABC):
    """Learns what of a network can go.

    Life: ``attach`` puts gates at the network's sites; each step the trainer adds ``loss()`` to its
    own and calls ``after_step()``; ``fold()`` writes mask and scale into the network's parameters,
    removes what is dead, takes the gates away and leaves the network as it was found, but smaller.
    All state lives in parameters and buffers, so that it follows the device and the checkpoints.
    """

    def __init__(self) -> None:
        super().__init__()
        self._network: Optional[SceneNetwork] = None

    @property
    def network(self) -> SceneNetwork:
        """The network this pruner is attached to."""
        if self._network is None:
            raise RuntimeError("this pruner is attached to no network")
        return self._network

    def __setattr__(self, name: str, value: Any) -> None:
        # The network is known, not owned: its parameters must not appear among the pruner's.
        if name == "_network":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @abstractmethod
    def attach(self, network: SceneNetwork, generator: Optional[torch.Generator] = None) -> None:
        """Set gates at all sites of a network; fresh parameters are drawn from the generator."""

    @abstractmethod
    def loss(self) -> Tensor:
        """The pruner's own terms of the loss, with their weights; a scalar."""

    def after_step(self) -> None:
        """Called after each optimiser step, for trackers."""
        return None

    @abstractmethod
    def mask(self) -> dict[str, Tensor]:
        """Site -> bool tensor of its shape, True where it would be kept if folded now."""

    @abstractmethod
    def scale(self) -> dict[str, Tensor]:
        """Site -> what the site is multiplied with when folded: the gate's value where kept, 0 elsewhere."""

    def kept_fraction(self) -> float:
        """Share of all switches that would be kept if folded now."""
        masks = list(self.mask().values())
        total = sum(m.numel() for m in masks)
        return float(sum(int(m.sum()) for m in masks)) / total if total else 1.0

    @torch.no_grad()
    def fold(self) -> None:
        """Write the scale into the network, shrink it, and drop the gates."""
        network = self.network
        for site, scale in self.scale().items():
            network.set_gate(site, None)
            network.fold(site, scale)
        self._network = None
