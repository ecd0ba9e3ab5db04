"""Jobs become trials: run on workers, each end written down before anything else happens."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

from srn_core.prediction.domains import Scalar
from srn_core.progress import Progress, ProgressCallback
from srn_core.search.front import front_of, second_at
from srn_core.search.journal import Journal
from srn_core.search.objectives import Objective, objectives, scores
from srn_core.search.ranges import RATIO
from srn_core.search.request import Record
from srn_core.search.space import space_of
from srn_core.search.trial import Trial
from srn_core.search.workers import Ended, Workers

FILES = "files"
"""Where the neural files of all trials lie while the search runs, if they are kept."""
POLL = 0.2
"""Seconds between two looks at the clock and at Ctrl-C."""


@dataclass(frozen=True)
class SearchResult:
    """Where a search stands."""

    record: Record
    trials: list[Trial]
    """All, of every kind, in the order in which they ended."""
    stopped: bool = False
    """Whether somebody stopped it before the end."""

    @property
    def objectives(self) -> tuple[Objective, Objective]:
        """What was traded off."""
        return objectives(self.record.request.objectives)

    def of_kind(self, kind: str) -> list[Trial]:
        """Trials of one kind, by index."""
        return sorted((trial for trial in self.trials if trial.kind == kind), key=lambda trial: trial.index)

    def defaults(self) -> dict[str, list[Trial]]:
        """The finished trials of each kind of defaults, by ratio; keyed by network and pruner."""
        found: dict[str, list[Trial]] = {}
        for trial in self.of_kind("default"):
            if trial.done:
                # Searches of earlier releases measured the product's alone, and named neither.
                method = f"{trial.settings.get('network', 'fvsrn')} {trial.settings.get('pruner', 'rate')}"
                found.setdefault(method, []).append(trial)
        return {method: sorted(trials, key=lambda t: float(t.measured["ratio"])) for method, trials in found.items()}

    def front(self) -> list[Trial]:
        """The search's trials that no other one beats, by the first objective."""
        done = [trial for trial in self.of_kind("search") if trial.done]
        return [done[i] for i in front_of([scores(trial.measured, self.objectives) for trial in done])]


@dataclass(frozen=True)
class Job:
    """What is to be run."""

    kind: str
    index: int
    parameters: Mapping[str, Scalar]
    settings: Mapping[str, Any]
    extra: Mapping[str, Any]


class Runner:
    """Runs jobs on workers and writes each end into the journal."""

    def __init__(
        self,
        record: Record,
        folder: Path,
        journal: Journal,
        trials: list[Trial],
        progress: Optional[ProgressCallback] = None,
        total: int = 0,
    ) -> None:
        self.record, self.folder, self.journal, self.trials = record, folder, journal, trials
        self._progress, self._total, self._ended = progress, total, 0
        self.running: list[Job] = []

    def run(self, more: Callable[[], Optional[Job]]) -> SearchResult:
        """Run what ``more()`` gives, one job at a call, until it gives None and all is done."""
        request, source = self.record.request, self.record.source
        given = {"path": os.path.abspath(source.path), "array": source.array, "options": dict(source.options)}
        stopped = exhausted = False
        with Workers(request.workers, given, request.hard_limit, self.folder) as workers:
            while not stopped and not (exhausted and not self.running):
                while workers.idle and not exhausted and not stopped:
                    job = more()
                    if job is None:
                        exhausted = True
                        break
                    self.running.append(job)
                    workers.start(job, self._order(job))
                    stopped = not self._told(workers)
                if self.running and not stopped:
                    for end in workers.wait(POLL):
                        self._note(end)
                    stopped = not self._told(workers)
        return SearchResult(self.record, self.trials, stopped)

    def _order(self, job: Job) -> dict[str, Any]:
        request = self.record.request
        save = None
        if request.keep_files and job.kind == "search":
            (self.folder / FILES).mkdir(exist_ok=True)
            save = str((self.folder / FILES / f"{job.index:04d}.srn").absolute())
        floors = self._floors(job.settings) if job.kind == "search" else None
        return {"settings": dict(job.settings), "floors": floors, "save": save}

    def _floors(self, settings: Mapping[str, Any]) -> Optional[tuple[float, float]]:
        """The PSNR below which a trial need not be finished, early and late in it; None where nothing is known yet."""
        request = self.record.request
        if request.margin is None or RATIO not in settings or request.objectives != ("ratio", "psnr"):
            return None
        points = [
            (math.log(trial.measured["ratio"]), trial.measured["psnr"])
            for trial in self.trials
            if trial.kind == "search" and trial.done
        ]
        floor = second_at(points, math.log(settings[RATIO])) - request.margin
        return (floor - request.margin, floor) if floor > 0 else None

    def _note(self, end: Ended) -> None:
        job: Job = end.job
        self.running.remove(job)
        self._ended += 1
        parameters = dict(job.parameters)
        if job.kind == "search":
            # Of the defaults no more than the ratio is known before.
            parameters = space_of(self.record).completed(parameters, end.measured.get("chosen_settings", {}))
        trial = Trial(
            job.kind,
            job.index,
            parameters,
            dict(job.settings),
            end.status,
            end.reason,
            end.measured,
            round(end.seconds, 3),
            {**job.extra, **({} if end.psnr is None else {"psnr_estimate": end.psnr})},
        )
        self.journal.append(trial)
        self.trials.append(trial)

    def _told(self, workers: Workers) -> bool:
        if self._progress is None:
            return True
        share = (self._ended + sum(workers.fractions)) / max(self._total, 1)
        phase = f"trial {min(self._ended + 1, self._total)} of {self._total}"
        return self._progress(Progress(phase, min(share, 1.0))) is not False
