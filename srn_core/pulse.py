"""A long job in a thread of its own, so that whoever waits for it hears of it all the time."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace
from typing import Callable, Optional, TypeVar

from srn_core.deadline import clock
from srn_core.progress import Progress, ProgressCallback

Result = TypeVar("Result")

PULSE = 0.1
"""Seconds after which the last report is given again where the job has none: what waits can draw, and ask to stop."""


class _Abandoned(BaseException):
    """Ends the job where nobody waits for it any more."""


def pulsed(
    job: Callable[[Optional[ProgressCallback]], Result], progress: Optional[ProgressCallback], pulse: float = PULSE
) -> Result:
    """What ``job`` gives, which runs in a thread of its own.

    ``progress`` is called in the thread of the caller: with each report of the job, which waits for the answer, and
    between reports with the last one again. An answer False in between is given to the job at its next report. What
    the job raises is raised here; what ``progress`` raises ends the job at its next report. Without ``progress`` the
    job runs in the caller's thread.
    """
    if progress is None:
        return job(None)
    told: queue.SimpleQueue[Optional[Progress]] = queue.SimpleQueue()
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    results: list[Result] = []
    errors: list[BaseException] = []
    stopped = abandoned = False

    def tell(report: Progress) -> bool:
        if not abandoned:
            told.put(report)
            if answers.get() and not abandoned:
                return True
        if abandoned:
            raise _Abandoned
        return False

    def run() -> None:
        try:
            results.append(job(tell))
        except BaseException as error:
            errors.append(error)
        finally:
            told.put(None)

    thread = threading.Thread(target=run, name="srn-job", daemon=True)
    thread.start()
    last, since = Progress("starting", 0.0), clock()
    try:
        while True:
            try:
                report = told.get(timeout=pulse)
            except queue.Empty:
                stopped = progress(_aged(last, clock() - since)) is False or stopped
                continue
            if report is None:
                break
            last, since = report, clock()
            stopped = progress(report) is False or stopped
            answers.put(not stopped)
    finally:
        abandoned = True
        answers.put(False)  # a job that waits for its answer waits no longer
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _aged(report: Progress, seconds: float) -> Progress:
    """The same report, some seconds later."""
    if report.eta_seconds is None:
        return report
    return replace(report, eta_seconds=max(report.eta_seconds - seconds, 0.0))
