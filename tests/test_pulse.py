"""A job in a thread of its own: what is heard of it, and how it is stopped."""

from __future__ import annotations

import threading

import pytest

from srn_core.progress import Progress
from srn_core.pulse import pulsed


def test_reports_and_result_come_in_the_callers_thread():
    seen = []

    def job(tell):
        assert threading.current_thread() is not threading.main_thread()
        return [tell(Progress("working", share / 4)) for share in range(4)]

    def progress(report):
        seen.append((threading.current_thread(), report.fraction))

    assert pulsed(job, progress, pulse=60.0) == [True] * 4
    assert seen == [(threading.current_thread(), share / 4) for share in range(4)]


def test_a_silent_job_is_heard_of_and_may_be_stopped():
    """Between two reports the last one comes again, with less time left; the answer reaches the job with its next."""
    seen, heard = [], threading.Event()

    def job(tell):
        first = tell(Progress("coding", 0.25, eta_seconds=100.0))
        assert heard.wait(60)
        return first, tell(Progress("packing", 0.5)), tell(Progress("done", 1.0))

    def progress(report):
        seen.append(report)
        if len(seen) == 5:
            heard.set()
        return len(seen) != 4  # False once, in between

    assert pulsed(job, progress, pulse=0.01) == (True, False, False)
    silent = [report for report in seen if report.phase == "coding"]
    assert len(silent) >= 5 and {report.fraction for report in silent} == {0.25}
    left = [report.eta_seconds for report in silent]
    assert left == sorted(left, reverse=True) and left[-1] < left[0] == 100.0


def test_without_progress_there_is_no_thread():
    assert pulsed(lambda tell: (tell, threading.current_thread()), None) == (None, threading.current_thread())


def test_errors_of_the_job_and_of_the_one_who_waits():
    def broken(tell):
        tell(Progress("coding", 0.1))
        raise ValueError("of the job")

    with pytest.raises(ValueError, match="of the job"):
        pulsed(broken, lambda report: True)

    ended = threading.Event()

    def endless(tell):
        try:
            while True:
                tell(Progress("coding", 0.1))
        finally:
            ended.set()

    def impatient(report):
        raise KeyError("of the one who waits")

    with pytest.raises(KeyError, match="who waits"):
        pulsed(endless, impatient)
    assert ended.wait(60), "the job goes on although nobody waits for it"
