"""One bar for all parts of a compression, and why it ended early."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from srn_core.deadline import Deadline
from srn_core.progress import Progress, ProgressCallback

TRAINING_SHARE = 0.93
"""Share of the progress bar that belongs to training."""


class JobProgress:
    """Maps the parts of the job onto one bar, and remembers that the user asked to stop, or that time was up."""

    def __init__(self, callback: Optional[ProgressCallback], deadline: Deadline) -> None:
        self._callback, self.deadline = callback, deadline
        self.asked_to_stop = False
        self.late = False

    def training(self, report: Progress) -> bool:
        """What a training reports; False: stop."""
        return self._tell(replace(report, fraction=report.fraction * TRAINING_SHARE))

    def tell(self, phase: str, fraction: float) -> bool:
        """A share of what comes after the training; False: stop."""
        return self._tell(Progress(phase, TRAINING_SHARE + (1.0 - TRAINING_SHARE) * fraction))

    def _tell(self, report: Progress) -> bool:
        if self._callback is not None and self._callback(report) is False:
            self.asked_to_stop = True
        if not self.asked_to_stop and self.deadline.over():
            self.late = True
        return not (self.asked_to_stop or self.late)

    def stopped_by(self) -> str:
        """Who ended the job early, if it was ended."""
        return "the user" if self.asked_to_stop else "the time limit"
