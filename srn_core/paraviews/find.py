"""Where ParaView is: the programs of an installation, as Debian, Kitware's downloads and conda lay them out."""

from __future__ import annotations

import glob
import os
import shutil
from typing import Optional

from srn_core.errors import SrnInputError

PROGRAMS = ("paraview", "pvpython", "pvbatch", "pvserver")
"""What an installation may have, in the order in which one asks for it."""

INSTALLED_AT = (
    "/opt/[Pp]ara[Vv]iew*/bin/pvpython",
    "/usr/local/[Pp]ara[Vv]iew*/bin/pvpython",
    "~/[Pp]ara[Vv]iew*/bin/pvpython",
    "/Applications/ParaView*.app/Contents/bin/pvpython",
    "C:/Program Files/ParaView*/bin/pvpython.exe",
)
"""Where ParaView's own downloads are usually unpacked."""

_BELOW = ("", "bin", "Contents/bin", "Contents/MacOS", "Library/bin", "../bin", "../MacOS")
"""Where programs lie, from the folder that a user names: Linux and Windows; macOS; conda on Windows."""


def find_pvpython() -> list[str]:
    """Paths of the pvpython executables: $PVPYTHON, then those on PATH, then the usual places."""
    named = os.environ.get("PVPYTHON")
    found = [shutil.which(named) or named] if named else []
    on_path = shutil.which("pvpython")
    found += [on_path] if on_path else []
    for pattern in INSTALLED_AT:
        found += sorted(glob.glob(os.path.expanduser(pattern)), reverse=True)
    once: dict[str, str] = {}
    for path in found:
        once.setdefault(os.path.realpath(path), path)
    return list(once.values())


def pvpython_of(path: str) -> str:
    """The pvpython that ``path`` means: itself, another program of ParaView, its folder, an .app, or a name on PATH.

    Raises SrnInputError where there is none.
    """
    given = os.path.expanduser(path)
    if not os.path.exists(given):
        given = shutil.which(path) or given
    if not os.path.exists(given):
        raise SrnInputError(f"there is no ParaView at {path}: it does not exist")
    if os.path.isfile(given) and os.path.basename(given).lower().startswith("pvpython"):
        return os.path.abspath(given)
    found = program_beside(given, "pvpython")
    if found is None:
        raise SrnInputError(f"no pvpython was found in {path}; name ParaView's folder, its .app, or pvpython itself")
    return found


def program_beside(path: str, program: str) -> Optional[str]:
    """The path of a program of the installation that ``path``, a folder or another program of it, belongs to."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    for below in _BELOW:
        candidate = os.path.join(folder, below, program + (".exe" if os.name == "nt" else ""))
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
    return None
