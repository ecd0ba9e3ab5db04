"""The course of a filter's training, as the columns that the history of any other training has."""

from __future__ import annotations

import math
import time
from typing import Any

from srn_core.progress import Progress

ROWS = 200
"""Of the history, about."""


class FilterCourse:
    """Takes rows from the reports of a filter's training, whose loss is the squared error that the filter leaves, as
    a share of what there is without it."""

    def __init__(self, psnr: float) -> None:
        """``psnr``: in dB, without the filter."""
        self._psnr, self._started, self._next = psnr, time.perf_counter(), 0.0
        self._rows: list[tuple[float, float, str, float]] = []

    def note(self, report: Progress) -> None:
        """One more row, if it is time for one."""
        if report.loss is not None and report.fraction >= self._next:
            self._next = report.fraction + 1.0 / ROWS
            self._rows.append((report.fraction, time.perf_counter() - self._started, report.phase, report.loss))

    def columns(self, passes: float) -> dict[str, list[Any]]:
        """Column name -> values; ``passes``: over the volume, of the whole training. A filter keeps all of its
        weights, so that there is no kept_fraction."""
        last = self._rows[-1][0] if self._rows else 1.0
        return {
            "pass": [passes * fraction / last if last > 0 else passes for fraction, *_ in self._rows],
            "seconds": [seconds for _, seconds, *_ in self._rows],
            "phase": [phase for *_, phase, _ in self._rows],
            "loss": [loss for *_, loss in self._rows],
            "psnr": [self._psnr - 10.0 * math.log10(max(loss, 1e-30)) for *_, loss in self._rows],
            "kept_fraction": [None for _ in self._rows],
        }
