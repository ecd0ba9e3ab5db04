"""The product's defaults as trials: those that a search begins with, and those that it is compared with."""

from __future__ import annotations

from typing import Any

from srn_core.prediction.domains import Range
from srn_core.search.ranges import PASSES, RANGES, RATIO, SECONDS
from srn_core.search.request import Record, SearchRequest
from srn_core.search.runner import Job
from srn_core.search.space import LEAST_BYTES, Space, default_of, space_of
from srn_core.search.trial import PROPOSED

DEFAULT_RATIOS = 5
BY_RATE = ("fvsrn", "rate")


def base_settings(request: SearchRequest) -> dict[str, Any]:
    """What every trial has beside the space's own settings; the latter may say otherwise.

    Where the passes are fixed the clock has no say, so that the same seed gives the same trials. No predictor fills in
    what the search leaves open: what is found shall not depend on what was found before.
    """
    settings: dict[str, Any] = {"device": request.device, "seed": request.seed, "predictor": "none"}
    return settings if PASSES in request.fixed else {**settings, SECONDS: request.seconds}


def first_job(index: int, request: SearchRequest, space: Space) -> Job:
    """One of the trials that a search begins with: its network and pruner as they are by default, but for what every
    trial has fixed and for defaults beyond the bounds that are searched. What the product leaves open stays so.
    """
    domain = space.free[RATIO]
    assert isinstance(domain, Range)
    count = request.defaults_first
    parameters = {RATIO: domain.at(index / (count - 1) if count > 1 else 0.5)}
    settings = {**base_settings(request), **space.settings(parameters)}
    for name, other in space.free.items():
        usual = default_of(name)
        if name != RATIO and usual is not None and other.nearest(usual) != usual:
            settings[name] = other.nearest(usual)
            parameters[name] = settings[name]
    return Job("search", index, parameters, settings, {PROPOSED: "defaults"})


def default_jobs(record: Record) -> list[Job]:
    """The product's defaults at some ratios, as long as each trial, then those of the searched network and pruner."""
    request = record.request
    if not request.defaults:
        return []
    methods = [BY_RATE] if request.method == BY_RATE else [BY_RATE, request.method]
    domain = space_of(record).free.get(RATIO, RANGES[RATIO].domain)
    assert isinstance(domain, Range)
    high = max(min(domain.high, record.nbytes / LEAST_BYTES), 2.0)
    low = min(domain.low, max(high / 4.0, 1.5))
    jobs: list[Job] = []
    for network, pruner in methods:
        # Passes over a network say nothing of a filter's: where they are fixed, only a default of its kind has them.
        timed = {**base_settings(request), SECONDS: request.seconds}
        if PASSES in request.fixed and (network, pruner) == request.method:
            timed = {**base_settings(request), PASSES: request.fixed[PASSES]}
        for index in range(DEFAULT_RATIOS):
            ratio = low * (high / low) ** (index / (DEFAULT_RATIOS - 1))
            settings = {"network": network, "pruner": pruner, **timed, "predictor": "shipped", RATIO: round(ratio, 3)}
            jobs.append(Job("default", len(jobs), {}, settings, {}))
    return jobs
