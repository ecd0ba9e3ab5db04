"""Making a trained network's file as small as was asked: measured on real files, not estimated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError

if TYPE_CHECKING:
    from srn_core.networks import SceneNetwork

STEPS = 12
"""Bisections of the cut: the last one moves 1/4096 of the entries."""
SAFETY = 24
"""Bytes kept free for what is written last: the measured quality may deflate worse than its stand-in."""
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

    def fit(self, network: SceneNetwork) -> None:
        """Cut the least important entries of the network's sites, in place, until its file fits.

        Raises:
            SrnInputError: where even an empty network's file is too large.
        """
        import copy

        limit = self.target_bytes - SAFETY
        if self.size_of(network) <= limit:
            return
        importance = {site.name: network.importance(site.name).cpu() for site in network.sites()}
        ranked = np.sort(np.concatenate([v.numpy().reshape(-1) for v in importance.values()]))
        low, high = 0, len(ranked)

        def cut(candidate: SceneNetwork, count: int) -> None:
            threshold = ranked[count] if count < len(ranked) else np.inf
            device = next(candidate.parameters()).device
            for name, values in importance.items():
                candidate.fold(name, (values >= threshold).to(device=device, dtype=next(candidate.parameters()).dtype))

        smallest = 0
        best = high
        for step in range(STEPS):
            count = high if step == 0 else (low + high) // 2
            candidate = copy.deepcopy(network)
            cut(candidate, count)
            size = self.size_of(candidate)
            if size <= limit:
                best = high = count
            else:
                low = count
                if step == 0:
                    smallest = size
                    break
            if high - low <= 1:
                break
        if smallest:
            raise SrnInputError(
                f"the file may have at most {self.target_bytes} bytes, but the smallest one this network can make "
                f"has {smallest + SAFETY}; ask for a lower ratio (or more bytes), or for a narrower network "
                f"({'fvsrn' if self.config.network == 'fvsrn' else 'neurcomp'}.width)"
            )
        cut(network, best)
