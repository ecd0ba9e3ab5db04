"""How much computing an experiment gets, and what of it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence

import numpy as np

from srn_core.volume import Volume

TINY_EDGE = 20


@dataclass(frozen=True)
class Budget:
    """Passes for each network, and the sizes that go with them."""

    passes: Mapping[str, float]
    ratios: Optional[tuple[float, ...]] = None
    """What stands in for the experiment's ratios; a tiny volume cannot be made a hundred times smaller."""
    seeds: Optional[int] = None
    """What stands in for the experiment's number of seeds."""
    settings: Mapping[str, Any] = field(default_factory=dict)


BUDGETS = {
    "tiny": Budget({"fvsrn": 4.0, "neurcomp": 4.0}, (6.0, 10.0), 1, {"training.batch": 2048}),
    # On two cores one run of a 128^3 volume then takes a minute or so; the order of methods shows, the last dB do not.
    "cpu": Budget({"fvsrn": 20.0, "neurcomp": 10.0}),
    # What the thesis trains for (its 255^3 volumes are given as --volumes).
    "gpu": Budget({"fvsrn": 50.0, "neurcomp": 80.0}),
}


@dataclass(frozen=True)
class Choice:
    """What is run: a budget, and what replaces the experiment's own lists."""

    budget: Budget
    passes: Optional[float] = None
    seeds: Optional[int] = None
    ratios: Optional[Sequence[float]] = None
    networks: Optional[Sequence[str]] = None
    pruners: Optional[Sequence[str]] = None
    bits: Optional[Sequence[int]] = None
    lambda_entropy: Optional[float] = None

    def settings(self, network: str, pruner: str, seed: int) -> dict[str, Any]:
        """What every run has: the same passes for all that one network is compared in."""
        passes = self.budget.passes[network] if self.passes is None else self.passes
        common = {"network": network, "pruner": pruner, "seed": seed, "training.passes": passes}
        return {**self.budget.settings, **common}


def tiny_volume(edge: int = TINY_EDGE) -> Volume:
    """A smooth field with some detail, made on the spot, for the budget "tiny"."""
    axis = np.linspace(-1, 1, edge)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    values = np.sin(5 * x * y + 2 * z) + 0.5 * np.cos(4 * z + x) + 0.1 * np.sin(20 * x) * np.cos(17 * y)
    return Volume.from_array(values.astype(np.float32), f"waves_{edge}")
