"""How well a network does, on the same positions each time."""

from __future__ import annotations

import torch

from srn_core.networks.base import SceneNetwork
from srn_core.training.samplers import Sampler

BATCHES = 6


class Probe:
    """Some batches of a sampler, by which states of a network are compared."""

    def __init__(self, sampler: Sampler, count: int = BATCHES) -> None:
        self.batches = [sampler.draw() for _ in range(count)]

    @torch.no_grad()
    def error_of(self, network: SceneNetwork) -> float:
        """The network's mean squared error on them, in normalised values."""
        return sum(float(batch.error(network)) for batch in self.batches) / len(self.batches)
