"""What a running job tells the one who waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional


@dataclass(frozen=True)
class Progress:
    """One report, given at least every 0.2 s."""

    phase: str
    """What is going on, in the user's words: "pruning", "fine-tuning", "packing", "measuring", ..."""
    fraction: float
    """Share of the whole job that is done, 0 to 1."""
    loss: Optional[float] = None
    psnr: Optional[float] = None
    """Estimate in dB from the last batches; not the figure of the finished file."""
    eta_seconds: Optional[float] = None


ProgressCallback = Callable[[Progress], Optional[bool]]
"""Called with each report. Returning False stops the job; the best state so far is then kept."""


def share_of(
    progress: Optional[ProgressCallback], begin: float = 0.0, share: float = 1.0, phase: Optional[str] = None
) -> Optional[ProgressCallback]:
    """A callback for a part of a longer job, ``share`` of it from ``begin`` on; ``phase``: what the whole is called."""
    if progress is None:
        return None
    return lambda report: progress(Progress(phase or report.phase, begin + share * report.fraction))


def unstoppable(progress: Optional[ProgressCallback]) -> Optional[ProgressCallback]:
    """A callback that is told, but does not stop the job any more."""
    if progress is None:
        return None

    def told(report: Progress) -> None:
        progress(report)

    return told
