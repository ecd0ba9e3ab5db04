"""The course of a compression by rate: what is told on the way, who ended it, and the rows that are left of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from srn_core.deadline import Deadline, clock
from srn_core.progress import Progress

Tell = Callable[[Progress], bool]
ROWS = 200
"""Of a filter's training, about."""


@dataclass(frozen=True)
class Row:
    """One state on the way."""

    passes: float
    seconds: float
    phase: str
    loss: Optional[float]
    psnr: Optional[float]
    size: Optional[float]


class Course:
    """Where the job stands, whether it is to end early, and its history: the files that were tried, then a filter's
    training."""

    def __init__(self, tell: Tell, deadline: Optional[Deadline] = None) -> None:
        self.deadline = deadline or Deadline(None)
        self.stopped = False
        self.psnr: Optional[float] = None
        """Of the best that there is, in dB, as far as it is known."""
        self.ends: Optional[float] = None
        """When it will be done, on the deadline's clock, as far as that is known."""
        self._tell, self._phase, self._share = tell, "", 0.0
        self._rows: list[Row] = []
        self._training: list[Row] = []
        self._next = 0.0

    def report(self, report: Progress) -> bool:
        """Tell, and learn whether to go on."""
        self._phase, self._share = report.phase, report.fraction
        if report.eta_seconds is None and self.ends is not None:
            report = replace(report, eta_seconds=max(self.ends - clock(), 0.0))
        if report.psnr is None:
            report = replace(report, psnr=self.psnr)
        if not self._tell(report):
            self.stopped = True
        return not self.stopped

    def say(self, phase: str, share: float) -> bool:
        """A new phase begins."""
        return self.report(Progress(phase, share))

    def goes_on(self) -> bool:
        """Asked before each of a few attempts whose number is not known: a little further each time."""
        return self.say(self._phase, self._share + 0.02 * (1.0 - self._share))

    def tried(self, size: float, psnr: Optional[float] = None) -> None:
        """A file of ``size`` bytes was tried; ``psnr`` where it was measured."""
        self._rows.append(Row(0.0, self.deadline.elapsed(), self._phase, None, psnr, size))
        if psnr is not None:
            self.psnr = psnr

    @property
    def sizes(self) -> list[float]:
        """Bytes of the files that were tried, in order."""
        return [row.size for row in self._rows if row.size is not None]

    def measured(self, psnr: float) -> None:
        """What was tried last has this PSNR."""
        self.psnr = psnr
        if self._rows:
            self._rows[-1] = replace(self._rows[-1], psnr=psnr)

    def trains(self, report: Progress, before: float) -> Progress:
        """The report of a filter's training with the PSNR that it stands for, which becomes a row if it is time for
        one; its loss is the squared error that is left of that without a filter, which is ``before`` dB."""
        if report.loss is None:
            return report
        psnr = before - 10.0 * math.log10(max(report.loss, 1e-30))
        if report.fraction >= self._next:
            self._next = report.fraction + 1.0 / ROWS
            elapsed = self.deadline.elapsed()
            self._training.append(Row(report.fraction, elapsed, report.phase, report.loss, psnr, None))
        return replace(report, psnr=psnr)

    def trained(self, passes: float) -> None:
        """The training is over; it was so many ``passes`` over the volume."""
        last = self._training[-1].passes if self._training else 1.0
        share = passes / last if last > 0 else passes
        self._rows += [replace(row, passes=share * row.passes) for row in self._training]
        self._training = []

    def columns(self) -> dict[str, list[Any]]:
        """Column name -> values, None where nothing is known. A filter keeps all of its weights, so that there is no
        kept_fraction."""
        return {
            "pass": [row.passes for row in self._rows],
            "seconds": [row.seconds for row in self._rows],
            "phase": [row.phase for row in self._rows],
            "loss": [row.loss for row in self._rows],
            "psnr": [row.psnr for row in self._rows],
            "kept_fraction": [None for _ in self._rows],
            "bytes": [row.size for row in self._rows],
        }
