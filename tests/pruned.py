"""Small networks with a pruner at work, for the tests of pruners."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from srn_core.config import CompressConfig
from srn_core.networks import SceneNetwork, build_network
from srn_core.networks.base import Lattice
from srn_core.networks.batch import Batch
from srn_core.pruners import Mask, Pruner, Smallify, build_pruner
from srn_core.pruners.flat import FlatPruner
from srn_core.pruners.variational import VariationalDropout
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.training.sizing import wavelet_spec

HALF = (1.0, 1.0, 1.0)
SPECS: dict[str, NetworkSpec] = {
    "wavelet": FvSrnSpec(HALF, 1, (8,), 2, 3, (6, 8, 8), wavelet_spec("bior4.4", 2)),
    "spatial": FvSrnSpec(HALF, 2, (8,), 2, 3, (6, 8, 8), None),
    "residual": NeurcompSpec(HALF, 1, 12, (10, 9), True, 30.0),
    "plain": NeurcompSpec(HALF, 2, 12, (10, 9), False, 30.0),
}
POINTS = torch.rand(200, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1


def network_of(kind: str) -> SceneNetwork:
    return build_network(SPECS[kind], torch.Generator().manual_seed(0))


def pruner_on(network: SceneNetwork, name: str, seed: int = 1, **settings: Any) -> Pruner:
    """A pruner at a network, as the trainer sets it up; settings are those of its section."""
    section = "variational" if name.startswith("variational") else name
    config = CompressConfig(pruner=name).with_settings({f"{section}.{k}": v for k, v in settings.items()})
    pruner = build_pruner(config)
    pruner.data_size = 4000
    pruner.attach(network, torch.Generator().manual_seed(seed))
    return pruner


def batch_for(network: SceneNetwork, lattice: bool, weighted: bool = False) -> Batch:
    """A lattice of 5 x 6 x 7 positions or 210 of their own, and a smooth truth."""
    draw = torch.Generator().manual_seed(3)
    components = network.spec().components
    positions = Lattice(*(torch.rand(n, generator=draw) * 2 - 1 for n in (5, 6, 7)))
    points = positions.points()
    target = torch.sin(points @ torch.randn(3, components, generator=draw))
    weight = (torch.rand(len(points), 1, generator=draw) > 0.3).float() if weighted else None
    return Batch(positions if lattice else points, target, weight)


def train(network: SceneNetwork, pruner: Pruner, steps: int, lattice: bool = True) -> list[Tensor]:
    """A few steps as the trainer does them; the data terms."""
    batch = batch_for(network, lattice)
    optimiser = torch.optim.Adam([*network.parameters(), *pruner.parameters()], lr=5e-3)
    terms = []
    for _ in range(steps):
        pruner.advance(0.5)
        term = pruner.data_term(batch)
        optimiser.zero_grad()
        (term.loss + pruner.loss()).backward()
        optimiser.step()
        pruner.after_step()
        terms.append(term.error)
    return terms


@torch.no_grad()
def decide(pruner: Pruner, seed: int = 4) -> Tensor:
    """Make a pruner sure about every entry, a third of which can go; flat, True where kept."""
    assert isinstance(pruner, FlatPruner)
    count = sum(rates.numel() for rates in pruner.drop_rates().values())
    kept = torch.rand(count, generator=torch.Generator().manual_seed(seed)) > 1 / 3
    if isinstance(pruner, Mask):
        pruner.logits.copy_(torch.where(kept, 7.0, -7.0))
    elif isinstance(pruner, Smallify):
        pruner.beta.copy_(torch.where(kept, pruner.beta, 0.0))
        pruner.tracker.variance.copy_(torch.where(kept, 0.0, 1.0))
    elif isinstance(pruner, VariationalDropout):
        pruner.log_theta.copy_(torch.where(kept, 0.3, -40.0))
        pruner.log_variance.copy_(torch.where(kept, -9.0, 9.0))
    else:
        raise NotImplementedError(f"how does {type(pruner).__name__} look when it is sure?")
    return kept
