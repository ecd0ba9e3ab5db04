"""The search itself: propose, run, write down, until all trials are done or somebody stops it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional

from srn_core.errors import SrnInputError
from srn_core.progress import ProgressCallback
from srn_core.search.defaults import base_settings, default_jobs, first_job
from srn_core.search.generators import Generator, Known, generator
from srn_core.search.journal import Journal
from srn_core.search.objectives import objectives
from srn_core.search.request import RECORD, Record, SearchRequest, Source
from srn_core.search.runner import Job, Runner, SearchResult
from srn_core.search.space import Space, space_of
from srn_core.search.trial import PROPOSED


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


def _proposed(index: int, space: Space, proposals: Generator, runner: Runner) -> Job:
    request = runner.record.request
    first = request.defaults_first
    if index < first:
        return first_job(index, request, space)
    finished = sorted((trial for trial in runner.trials if trial.kind == "search"), key=lambda trial: trial.index)
    running = [space.completed(job.parameters, {}) for job in runner.running if job.kind == "search"]
    known = Known(finished, running)
    parameters = proposals.propose(index - first, known)
    settings = {**base_settings(request), **space.settings(parameters)}
    return Job("search", index, parameters, settings, {PROPOSED: proposals.origin(index - first, known)})


def _record(source: Source, folder: Path, request: SearchRequest, resume: bool) -> Record:
    """The record of this search, which is that of the folder where it is to go on."""
    if not resume:
        if (folder / RECORD).exists():
            raise SrnInputError(f"'{folder}' holds a search already: give --resume to go on with it, or another --out")
        # Where Ax takes over must not move when more trials are asked for later.
        begun = replace(request, first_defaults=request.defaults_first, start=request.spread)
        return Record.of(begun, source, source.read())
    old = Record.load(folder)
    first = old.request.defaults_first if request.first_defaults is None else request.first_defaults
    begun = replace(request, first_defaults=first, start=request.start or old.request.spread)
    record = Record.of(begun, source, source.read())
    old.check_same(record, folder)
    return record


def _make(folder: Path, resume: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume and any(folder.iterdir()):
            raise SrnInputError(f"'{folder}' is not empty and holds no search; give another --out")
    except OSError as error:
        raise SrnInputError(f"cannot make the folder '{folder}': {error.strerror or error}") from error
