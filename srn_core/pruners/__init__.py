"""Pruners: a registry from a name to the class that learns what can go."""

from __future__ import annotations

from typing import Callable

from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.pruners.base import Pruner
from srn_core.pruners.keep_all import KeepAll
from srn_core.pruners.smallify import Smallify

PRUNERS: dict[str, Callable[[CompressConfig], Pruner]] = {
    "none": lambda config: KeepAll(),
    "smallify": lambda config: Smallify(config.smallify),
}

__all__ = ["PRUNERS", "KeepAll", "Pruner", "Smallify", "build_pruner"]


def build_pruner(config: CompressConfig) -> Pruner:
    """The pruner that ``config.pruner`` names."""
    if config.pruner not in PRUNERS:
        raise SrnInputError(f"no pruner called '{config.pruner}'; known: {', '.join(PRUNERS)}")
    return PRUNERS[config.pruner](config)
