"""What searches have found, made into a predictor of settings and sizes (thesis 5.3)."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any, Mapping, Optional, Sequence

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.prediction.coded_sizes import CodedSize
from srn_core.prediction.domains import Range
from srn_core.prediction.predictor import Predictor
from srn_core.prediction.regression import Fit, fit, straightened
from srn_core.prediction.rules import LN_RATIO, Rule, SettingFit
from srn_core.prediction.size_model import SizeModel
from srn_core.search.analysis import Analysis
from srn_core.search.runner import SearchResult
from srn_core.search.space import space_of

NOTHING = Predictor()
STATISTICS_FROM = 6
"""Volumes from which on their statistics may enter the fits, of which there are four."""


def fit_predictor(results: Sequence[SearchResult], known: Predictor = NOTHING) -> Predictor:
    """Fit one rule for each network and pruner among some searches, and sizes to all volumes.

    What is ``known`` of other networks and pruners stays, and so do its volumes' sizes, to which those of the searched
    volumes are added.

    Raises SrnInputError where there is no search, or a front has too few points.
    """
    if not results:
        raise SrnInputError("a predictor needs at least one search")
    groups: dict[tuple[str, str, str], list[Analysis]] = {}
    for result in results:
        request = result.record.request
        groups.setdefault((*request.method, request.sizes), []).append(Analysis.of(result))
    methods = {key[:2] for key in groups}
    if len(methods) < len(groups):
        raise SrnInputError("searches of one network and pruner must not differ in --sizes")
    rules = [_fitted(analyses) for analyses in groups.values()]
    data = [_provenance(analysis) for group in groups.values() for analysis in group]
    others = [rule for rule in known.rules if (rule.network, rule.pruner) not in methods]
    searched = {entry["crc32"] for entry in data}
    kept = [entry for entry in known.data if entry["crc32"] not in searched or not entry.get("front")]
    return Predictor(sizes_of([*kept, *data]), (*others, *rules), known.neurcomp, (*kept, *data))


def sizes_of(data: Sequence[Mapping[str, Any]]) -> Optional[SizeModel]:
    """The size model of a predictor's data, each volume counted once; None where nothing was coded."""
    volumes = {entry["crc32"]: entry["coded"] for entry in data if entry.get("coded")}
    sizes = [CodedSize.from_dict(size) for found in volumes.values() for size in found]
    return SizeModel.fitted(sizes) if sizes else None


def _fitted(analyses: Sequence[Analysis]) -> Rule:
    request = analyses[0].result.record.request
    points = [(analysis, trial) for analysis in analyses for trial in analysis.front]
    ratios = [analysis.ratio(trial) for analysis, trial in points]
    terms: dict[str, list[float]] = {LN_RATIO: [math.log(ratio) for ratio in ratios]}
    statistics = {
        name: [float(getattr(analysis.result.record.statistics, name)) for analysis, _ in points]
        for name in asdict(analyses[0].result.record.statistics)
    }
    volumes = [analysis.result.record.crc32 for analysis, _ in points]
    shared = [name for name in analyses[0].domains if all(name in a.domains for a in analyses)]
    settings = {}
    for name in shared:
        domain = _widest([analysis.domains[name] for analysis in analyses])
        y = [straightened(domain, trial.parameters[name]) for _, trial in points]
        line = _line(terms, statistics, y, volumes)
        settings[name] = SettingFit(domain, line.coefficients, line.r2, sorted(y)[len(y) // 2])
    return Rule(
        request.network,
        request.pruner,
        analyses[0].ratio_name,
        (min(ratios), max(ratios)),
        settings,
        _common([{**space_of(a.result.record).fixed, **_usual(a)} for a in analyses]),
    )


def _line(
    terms: Mapping[str, Sequence[float]],
    statistics: Mapping[str, Sequence[float]],
    y: Sequence[float],
    volumes: Sequence[str],
) -> Fit:
    """A line through the ratio alone or, of many volumes, also through their statistics, if that tells more of others.

    R^2 is then that of each volume's points by the line through all other volumes' points: with so many terms a line
    follows chance as well.
    """
    if len(set(volumes)) < STATISTICS_FROM:
        return fit(terms, y)
    candidates = [terms, {**terms, **statistics}]
    left_out = [_r2_of_others(candidate, y, volumes) for candidate in candidates]
    best = max(range(len(candidates)), key=lambda i: left_out[i])
    return replace(fit(candidates[best], y), r2=max(left_out[best], 0.0))


def _r2_of_others(terms: Mapping[str, Sequence[float]], y: Sequence[float], volumes: Sequence[str]) -> float:
    """Share of y's variance that is explained where each volume's points are predicted from those of all others."""
    wanted, squares = np.asarray(y), 0.0
    for volume in sorted(set(volumes)):
        inside = [i for i, other in enumerate(volumes) if other == volume]
        outside = [i for i, other in enumerate(volumes) if other != volume]
        line = fit({name: [values[i] for i in outside] for name, values in terms.items()}, [y[i] for i in outside])
        squares += sum((line.at({name: values[i] for name, values in terms.items()}) - y[i]) ** 2 for i in inside)
    total = float(np.sum((wanted - wanted.mean()) ** 2))
    return 1.0 - squares / total if total > 0 else 1.0


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
    first = {name: value for name, value in many[0].items() if name not in left_out and value is not None}
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in many)}


def _provenance(analysis: Analysis) -> dict[str, Any]:
    record = analysis.result.record
    return {
        "volume": record.name,
        "dims": list(record.dims),
        "crc32": record.crc32,
        "statistics": asdict(record.statistics),
        "coded": [size.to_dict() for size in record.coded],
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
