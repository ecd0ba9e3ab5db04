"""A progress bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Optional

from srn_core.progress import Progress

STEPS = 1000


class Bar:
    """Shows each report it is called with: phase, share done, PSNR estimate, time left."""

    def __init__(self, quiet: bool = False) -> None:
        self._bar: Any = None
        if not quiet and sys.stderr.isatty():
            try:
                from tqdm import tqdm
            except ImportError:  # a bar is a comfort, not a need
                return
            form = "{desc:<12} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
            self._bar = tqdm(total=STEPS, bar_format=form, file=sys.stderr, leave=False, dynamic_ncols=True)

    def __call__(self, report: Progress) -> None:
        """Show where the job is."""
        if self._bar is None:
            return
        self._bar.n = min(int(report.fraction * STEPS), STEPS)
        self._bar.set_description_str(report.phase, refresh=False)
        said = []
        if report.eta_seconds is not None:
            said.append(f"{report.eta_seconds:.0f} s left")
        if report.psnr is not None:
            said.append(f"about {report.psnr:.1f} dB")
        self._bar.set_postfix_str(", ".join(said), refresh=False)
        self._bar.refresh()

    def write(self, text: str) -> None:
        """A line above the bar."""
        if self._bar is None:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
        else:
            self._bar.write(text, file=sys.stderr)

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._bar is not None:
            self._bar.close()
