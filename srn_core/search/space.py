"""One search's space: which settings are free, within which bounds, and what a point of it means."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.idle_settings import refuse_idle_settings
from srn_core.prediction.domains import Choice, Domain, Range, Scalar
from srn_core.prediction.rules import grid_of
from srn_core.search.ranges import GRID, RANGES, RATIO, SIZES, searchable
from srn_core.settings import setting_of

if TYPE_CHECKING:
    from srn_core.search.request import Record

LEAST_BYTES = 1500
"""No trial asks for a smaller file: a header alone has some 600 bytes."""
LEAST_RATIO = 2.0
WHOLE_SIZE = {"target.parameter_ratio": 1.0}
"""Where the settings decide the size: a target that hardly ever binds."""
OBEYED = {"pruning.thresholds": "fixed"}
"""With it: what the pruner's own threshold says goes, and no more."""


@dataclass(frozen=True)
class Space:
    """Free settings and fixed ones."""

    free: Mapping[str, Domain]
    fixed: Mapping[str, Any]
    """Dotted names -> values; network and pruner among them."""
    dims: tuple[int, int, int]

    @classmethod
    def of(
        cls,
        network: str,
        pruner: str,
        sizes: str,
        dims: tuple[int, int, int],
        nbytes: int,
        fixed: Mapping[str, Any],
        freed: Mapping[str, str],
    ) -> Space:
        """The space for a volume of ``nbytes`` bytes.

        Args:
            sizes: one of :data:`srn_core.search.ranges.SIZES`.
            fixed: dotted settings that every trial has; they are not searched.
            freed: dotted settings to search as well, or within other bounds: name -> "", "LOW:HIGH" or "A,B,C".

        Raises:
            SrnInputError: for what is unknown, contradicts itself, or leaves nothing to search.
        """
        if sizes not in SIZES:
            raise SrnInputError(f"sizes must be one of {', '.join(SIZES)}, not {sizes!r}")
        by_rate = (network, pruner) == ("fvsrn", "rate")
        if sizes == "settings" and by_rate:
            raise SrnInputError(
                "an fv-SRN by rate has no size but the one asked for: choose --sizes target, or another --pruner"
            )
        _refuse_unknown(network, pruner, fixed, freed)
        base: dict[str, Any] = {"network": network, "pruner": pruner}
        if sizes == "settings":
            base.update(WHOLE_SIZE)
            base.update(OBEYED if pruner not in ("none", "rate") else {})
        known = searchable(network, pruner, sizes)
        free = {name: entry.domain for name, entry in known.items() if sizes in entry.by_default}
        for name, text in freed.items():
            if name not in known:
                raise SrnInputError(
                    f"--free {name}: no such setting to search with network {network}, pruner {pruner}, sizes {sizes}; "
                    f"there are: {', '.join(known)}"
                )
            free[name] = narrowed(name, known[name].domain, text)
        targets = [name for name in fixed if name.startswith("target.")]
        for name in [*fixed, *([RATIO] if targets else [])]:
            free.pop(name, None)
        space = cls(_for_volume(free, dims, nbytes, RATIO in freed), {**base, **fixed}, dims)
        if not free:
            raise SrnInputError("nothing is left to search: fix fewer settings, or name some with --free")
        refuse_idle_settings(space.config(space.at([0.5] * len(free))))
        return space

    @property
    def names(self) -> list[str]:
        """The free settings, in order."""
        return list(self.free)

    def at(self, point: Sequence[float]) -> dict[str, Scalar]:
        """Parameters at a point of the unit cube (one number from 0 to 1 for each free setting)."""
        return {name: domain.at(float(share)) for (name, domain), share in zip(self.free.items(), point)}

    def settings(self, parameters: Mapping[str, Scalar]) -> dict[str, Any]:
        """All dotted settings that parameters mean, fixed ones included; plain JSON types."""
        found = {name: grid_of(value, self.dims) if name == GRID else value for name, value in parameters.items()}
        return {**self.fixed, **found}

    def config(self, parameters: Mapping[str, Scalar]) -> CompressConfig:
        """The config that parameters mean. Raises SrnInputError where the settings contradict each other."""
        return config_of(self.settings(parameters))

    def completed(self, known: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Scalar]:
        """A point of the space with some ``known`` parameters, and all others as they are by default.

        Where a default is left open it is what the product has ``chosen``, or, while that is not known, the middle of
        the range.
        """
        found: dict[str, Scalar] = {}
        for name, domain in self.free.items():
            value = known.get(name, default_of(name))
            if value is None and name in chosen:
                value = max(chosen[name]) if name == GRID else chosen[name]
            found[name] = domain.at(0.5) if value is None else domain.nearest(value)
        return found

    def holds(self, parameters: Mapping[str, Any]) -> bool:
        """Whether parameters are a point of this space."""
        return list(parameters) == self.names and all(
            (parameters[name] in domain.values)
            if isinstance(domain, Choice)
            else domain.low <= parameters[name] <= domain.high
            for name, domain in self.free.items()
        )


def space_of(record: Record) -> Space:
    """The space of a search."""
    request, dims, nbytes = record.request, record.dims, record.nbytes
    return Space.of(request.network, request.pruner, request.sizes, dims, nbytes, request.fixed, request.freed)


def default_of(name: str) -> Any:
    """A setting's default; None where it is left open."""
    return setting_of(CompressConfig(), name)


def config_of(settings: Mapping[str, Any]) -> CompressConfig:
    """The config of dotted settings. Raises SrnInputError."""
    return CompressConfig.from_dict(nested(settings))


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted settings as the nested dict of a settings file (``srn compress --config``)."""
    out: dict[str, Any] = {}
    for name, value in settings.items():
        *sections, last = name.split(".")
        inner = out
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
    return out


def narrowed(name: str, domain: Domain, text: str) -> Domain:
    """A domain with other bounds ("LOW:HIGH") or values ("A,B,C"); "" leaves it. Raises SrnInputError."""
    if not text:
        return domain
    if isinstance(domain, Choice):
        # Parsed as the setting itself is, so that any filter of a wavelet may be named and no nonsense.
        return Choice(tuple(config_value(name, part.strip()) for part in text.split(",")))
    low, colon, high = text.partition(":")
    try:
        if not colon:
            raise ValueError
        first, last = float(low), float(high)
        if not (math.isfinite(first) and math.isfinite(last)):
            raise ValueError
    except ValueError:
        raise SrnInputError(f"--free {name} takes bounds as LOW:HIGH, not '{text}'") from None
    if not first < last or (domain.log and first <= 0) or (domain.whole and (first % 1 or last % 1)):
        kind = "whole " if domain.whole else "positive " if domain.log else ""
        raise SrnInputError(f"--free {name}: bounds must be two {kind}numbers, the lower one first, not '{text}'")
    return replace(domain, low=first, high=last)


def config_value(name: str, text: str) -> Any:
    """A text as the value of a setting. Raises SrnInputError as the settings do."""
    value = setting_of(CompressConfig().with_settings({name: text}), name)
    return list(value) if isinstance(value, tuple) else value


def _refuse_unknown(network: str, pruner: str, fixed: Mapping[str, Any], freed: Mapping[str, str]) -> None:
    if network not in ("fvsrn", "neurcomp"):
        raise SrnInputError(f"a search is about one network: fvsrn or neurcomp, not '{network}'")
    CompressConfig().with_settings({"pruner": pruner, **fixed})
    for name in fixed:
        if name in ("network", "pruner", "seed", "device"):
            raise SrnInputError(f"--fix {name}: give it as --{name}")
        if name in freed:
            raise SrnInputError(f"{name} is both fixed and free: leave one out")


def _for_volume(
    free: Mapping[str, Domain], dims: tuple[int, int, int], nbytes: int, ratio_given: bool
) -> dict[str, Domain]:
    """Bounds that this volume allows."""
    out = dict(free)
    if RATIO in out and not ratio_given:
        default = RANGES[RATIO].domain
        assert isinstance(default, Range)
        high = min(default.high, nbytes / LEAST_BYTES)
        if high < 1.5 * LEAST_RATIO:
            raise SrnInputError(
                f"a volume of {nbytes} bytes is too small to search ratios: a file has some {LEAST_BYTES} bytes; "
                "give bounds of your own, as in --free target.ratio=1:3"
            )
        low = default.low if high >= 2 * default.low else LEAST_RATIO
        out[RATIO] = replace(default, low=low, high=float(high))
    grid = out.get(GRID)
    if isinstance(grid, Range):
        high = min(grid.high, float(max(dims)))
        out[GRID] = replace(grid, low=min(grid.low, max(high / 2.0 // 1, 1.0)), high=high)
    return out
