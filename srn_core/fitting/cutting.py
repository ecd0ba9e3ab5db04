"""Which entries of a trained network go, so that its file has the wanted size (thesis Fig 5.13)."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.fitting.search import largest
from srn_core.fitting.storage import Precision, is_latent
from srn_core.fitting.targets import Target

if TYPE_CHECKING:
    from torch import Tensor

    from srn_core.config import PruningConfig
    from srn_core.networks import SceneNetwork
    from srn_core.pruners import Pruner

DEAD_ZONE = 0.6
"""Coefficients below this part of a quantiser's step are better dropped than stored: so cut and step go together."""
SMALLEST_KEPT = 0.02
"""The step goes by this quantile of what is kept: the very smallest may be an accident."""
MOVES = (1.6, 1.25)
"""Factors by which the search for layerwise thresholds moves a layer's, coarse ones first."""

Masks = Dict[str, np.ndarray]


class Cutting:
    """Folds a pruner so that the network fits a target."""

    def __init__(self, target: Target, pruning: PruningConfig) -> None:
        self.target, self.pruning = target, pruning

    def fold(self, pruner: Pruner, error_of: Callable[[SceneNetwork], float]) -> None:
        """Choose masks as the settings say, and fold. ``error_of``: the mean squared error of a network, by which
        layerwise thresholds are searched."""
        worth = {site: values.cpu().numpy() for site, values in pruner.contributions().items()}
        kept = self._kept_at_most(pruner)
        worth = {site: values * kept[site] for site, values in worth.items()}
        whole = folded_copy(pruner)
        masks = self._largest_fitting(whole, worth)
        if self.pruning.thresholds == "layerwise":
            masks = self._layerwise(whole, worth, masks, error_of)
        pruner.fold(_tensors(pruner, masks))

    def _kept_at_most(self, pruner: Pruner) -> Masks:
        """What the pruner's own thresholds keep, where they are to be obeyed; everything, where a search chooses."""
        if self.pruning.thresholds != "fixed":
            return {site: np.ones(values.shape, bool) for site, values in pruner.values().items()}
        names = [site.name for site in pruner.network.sites()]
        layers = self.pruning.layers
        if layers is not None and len(layers) != len(names):
            raise SrnInputError(
                f"pruning.layers has {len(layers)} thresholds, but the network has {len(names)} layers to prune: "
                + ", ".join(names)
            )
        masks = pruner.mask(None if layers is None else dict(zip(names, layers)))
        return {site: mask.cpu().numpy() for site, mask in masks.items()}

    def _largest_fitting(self, whole: SceneNetwork, worth: Mapping[str, np.ndarray]) -> Masks:
        """The masks that keep most and fit, the same threshold on the worth of an entry holding in all layers."""
        ranked = np.sort(np.concatenate([v.reshape(-1) for v in worth.values()]))[::-1]
        most = int(np.count_nonzero(ranked > 0))
        numbers = {site.name: site.weights[0].numel() / math.prod(site.shape) for site in whole.sites()}
        rest = sum(v.size for v in whole.arrays().values()) - sum(n * worth[s].size for s, n in numbers.items())
        limit = self.target.most * self.target.slack

        def masks(count: float) -> Masks:
            threshold = ranked[round(count) - 1] if round(count) else np.inf
            return {site: v >= threshold for site, v in worth.items()}

        def estimate(count: float) -> float:
            kept = masks(count)
            return self.target.estimate(rest + sum(n * np.count_nonzero(kept[s]) for s, n in numbers.items())) / limit

        def measure(count: float) -> float:
            cut = cut_copy(whole, masks(count))
            return self.target.size_of(cut, Precision(step=natural_step(cut), equal_steps=True)) / limit

        return masks(largest(estimate, measure, 0, most) or 0)

    def _layerwise(
        self,
        whole: SceneNetwork,
        worth: Mapping[str, np.ndarray],
        masks: Masks,
        error_of: Callable[[SceneNetwork], float],
    ) -> Masks:
        """Let each layer's threshold differ from the common one as long as the error, at the same size, falls."""
        best = error_of(cut_copy(whole, masks))
        for factor in MOVES:
            for site in worth:
                for move in (factor, 1.0 / factor):
                    moved = {**worth, site: worth[site] * np.float32(move)}
                    tried = self._largest_fitting(whole, moved)
                    error = error_of(cut_copy(whole, tried))
                    if error < best:
                        best, worth, masks = error, moved, tried
                        break
        return masks


def folded_copy(pruner: Pruner) -> SceneNetwork:
    """A copy of the pruner's network with the gates' values written in, and nothing cut."""
    whole = copy.deepcopy(pruner.network)
    for site, values in pruner.values().items():
        whole.set_gate(site, None)
        # A value of exactly 0 would take its neuron away, and every mask must still fit.
        whole.fold(site, values.where(values != 0, values.new_tensor(1e-30)))
    return whole


def cut_copy(network: SceneNetwork, masks: Mapping[str, np.ndarray]) -> SceneNetwork:
    """A copy of a network without what the masks do not keep."""
    cut = copy.deepcopy(network)
    like = next(cut.parameters())
    for site, mask in masks.items():
        cut.fold(site, like.new_tensor(mask))
    return cut


def empty_copy(network: SceneNetwork) -> SceneNetwork:
    """A copy of a network with all cut that can be: what the smallest file holds."""
    return cut_copy(network, {site.name: np.zeros(site.shape, bool) for site in network.sites()})


def natural_step(network: SceneNetwork) -> Optional[float]:
    """The quantiser's step that suits what a cut has left of the latents; None for a network without a latent grid."""
    kept = [np.abs(v).reshape(len(v), -1).max(0) for n, v in network.arrays().items() if is_latent(n)]
    if not kept:
        return None
    sizes = np.concatenate(kept)
    sizes = sizes[sizes > 0]
    return float(np.quantile(sizes, SMALLEST_KEPT)) / DEAD_ZONE if sizes.size else None


def _tensors(pruner: Pruner, masks: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {site: values.new_tensor(masks[site]) > 0 for site, values in pruner.values().items()}
