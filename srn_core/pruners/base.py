"""The contract between a pruner, a network and the trainer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Mapping, Optional

import torch
from torch import Tensor, nn

from srn_core.networks.base import SceneNetwork
from srn_core.networks.batch import Batch

PRESSURE_STEPS = 10
"""Steps from one look at what is kept to the next."""
SURE = 0.999
"""Weight of a drop rate: even what a pruner is sure of may stay where the file has room for it."""


@dataclass(frozen=True)
class DataTerm:
    """How far the network is from the truth on one batch."""

    loss: Tensor
    """What is minimised: the squared error, or what a pruner puts in its place."""
    error: Tensor
    """The mean squared error (2.6), for reports; needs no gradient."""


class Pruner(nn.Module, ABC):
    """Learns what of a network can go.

    Life: ``attach`` puts gates at the network's sites; each step the trainer calls ``advance()``, adds
    ``data_term()`` and ``loss()`` and calls ``after_step()``; ``fold()`` writes mask and gate values into the
    network's parameters, removes what is dead, takes the gates away and leaves the network as it
    was found, but smaller. All state lives in parameters and buffers, so that it follows the device
    and the checkpoints. In evaluation mode (``eval()``) no gate draws noise.

    ``wanted_fraction``: the share of all entries that the target has room for; ``pressure``: the factor, 1 or 0, that
    a pruner puts on the price of its entries.
    """

    data_size: int = 1
    """Values that the network is to learn (valid voxels times components), set by the trainer: what a likelihood is
    summed over (2.17)."""

    def __init__(self) -> None:
        super().__init__()
        self._network: Optional[SceneNetwork] = None
        self.wanted_fraction = 0.0
        self.pressure = 1.0
        self._advances = 0

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

    @property
    @abstractmethod
    def threshold(self) -> float:
        """Entries whose drop rate is above this are pruned, where no other thresholds are given."""

    @abstractmethod
    def attach(self, network: SceneNetwork, generator: Optional[torch.Generator] = None) -> None:
        """Set gates at all sites of a network; fresh parameters are drawn from the generator."""

    def advance(self, done: float) -> None:
        """Called before each step with the share of the pruning phases that is done (0 to 1), for ramps.

        Also takes the ``pressure`` off while no more is kept than ``wanted_fraction``: what is pruned beyond that
        makes a file smaller than it was asked to be.
        """
        if self._advances % PRESSURE_STEPS == 0:
            self.pressure = 1.0 if self.kept_fraction() > self.wanted_fraction else 0.0
        self._advances += 1

    def data_term(self, batch: Batch) -> DataTerm:
        """The loss of the network on a batch."""
        error = batch.error(self.network)
        return DataTerm(error, error.detach())

    def chosen(self) -> dict[str, float]:
        """Settings that the config may leave open, by their dotted names, as they are here; once it was attached."""
        return {}

    @abstractmethod
    def loss(self) -> Tensor:
        """The pruner's own terms of the loss, with their weights; a scalar."""

    def after_step(self) -> None:
        """Called after each optimiser step, for trackers."""
        return None

    @abstractmethod
    def drop_rates(self) -> dict[str, Tensor]:
        """Site -> how sure the pruner is, from 0 to 1, that an entry can go (the site's shape; no gradient)."""

    @abstractmethod
    def values(self) -> dict[str, Tensor]:
        """Site -> what an entry that stays is multiplied with when folded: the gate without noise (no gradient)."""

    def mask(self, thresholds: Optional[Mapping[str, float]] = None) -> dict[str, Tensor]:
        """Site -> bool tensor, True where kept if folded now; ``thresholds``: drop rates, one for each site."""
        limits = thresholds or {}
        return {site: rates <= limits.get(site, self.threshold) for site, rates in self.drop_rates().items()}

    def scale(self, mask: Optional[Mapping[str, Tensor]] = None) -> dict[str, Tensor]:
        """Site -> what it is multiplied with when folded: the gate's value where kept, 0 elsewhere."""
        kept = self.mask() if mask is None else mask
        return {site: values * kept[site] for site, values in self.values().items()}

    @torch.no_grad()
    def contributions(self) -> dict[str, Tensor]:
        """Site -> how much the output would miss each entry, comparable across sites: the network's importance of
        it, times the gate's value, times the chance that it stays."""
        rates = self.drop_rates()
        return {
            site: self.network.importance(site) * values.abs() * (1.0 - SURE * rates[site])
            for site, values in self.values().items()
        }

    def kept_fraction(self) -> float:
        """Share of all entries that would be kept if folded now."""
        masks = list(self.mask().values())
        total = sum(m.numel() for m in masks)
        return float(sum(int(m.sum()) for m in masks)) / total if total else 1.0

    @torch.no_grad()
    def fold(self, mask: Optional[Mapping[str, Tensor]] = None) -> None:
        """Write the gates' values, 0 where ``mask`` (default: :meth:`mask`) says so, into the network, shrink it, and
        drop the gates."""
        network = self.network
        for site, scale in self.scale(mask).items():
            network.set_gate(site, None)
            network.fold(site, scale)
        self._network = None
