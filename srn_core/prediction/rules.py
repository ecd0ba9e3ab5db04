"""Which settings suit a ratio: lines that were fitted to the fronts of searches (thesis Figs 5.6, 5.17)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Mapping, Sequence, Tuple

from srn_core.errors import SrnInputError
from srn_core.prediction.domains import Range
from srn_core.prediction.regression import Fit, bent_back
from srn_core.prediction.statistics import VolumeStatistics

LN_RATIO = "ln_ratio"
RATIO, GRID = "target.ratio", "fvsrn.grid"
TRUSTED_R2 = 0.3
"""Settings whose line explains less than this do not follow the ratio: their middle value is taken instead."""


@dataclass(frozen=True)
class SettingFit:
    """One setting as a function of the ratio and the volume."""

    domain: Range
    coefficients: Mapping[str, float]
    """Of ln(ratio), of the volume's statistics, and the intercept."""
    r2: float
    middle: float
    """Median along the fronts: what is taken where the fit explains too little."""


@dataclass(frozen=True)
class Rule:
    """All settings of one network and pruner."""

    network: str
    pruner: str
    ratio_name: str
    ratios: Tuple[float, float]
    """The ratios that were searched."""
    settings: Mapping[str, SettingFit]
    fixed: Mapping[str, Any]
    """What all searches had fixed, choices among them at their most frequent value."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rule:
        """What asdict made. Raises KeyError, TypeError or ValueError for what is none."""
        settings = {
            str(name): SettingFit(
                _range(found["domain"]), finite_numbers(found["coefficients"]), finite(found["r2"]),
                finite(found["middle"]),
            )
            for name, found in data["settings"].items()
        }  # fmt: skip
        low, high = (finite(value) for value in data["ratios"])
        fixed = dict(data["fixed"])
        return cls(str(data["network"]), str(data["pruner"]), str(data["ratio_name"]), (low, high), settings, fixed)


@dataclass(frozen=True)
class Prediction:
    """Settings, and how far they can be trusted."""

    settings: Mapping[str, Any]
    """Dotted names -> values, as :meth:`srn_core.config.CompressConfig.with_settings` takes them."""
    r2: Mapping[str, float]
    """Of each fitted setting."""
    notes: Tuple[str, ...]
    """In words: where the prediction goes beyond what was searched."""


def predicted(rule: Rule, ratio: float, statistics: VolumeStatistics, dims: Sequence[int]) -> Prediction:
    """Settings for a ratio of a volume, the ratio's own among them where it was asked for in the searches.

    Args:
        statistics, dims: of the volume; dims are (x, y, z).

    Raises:
        SrnInputError: where the ratio is none.
    """
    if not 0 < ratio < math.inf:
        raise SrnInputError(f"a ratio must be more than 0, not {ratio}")
    terms = {LN_RATIO: math.log(ratio), **asdict(statistics)}
    settings: dict[str, Any] = {"network": rule.network, "pruner": rule.pruner, **rule.fixed}
    for name, found in rule.settings.items():
        line = Fit(found.coefficients, found.r2, 0).at(terms) if found.r2 >= TRUSTED_R2 else found.middle
        value = bent_back(found.domain, line)
        settings[name] = grid_of(value, dims) if name == GRID else value
    if not any(name.startswith("target.") for name in settings):
        settings[RATIO] = ratio
    low, high = rule.ratios
    notes = []
    if not low * 0.99 <= ratio <= high * 1.01:
        notes.append(f"ratio {ratio:g} lies outside of those searched, {low:.4g} to {high:.4g}")
    return Prediction(settings, {name: found.r2 for name, found in rule.settings.items()}, tuple(notes))


def grid_of(longest: Any, dims: Sequence[int]) -> list[int]:
    """Latent samples along x, y, z in the volume's proportions, given those along its longest axis."""
    scale = min(float(longest) / max(dims), 1.0)
    return [min(n, max(min(n, 2), round(n * scale))) for n in dims]


def finite(value: Any) -> float:
    """A number. Raises TypeError or ValueError where it is none."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def finite_numbers(data: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by name. Raises as :func:`finite`."""
    return {str(name): finite(value) for name, value in data.items()}


def _range(data: Mapping[str, Any]) -> Range:
    found = Range(finite(data["low"]), finite(data["high"]), data["log"] is True, data["whole"] is True)
    if not found.low < found.high or (found.log and found.low <= 0):
        raise ValueError("a range that is none")
    return found
