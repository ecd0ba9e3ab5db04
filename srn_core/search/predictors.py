"""What searches have found, kept as a small JSON that gives settings for other volumes and ratios (thesis 5.3).

predictor = fit_predictor([report.load(folder) for folder in folders])
predictor.save("settings.json")
predict(Predictor.load("settings.json"), "fvsrn", "smallify", 100.0, VolumeStatistics.of(volume), dims).settings
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Mapping, Sequence, Tuple, Union

from srn_core.atomic import write_bytes
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.search.analysis import LN_RATIO, TRUSTED_R2, Analysis
from srn_core.search.ranges import GRID, RATIO, Range
from srn_core.search.regression import Fit, bent_back, fit, straightened
from srn_core.search.run import space_of
from srn_core.search.runner import SearchResult
from srn_core.search.space import config_of, grid_of
from srn_core.search.statistics import VolumeStatistics

FORMAT, VERSION = "srn-predictor", 1
STATISTICS_FROM = 5
"""Volumes from which on their statistics may enter the fits: there are three of them, and an intercept."""


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


@dataclass(frozen=True)
class Predictor:
    """Rules, and the data that they were fitted to."""

    rules: Tuple[Rule, ...]
    data: Tuple[Mapping[str, Any], ...]
    """For each search its volume (name, dims, crc32, statistics), release, settings and front."""

    def save(self, path: Union[str, PathLike[str]]) -> None:
        """Write it, whole or not at all."""
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("utf-8"))

    @classmethod
    def load(cls, path: Union[str, PathLike[str]]) -> Predictor:
        """Raises SrnInputError where it cannot be read, SrnFormatError where it is none."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SrnInputError(f"cannot read '{path}': {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise SrnFormatError(f"'{path}' is no JSON: {error}") from error
        try:
            if content["format"] != FORMAT or content["version"] != VERSION:
                raise SrnFormatError(f"'{path}' is of a version that this release cannot read")
            return cls(tuple(_rule(rule) for rule in content["rules"]), tuple(content["data"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SrnFormatError):
                raise
            raise SrnFormatError(f"'{path}' is no predictor: {error!r}") from error


@dataclass(frozen=True)
class Prediction:
    """Settings, and how far they can be trusted."""

    settings: Mapping[str, Any]
    """Dotted names -> values, as :meth:`srn_core.config.CompressConfig.with_settings` takes them."""
    r2: Mapping[str, float]
    """Of each fitted setting."""
    notes: Tuple[str, ...]
    """In words: where the prediction goes beyond what was searched."""


def fit_predictor(results: Sequence[SearchResult]) -> Predictor:
    """Fit one rule for each network and pruner among some searches.

    Raises SrnInputError where there is none, or a front has too few points.
    """
    if not results:
        raise SrnInputError("a predictor needs at least one search")
    groups: dict[tuple[str, str, str], list[Analysis]] = {}
    for result in results:
        request = result.record.request
        groups.setdefault((request.network, request.pruner, request.sizes), []).append(Analysis.of(result))
    known = {key[:2] for key in groups}
    if len(known) < len(groups):
        raise SrnInputError("searches of one network and pruner must not differ in --sizes")
    rules = tuple(_fitted(analyses) for analyses in groups.values())
    return Predictor(rules, tuple(_provenance(analysis) for group in groups.values() for analysis in group))


def predict(
    predictor: Predictor,
    network: str,
    pruner: str,
    ratio: float,
    statistics: VolumeStatistics,
    dims: Tuple[int, int, int],
) -> Prediction:
    """Settings for a ratio of a volume, the ratio's own among them where it was asked for in the searches.

    Args:
        statistics, dims: of the volume; dims are (x, y, z).

    Raises:
        SrnInputError: where nothing is known of this network and pruner, or the ratio is none.
    """
    if not 0 < ratio < math.inf:
        raise SrnInputError(f"a ratio must be more than 0, not {ratio}")
    rule = next((rule for rule in predictor.rules if (rule.network, rule.pruner) == (network, pruner)), None)
    if rule is None:
        known = ", ".join(f"{rule.network} {rule.pruner}" for rule in predictor.rules)
        raise SrnInputError(f"nothing is known of network {network} with pruner {pruner}; known: {known}")
    terms = {LN_RATIO: math.log(ratio), **asdict(statistics)}
    settings: dict[str, Any] = {"network": network, "pruner": pruner, **rule.fixed}
    notes = []
    for name, found in rule.settings.items():
        trusted = found.r2 >= TRUSTED_R2
        line = Fit(found.coefficients, found.r2, 0).at(terms) if trusted else found.middle
        value = bent_back(found.domain, line)
        settings[name] = grid_of(value, dims) if name == GRID else value
    if not any(name.startswith("target.") for name in settings):
        settings[RATIO] = ratio
    low, high = rule.ratios
    if not low * 0.99 <= ratio <= high * 1.01:
        notes.append(f"ratio {ratio:g} lies outside of those searched, {low:.4g} to {high:.4g}")
    config_of(settings)
    return Prediction(settings, {name: found.r2 for name, found in rule.settings.items()}, tuple(notes))


def _fitted(analyses: Sequence[Analysis]) -> Rule:
    request = analyses[0].result.record.request
    points = [(analysis, trial) for analysis in analyses for trial in analysis.front]
    ratios = [analysis.ratio(trial) for analysis, trial in points]
    terms: dict[str, list[float]] = {LN_RATIO: [math.log(ratio) for ratio in ratios]}
    if len({analysis.result.record.crc32 for analysis in analyses}) >= STATISTICS_FROM:
        for name in asdict(analyses[0].result.record.statistics):
            terms[name] = [getattr(analysis.result.record.statistics, name) for analysis, _ in points]
    shared = [name for name in analyses[0].domains if all(name in a.domains for a in analyses)]
    settings = {}
    for name in shared:
        domain = _widest([analysis.domains[name] for analysis in analyses])
        y = [straightened(domain, trial.parameters[name]) for _, trial in points]
        line = fit(terms, y)
        settings[name] = SettingFit(domain, line.coefficients, line.r2, sorted(y)[len(y) // 2])
    return Rule(
        request.network,
        request.pruner,
        analyses[0].ratio_name,
        (min(ratios), max(ratios)),
        settings,
        _common([{**space_of(a.result.record).fixed, **_usual(a)} for a in analyses]),
    )


def _widest(domains: Sequence[Range]) -> Range:
    first = domains[0]
    return Range(min(d.low for d in domains), max(d.high for d in domains), first.log, first.whole)


def _usual(analysis: Analysis) -> dict[str, Any]:
    """Choices as the front has them most often."""
    usual = {}
    for name in analysis.choices:
        values = [trial.parameters[name] for trial in analysis.front]
        usual[name] = max(values, key=values.count)
    return usual


def _common(many: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    left_out = ("network", "pruner", "training.seconds")
    first = {name: value for name, value in many[0].items() if name not in left_out}
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in many)}


def _provenance(analysis: Analysis) -> dict[str, Any]:
    record = analysis.result.record
    return {
        "volume": record.name,
        "dims": list(record.dims),
        "crc32": record.crc32,
        "statistics": asdict(record.statistics),
        "version": record.version,
        "network": record.request.network,
        "pruner": record.request.pruner,
        "sizes": record.request.sizes,
        "seconds": record.request.seconds,
        "seed": record.request.seed,
        "trials": len(analysis.result.of_kind("search")),
        "front": [
            {"ratio": analysis.ratio(t), "psnr": t.measured["psnr"], "parameters": dict(t.parameters)}
            for t in analysis.front
        ],
    }


def _rule(data: Mapping[str, Any]) -> Rule:
    settings = {
        str(name): SettingFit(
            _range(found["domain"]),
            {str(term): _finite(value) for term, value in found["coefficients"].items()},
            _finite(found["r2"]),
            _finite(found["middle"]),
        )
        for name, found in data["settings"].items()
    }
    low, high = (_finite(value) for value in data["ratios"])
    fixed = dict(data["fixed"])
    return Rule(str(data["network"]), str(data["pruner"]), str(data["ratio_name"]), (low, high), settings, fixed)


def _range(data: Mapping[str, Any]) -> Range:
    found = Range(_finite(data["low"]), _finite(data["high"]), data["log"] is True, data["whole"] is True)
    if not found.low < found.high or (found.log and found.low <= 0):
        raise ValueError("a range that is none")
    return found


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number
