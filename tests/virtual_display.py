"""A virtual X display for programs that draw."""

from __future__ import annotations

import itertools
import os
import shutil

_started = itertools.count()
SCREEN = "-screen 0 1920x1200x24"


def virtual_display(screen: str = SCREEN) -> list[str]:
    """What to put before a command: xvfb-run, with ``screen`` and further options of Xvfb.

    Its search for a free display begins at a number of this process' own: with ``-a`` alone, two that start together
    may both take :99. And the server does not reset itself when ParaView's first, probing connection closes: the next
    one may come too early, and ParaView aborts with "bad X server connection".
    """
    program = shutil.which("xvfb-run")
    assert program, "xvfb-run is not installed (Debian, Ubuntu: apt install xvfb)"
    number = 1000 + (os.getpid() * 16 + next(_started)) % 30000
    return [program, "-n", str(number), "-a", "-s", f"{screen} -noreset"]
