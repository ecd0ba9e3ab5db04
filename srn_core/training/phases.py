"""Training phases as data (thesis 4.1.1, 4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from srn_core.config import TrainingConfig


@dataclass(frozen=True)
class Phase:
    """One stretch of training."""

    name: str
    """What the user reads while it runs."""
    share: float
    """Share of the whole run, 0 to 1; the shares of all phases add up to 1."""
    rate: float
    """Step size at its start, as a share of the network's learning rate."""
    final_rate: float
    """Least step size, as a share of ``rate``: the cosine reaches it at the end, the other decays never pass it."""
    prune: bool
    """Whether the pruner takes part; it is folded at the end of the last phase that has it."""
    pruner_weight: float = 1.0
    """Factor on the pruner's own loss."""


def phases_of(config: TrainingConfig, pruner: str) -> list[Phase]:
    """Two thirds with the pruner, one third of fine-tuning what is left (or as ``prune_share`` says).

    Without a pruner the same two phases stand, so that the cut to size, which comes between them,
    is followed by the same fine-tuning.
    """
    name = "training" if pruner == "none" else "pruning"
    # A cosine that ends low before the cut would leave fine-tuning nothing to smooth over.
    halfway = config.decay == "cosine" and config.prune_share < 1
    first = Phase(name, config.prune_share, 1.0, 0.3 if halfway else config.final_rate, True)
    if config.prune_share == 1:
        return [first]
    return [first, Phase("fine-tuning", 1.0 - config.prune_share, config.fine_tune_rate, config.final_rate, False)]
