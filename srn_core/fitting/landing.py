"""The last step to the wanted size: how finely the trained numbers are stored."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Mapping, Optional, Sequence

import numpy as np

from srn_core.codec import StoredArray
from srn_core.codec.quantise import levels_of
from srn_core.errors import SrnInputError
from srn_core.fitting.cutting import natural_step
from srn_core.fitting.search import AIM, largest, where
from srn_core.fitting.storage import GRID_BITS, MOST_BITS, Precision, Storage, is_latent
from srn_core.fitting.targets import ParameterTarget, Target

if TYPE_CHECKING:
    from srn_core.networks import SceneNetwork

WEIGHT_BITS = (10, 8, 12, 16)
"""What is tried for a predictor's weights: few bits leave more for the latents, many cost less quality."""
FINE = Precision(1e-30, levels_of(MOST_BITS))
"""All bits that there are: where parameters are counted, quantisation is not to show."""
DOUBLINGS = 10.0
"""The search goes so many doublings of fineness away from where it starts, either way."""


def land(target: Target, network: SceneNetwork, error_of: Callable[[SceneNetwork], float]) -> dict[str, StoredArray]:
    """The arrays of a network, stored as finely as the target allows.

    The quantisers are free in their sizes, so that the size asked for is met closely from below: one
    step for all latents (or one number of centroids), one number of levels for all weights. Of the
    numbers of levels that are tried for the weights of a network with a latent grid, the one counts
    with which the stored network has the least ``error_of``. Raises SrnInputError where nothing fits.
    """
    storage = target.storage
    if isinstance(target, ParameterTarget):
        return storage.arrays_of(network, FINE)
    families = _families(network, storage)
    sizes: dict[float, float] = {}
    family, fineness = families[0], _finest(families[0], target, network, sizes)
    if fineness is not None and len(families) > 1:
        # How far the estimate is off, one family tells for all: what the others' sizes allow need not be measured.
        factor = sizes[fineness] * 8.0 / family.bits(fineness)
        finenesses = [where(f.bits, AIM * target.most * 8.0 / factor, -DOUBLINGS, DOUBLINGS) for f in families]
        errors = [
            error_of(restored(network, storage.arrays_of(network, other.precision(fine))))
            for other, fine in zip(families, finenesses)
        ]
        best = families[errors.index(min(errors))]
        if best is not family:
            better = _finest(best, target, network, {}, factor)
            family, fineness = (family, fineness) if better is None else (best, better)
    if fineness is None:
        raise SrnInputError(
            f"the trained network does not fit into {target.most} bytes even with its numbers stored as coarsely as "
            "can be; ask for a lower ratio (or more bytes)"
        )
    return storage.arrays_of(network, family.precision(fineness))


def _finest(
    family: Family, target: Target, network: SceneNetwork, sizes: dict[float, float], factor: float = 1.0
) -> Optional[float]:
    """The family's largest fineness that fits, None if none does; ``sizes`` is filled with what was measured."""

    def measure(fineness: float) -> float:
        sizes[fineness] = target.size_of(network, family.precision(fineness))
        return sizes[fineness] / target.most

    return largest(lambda f: family.bits(f) / 8.0 / target.most, measure, -DOUBLINGS, DOUBLINGS, factor)


def restored(network: SceneNetwork, stored: Mapping[str, StoredArray]) -> SceneNetwork:
    """A copy of a network that holds what its stored arrays give back."""
    again = copy.deepcopy(network)
    again.load_arrays({name: array.values() for name, array in stored.items()})
    return again


@dataclass(frozen=True)
class Family:
    """Precisions from coarse to fine; fineness is a binary logarithm, 0 being where a search begins."""

    precision: Callable[[float], Precision]
    bits: Callable[[float], float]
    """What the numbers take, estimated without packing them."""


def _families(network: SceneNetwork, storage: Storage) -> list[Family]:
    """What to choose from: one family of precisions for each number of levels of the weights that is worth a try."""
    arrays = network.arrays()
    latents = np.concatenate([np.zeros(0), *(v.ravel() for n, v in arrays.items() if is_latent(n))])
    weights = sum(v.size for n, v in arrays.items() if not is_latent(n))
    start = natural_step(network)
    if start is None:
        levels = levels_of(storage.weight_bits)

        def alone(f: float) -> int:
            return max(1, round(levels * 2.0**f))

        return [Family(lambda f: Precision(None, alone(f)), lambda f: weights * math.log2(2.0 * alone(f) + 1.0))]
    chosen: Sequence[int] = (storage.weight_bits,) if storage.quantise.weight_bits is not None else WEIGHT_BITS
    build = _centroids if storage.quantise.method == "kmeans" else _steps
    first = storage.quantise.grid_bits or GRID_BITS if storage.quantise.method == "kmeans" else start
    return [build(latents, first, levels_of(bits), weights * bits) for bits in chosen]


def _steps(latents: np.ndarray, start: float, weight_levels: int, weight_bits: float) -> Family:
    def bits(f: float) -> float:
        return weight_bits + entropy(np.rint(latents * (2.0**f / start)))

    return Family(lambda f: Precision(start / 2.0**f, weight_levels), bits)


def _centroids(latents: np.ndarray, start: float, weight_levels: int, weight_bits: float) -> Family:
    kept, places = np.count_nonzero(latents), len(latents)

    def count(f: float) -> int:
        return max(2, round(2.0 ** min(start + f, float(MOST_BITS))))

    def bits(f: float) -> float:
        return weight_bits + kept * math.log2(count(f)) + places * 0.4 + 32.0 * count(f)

    return Family(lambda f: Precision(None, weight_levels, count(f)), bits)


def entropy(codes: np.ndarray) -> float:
    """Bits that numbers take at least, if each is coded by its frequency alone."""
    _, counts = np.unique(codes, return_counts=True)
    return float(np.sum(counts * np.log2(max(len(codes), 1) / counts)))
