"""A virtual X display for programs that draw."""

from __future__ import annotations

import itertools
import os
import shutil

_started = itertools.count()


def virtual_display(*options: str) -> list[str]:
    """What to put before a command: xvfb-run, beginning its search for a free display at a number of this process' own.

    With ``-a`` alone, two that start together may both find :99 free; the later one's program then loses its display.
    """
    program = shutil.which("xvfb-run")
    assert program, "xvfb-run is not installed (Debian, Ubuntu: apt install xvfb)"
    number = 1000 + (os.getpid() * 16 + next(_started)) % 30000
    return [program, "-n", str(number), "-a", *options]
