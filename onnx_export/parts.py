"""Running the parts of a job beside each other, with progress told from the caller's thread."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Iterable, NamedTuple, Optional

from srn_core.errors import SrnStoppedError
from srn_core.progress import Progress, ProgressCallback

AHEAD = 4
"""Parts per thread that wait for their turn: enough that no thread idles, few enough that stopping is quick."""


class Work(NamedTuple):
    """Parts to run in any order, and what runs one and says how many numbers it gave."""

    decode: Callable[[Any], int]
    parts: Iterable[Any]


def run_parts(
    work: Callable[[Any], int],
    parts: Iterable[Any],
    total: int,
    workers: int = 1,
    progress: Optional[ProgressCallback] = None,
    phase: str = "decoding",
) -> None:
    """Do ``work`` on every part, which says how much of ``total`` it did; ``workers`` parts at a time.

    ``progress`` is called from this thread, after each part. SrnStoppedError where it returns False; parts that have
    not begun are then left out.
    """
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None and progress(Progress(phase, done / total)) is False:
            raise SrnStoppedError("decoding was stopped")

    if workers == 1:
        for part in parts:
            report(work(part))
        return
    waiting: deque[Future[int]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for part in parts:
                waiting.append(pool.submit(work, part))
                if len(waiting) >= AHEAD * workers:
                    report(waiting.popleft().result())
            while waiting:
                report(waiting.popleft().result())
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
