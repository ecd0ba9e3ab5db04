"""Settings that would be ignored, because they belong to something that was not chosen, are refused instead."""

from __future__ import annotations

import dataclasses
from typing import Iterator

from srn_core.config import CompressConfig, by_rate
from srn_core.errors import SrnInputError

TRAINED = ("neurcomp", "fvsrn", "training", "quantise", "pruning", "mask", "smallify", "variational")
"""Sections of what is trained."""
RATE = ("rate", "series")
"""Sections of the fv-SRN by rate, which is not trained."""
NETWORKS = ("neurcomp", "fvsrn")
"""Sections that belong to one network."""
TRAINED_PRUNERS = {"mask": "mask", "smallify": "smallify", "variational": "variational-static"}
"""Section of a pruner -> a pruner that it belongs to."""
ALWAYS = ("training.passes", "training.seconds")
"""They count for the filter too."""
WITH_AUTO = ("fvsrn", "mask", "smallify", "variational")
"""Sections that network "auto" has no use for: its fv-SRN is pruned by rate, its Neurcomp by none."""


def refuse_idle_settings(config: CompressConfig) -> None:
    """Raise SrnInputError where a setting has no say in what was chosen, or asks for what that cannot do."""
    automatic = config.network == "auto"
    if automatic and config.pruner != "rate":
        raise SrnInputError(
            f"network auto chooses the pruners itself: leave pruner out, or name the network for {config.pruner}"
        )
    if config.training.passes == 0 and not by_rate(config):
        raise SrnInputError(
            "training.passes=0 is no training, which only an fv-SRN pruned by rate can do without: give more passes, "
            "or leave network and pruner as they are (network fvsrn, pruner rate)"
        )
    if not automatic and not by_rate(config):
        for name in _given(config, RATE):
            raise SrnInputError(
                f"{name} belongs to an fv-SRN pruned by rate: choose --network fvsrn --pruner rate, or leave it out"
            )
        _refuse(config, _of_others(config))
        return
    if config.target.parameter_ratio is not None:
        raise SrnInputError(
            "target.parameter_ratio counts the numbers of a trained network: "
            f"choose {_trained(automatic, 'smallify')} (or another), or give a ratio"
        )
    _refuse(config, WITH_AUTO if automatic else TRAINED)
    if automatic and config.training.start is not None:
        raise SrnInputError("training.start belongs to one network: choose --network neurcomp, or leave it out")


def _of_others(config: CompressConfig) -> tuple[str, ...]:
    """Sections of the networks and pruners that a trained network does without."""
    pruner = config.pruner.split("-")[0]
    return tuple(name for name in (*NETWORKS, *TRAINED_PRUNERS) if name not in (config.network, pruner))


def _refuse(config: CompressConfig, sections: tuple[str, ...]) -> None:
    """Raise SrnInputError where a setting of these sections was given."""
    automatic = config.network == "auto"
    for name in _given(config, sections):
        section = name.split(".")[0]
        if section in TRAINED_PRUNERS:
            pruner = TRAINED_PRUNERS[section]
            raise SrnInputError(
                f"{name} belongs to the pruner {pruner}: choose {_trained(automatic, pruner)}, or leave it out"
            )
        if section == "neurcomp" or section in NETWORKS and config.network == "neurcomp":
            raise SrnInputError(f"{name} belongs to the network {section}: choose --network {section}, or leave it out")
        raise SrnInputError(
            f"{name} belongs to a trained network: choose {_trained(automatic, 'smallify')} (or another), "
            "or leave it out"
        )


def _trained(automatic: bool, pruner: str) -> str:
    return f"{'--network fvsrn ' if automatic else ''}--pruner {pruner}"


def _given(config: CompressConfig, sections: tuple[str, ...]) -> Iterator[str]:
    """Dotted names of the settings in some sections that are not as they were before anybody touched them."""
    for section in sections:
        given = getattr(config, section)
        for item in dataclasses.fields(given):
            name = f"{section}.{item.name}"
            if name not in ALWAYS and getattr(given, item.name) != item.default:
                yield name
