"""Making a trained network's file as small as was asked: measured on real files, not estimated."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError

if TYPE_CHECKING:
    from srn_core.networks import SceneNetwork
    from srn_core.pruners import Pruner

STEPS = 12
"""Bisections of the cut: the last one moves 1/4096 of the entries."""
SAFETY = 24
"""Bytes kept free for what is written last: the measured quality may deflate worse than its stand-in."""
SLACK = 1.12
"""How much larger than the target a file may be before fine-tuning."""
SECTION_TABLE = 250
"""What spec, array table and section heads add to the header of an empty file, about."""
LATENT = ("grid", "approx", "detail")


def is_latent(name: str) -> bool:
    """Whether an array of a spec belongs to the latent grid (stored with ``grid_bits``)."""
    return name.startswith(LATENT)


class Fitting:
    """Turns networks into fields of a file, and cuts networks until the file has at most ``target_bytes``."""

    def __init__(self, template: NeuralField, config: CompressConfig, weight_bits: int, target_bytes: int) -> None:
        self.template, self.config = template, config
        self.weight_bits, self.target_bytes = weight_bits, target_bytes

    def room(self) -> int:
        """Bytes that are left for a network's numbers: the target less header, mask and section table."""
        empty = len(codec.to_bytes([self.template]))
        return self.target_bytes - empty - SECTION_TABLE

    def field_of(self, network: SceneNetwork) -> NeuralField:
        """The network, quantised, as a field."""
        quantise = self.config.quantise
        stored = {
            name: codec.quantise(
                values, quantise.grid_bits if is_latent(name) else self.weight_bits, quantise.method, self.config.seed
            )
            for name, values in network.arrays().items()
        }
        return replace(self.template, spec=network.spec(), arrays=stored)

    def size_of(self, network: SceneNetwork) -> int:
        """Bytes of the file this network would make."""
        return len(codec.to_bytes([self.field_of(network)]))

    def check(self, network: SceneNetwork) -> None:
        """Refuse a target that even an empty network's file would miss, before any time is spent on training."""
        empty = copy.deepcopy(network)
        for site in empty.sites():
            empty.fold(site.name, empty.importance(site.name) * 0)
        smallest = self.size_of(empty) + SAFETY
        if smallest > self.target_bytes:
            kind = self.config.network
            raise SrnInputError(
                f"the file may have at most {self.target_bytes} bytes, but the smallest one this network can make has "
                f"about {smallest}; ask for a lower ratio (or more bytes), or for a narrower network ({kind}.width)"
            )

    def fold(self, pruner: Pruner) -> None:
        """Fold, cut to a little more than the target: what is fine-tuned packs smaller than what was just cut."""
        network = pruner.network
        pruner.fold()
        self.fit(network, SLACK)

    def fit(self, network: SceneNetwork, slack: float = 1.0) -> None:
        """Cut the least important entries of the network's sites, in place, until its file fits ``slack`` targets."""
        limit = int(self.target_bytes * slack) - SAFETY
        if self.size_of(network) <= limit:
            return
        importance = {site.name: network.importance(site.name) for site in network.sites()}
        ranked = np.sort(np.concatenate([v.cpu().numpy().reshape(-1) for v in importance.values()]))

        def cut(candidate: SceneNetwork, count: int) -> None:
            threshold = float(ranked[count]) if count < len(ranked) else np.inf
            for name, values in importance.items():
                candidate.fold(name, (values >= threshold).to(values.dtype))

        low, high = 0, len(ranked)
        for _ in range(STEPS):
            if high - low <= 1:
                break
            middle = (low + high) // 2
            candidate = copy.deepcopy(network)
            cut(candidate, middle)
            if self.size_of(candidate) <= limit:
                high = middle
            else:
                low = middle
        cut(network, high)
