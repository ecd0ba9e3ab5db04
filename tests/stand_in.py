"""A program that stands in the place of a pvpython: for ParaViews that cannot be had where tests run.

Kitware's downloads, conda and macOS lay their programs out in ways of their own.
The answers are of the form of real ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Optional

ANSWER = {"python": "3.11.2", "numpy": "1.24.2", "version": "5.11.0", "mpi": True, "prefix": "/usr"}
"""What ParaView 5.11 of Debian 12 says of itself."""


class StandIn:
    """A folder with a pvpython that gives fixed answers, and other programs that tell how they were called."""

    def __init__(
        self, folder: Path, answer: Mapping[str, Any], fit: Optional[Mapping[str, Any]] = None, programs: str = ""
    ) -> None:
        folder.mkdir(parents=True)
        self.pvpython = str(folder / "pvpython")
        self._write(
            folder / "pvpython",
            f"case \"$2\" in *LoadPlugin*) echo 'srn-doctor{json.dumps(fit)}';; "
            f"*EXTENSION_SUFFIXES*) echo noise; echo 'srn-doctor{json.dumps(answer)}';; *) {TELLING} esac",
        )
        for program in programs.split():
            self._write(folder / program, TELLING)

    @staticmethod
    def _write(path: Path, script: str) -> None:
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)


TELLING = 'printf "%s|" "$@"; printf "\\n%s\\n%s\\n%s\\n" "$PV_PLUGIN_PATH" "$SRN_SITE_PACKAGES" "$PYTHONPATH"; exit 7;'
"""Tells its arguments and variables, and ends with 7."""


def script(path: Path, text: str) -> str:
    """An executable shell script, where a pvpython is asked for that answers nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    StandIn._write(path, text)
    return str(path)
