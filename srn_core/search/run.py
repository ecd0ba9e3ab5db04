"""The search itself: propose, run, write down, until all trials are done or somebody stops it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

from srn_core.errors import SrnInputError
from srn_core.prediction.domains import Range
from srn_core.progress import ProgressCallback
from srn_core.search.generators import Generator, Known, generator
from srn_core.search.journal import Journal
from srn_core.search.objectives import objectives
from srn_core.search.ranges import PASSES, RANGES, RATIO, SECONDS
from srn_core.search.request import RECORD, Record, SearchRequest, Source
from srn_core.search.runner import Job, Runner, SearchResult
from srn_core.search.space import LEAST_BYTES, Space

DEFAULT_RATIOS = 5
BY_RATE = ("fvsrn", "rate")


def search(
    source: Source,
    folder: Path,
    request: SearchRequest,
    *,
    resume: bool = False,
    progress: Optional[ProgressCallback] = None,
) -> SearchResult:
    """Search settings for one volume.

    Args:
        source: the volume's file.
        folder: where record and journal go; made if it is not there.
        resume: go on with the search that the folder holds.
        progress: called every 0.2 s; returning False ends the search: what runs is dropped, what is finished stays.

    Returns:
        All trials, those of earlier runs included; :func:`srn_core.search.outputs.write` makes tables and configs of
        them.

    Raises:
        SrnInputError: for data, settings or a folder that cannot be used.
        SrnMissingPackageError: where the generator's package is not installed.
    """
    record = _record(source, folder, request, resume)
    space = space_of(record)
    request = record.request
    proposals = generator(request.generator, space, objectives(request.objectives), request.seed, request.spread)
    journal = Journal(folder)
    trials = journal.read()
    _make(folder, resume)
    journal.mend()
    record.save(folder)
    known = {(trial.kind, trial.index) for trial in trials}
    waiting = [job for job in default_jobs(record) if (job.kind, job.index) not in known]
    left = [index for index in range(request.trials) if ("search", index) not in known]
    total = len(waiting) + len(left)
    runner = Runner(record, folder, journal, trials, progress, total)

    def more() -> Optional[Job]:
        if waiting:
            return waiting.pop(0)
        return _proposed(left.pop(0), space, proposals, runner) if left else None

    return runner.run(more)


def space_of(record: Record) -> Space:
    """The space of a search."""
    request, dims, nbytes = record.request, record.dims, record.nbytes
    return Space.of(request.network, request.pruner, request.sizes, dims, nbytes, request.fixed, request.freed)


def _proposed(index: int, space: Space, proposals: Generator, runner: Runner) -> Job:
    finished = sorted((trial for trial in runner.trials if trial.kind == "search"), key=lambda trial: trial.index)
    running = [job.parameters for job in runner.running if job.kind == "search"]
    parameters = proposals.propose(index, Known(finished, running))
    settings = {**base_settings(runner.record.request), **space.settings(parameters)}
    return Job("search", index, parameters, settings, {})


def base_settings(request: SearchRequest) -> dict[str, Any]:
    """What every trial has beside the space's own settings; the latter may say otherwise.

    Where the passes are fixed the clock has no say, so that the same seed gives the same trials. No predictor fills in
    what the search leaves open: what is found shall not depend on what was found before.
    """
    settings: dict[str, Any] = {"device": request.device, "seed": request.seed, "predictor": "none"}
    return settings if PASSES in request.fixed else {**settings, SECONDS: request.seconds}


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


def _record(source: Source, folder: Path, request: SearchRequest, resume: bool) -> Record:
    """The record of this search, which is that of the folder where it is to go on."""
    if not resume:
        if (folder / RECORD).exists():
            raise SrnInputError(f"'{folder}' holds a search already: give --resume to go on with it, or another --out")
        # Where Ax takes over must not move when more trials are asked for later.
        return Record.of(replace(request, start=request.spread), source, source.read())
    old = Record.load(folder)
    record = Record.of(replace(request, start=request.start or old.request.spread), source, source.read())
    old.check_same(record, folder)
    return record


def _make(folder: Path, resume: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume and any(folder.iterdir()):
            raise SrnInputError(f"'{folder}' is not empty and holds no search; give another --out")
    except OSError as error:
        raise SrnInputError(f"cannot make the folder '{folder}': {error.strerror or error}") from error
