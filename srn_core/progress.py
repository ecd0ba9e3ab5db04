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
