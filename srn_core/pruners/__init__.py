"""Pruners: a registry from a name to the class that learns what can go."""

from __future__ import annotations

from typing import Callable

from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.pruners.base import Pruner
from srn_core.pruners.keep_all import KeepAll
from srn_core.pruners.likelihoods import DynamicVariational, StaticVariational
from srn_core.pruners.mask import Mask
from srn_core.pruners.rate import Rate
from srn_core.pruners.smallify import Smallify

PRUNERS: dict[str, Callable[[CompressConfig, float], Pruner]] = {
    "rate": lambda config, ratio: Rate(ratio),
    "none": lambda config, ratio: KeepAll(),
    "mask": lambda config, ratio: Mask(config.mask, config.network, ratio),
    "smallify": lambda config, ratio: Smallify(config.smallify, config.network, ratio),
    "variational-static": lambda config, ratio: StaticVariational(config.variational, config.network, ratio),
    "variational-dynamic": lambda config, ratio: DynamicVariational(config.variational, config.network, ratio),
}

__all__ = [
    "PRUNERS",
    "DynamicVariational",
    "KeepAll",
    "Mask",
    "Pruner",
    "Rate",
    "Smallify",
    "StaticVariational",
    "build_pruner",
]


def build_pruner(config: CompressConfig, ratio: float = 100.0) -> Pruner:
    """The pruner that ``config.pruner`` names, for a wanted parameter ratio."""
    if config.pruner not in PRUNERS:
        raise SrnInputError(f"no pruner called '{config.pruner}'; known: {', '.join(PRUNERS)}")
    return PRUNERS[config.pruner](config, ratio)
