"""A network as stored numbers: how finely each array is quantised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Mapping, Optional

import numpy as np

from srn_core import codec
from srn_core.codec import NeuralField, StoredArray
from srn_core.codec.quantise import levels_of
from srn_core.config import QuantiseConfig

if TYPE_CHECKING:
    from srn_core.networks import SceneNetwork

LATENT = ("grid", "approx", "detail")
MOST_BITS = 16
GRID_BITS = 8
"""Bits of a latent where neither the settings nor the target say how many (thesis 5.2)."""


def is_latent(name: str) -> bool:
    """Whether an array of a spec belongs to the latent grid."""
    return name.startswith(LATENT)


@dataclass(frozen=True)
class Precision:
    """How finely numbers are stored; what is None goes by the settings' bits."""

    step: Optional[float] = None
    """Step of all latent arrays: equal errors everywhere are what an orthogonal transform asks for."""
    weight_levels: Optional[int] = None
    """Largest code of a weight (k-means: half the number of centroids)."""
    clusters: Optional[int] = None
    """Centroids of each latent array, with k-means."""
    equal_steps: bool = False
    """Equal steps whatever the settings say: to judge a size before it is known what codebooks there is room for."""


class Storage:
    """Turns networks into fields of a file.

    Args:
        template: the field without its network.
        weight_bits: bits of a weight where a target does not say otherwise.
    """

    def __init__(self, template: NeuralField, quantise: QuantiseConfig, weight_bits: int, seed: int) -> None:
        self.template, self.quantise, self.weight_bits, self.seed = template, quantise, weight_bits, seed

    def arrays_of(self, network: SceneNetwork, precision: Precision) -> dict[str, StoredArray]:
        """A network's arrays, quantised."""
        stored = {
            name: self._latent(values, precision) if is_latent(name) else self._weight(values, precision)
            for name, values in network.arrays().items()
        }
        # Latents of one number of bits are coded together, each level knowing the coarser ones.
        bits = max((array.bits for name, array in stored.items() if is_latent(name)), default=0)
        return {name: replace(array, bits=bits) if is_latent(name) else array for name, array in stored.items()}

    def field_of(self, network: SceneNetwork, stored: Mapping[str, StoredArray]) -> NeuralField:
        """The field of a network whose arrays are stored so."""
        return replace(self.template, spec=network.spec(), arrays=stored)

    def bytes_of(self, network: SceneNetwork, precision: Precision) -> int:
        """Bytes of the file this network makes."""
        return len(codec.to_bytes([self.field_of(network, self.arrays_of(network, precision))]))

    def _latent(self, values: np.ndarray, precision: Precision) -> StoredArray:
        bits = self.quantise.grid_bits or GRID_BITS
        if self.quantise.method == "kmeans" and not precision.equal_steps:
            return codec.quantise(values, bits, "kmeans", self.seed, levels=precision.clusters)
        if precision.step is None:
            return codec.quantise(values, bits, "uniform", self.seed)
        most = levels_of(self.quantise.grid_bits or MOST_BITS)
        if float(np.max(np.abs(values), initial=0.0)) >= precision.step * (most + 0.5):
            return codec.quantise(values, bits, "uniform", self.seed, levels=most)
        return codec.in_steps(values, precision.step)

    def _weight(self, values: np.ndarray, precision: Precision) -> StoredArray:
        method, levels = self.quantise.method, precision.weight_levels
        if precision.equal_steps:
            method = "uniform"
        if levels is None:
            return codec.quantise(values, self.weight_bits, method, self.seed)
        most = levels_of(self.quantise.weight_bits or MOST_BITS)
        levels = min(levels, most)
        return codec.quantise(
            values, self.weight_bits, method, self.seed, levels=2 * levels if method == "kmeans" else levels
        )
