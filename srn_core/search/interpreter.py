"""The Python that runs trials: this one, or, inside ParaView, that of the environment beside it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import srn_core
from srn_core.errors import SrnInputError


def interpreter() -> tuple[str, list[str]]:
    """(executable, folders for its path) of a Python with which this release can be imported.

    ParaView's own executables are no Pythons, and ``sys.executable`` is nothing there that could be started. Then it is
    the Python of an environment whose packages are on the path, or one of the same version with that path.

    Raises SrnInputError where there is none.
    """
    paths = [path for path in sys.path if path]
    if _is_python(sys.executable):
        return sys.executable, paths
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in map(Path, paths):
        if folder.name == "site-packages":
            # lib/python3.11/site-packages below the environment; on Windows Lib/site-packages.
            for place in (folder.parents[2] / "bin" / name, folder.parents[1] / "python.exe"):
                if place.exists():
                    # The environment has all else in the versions that it needs; ParaView's may be older.
                    return str(place), [str(Path(srn_core.__file__).resolve().parents[1])]
    found = shutil.which(name) or shutil.which(name, path=os.path.join(sys.base_prefix, "bin"))
    if found is None:
        raise SrnInputError(f"trials need a {name} of their own, and none was found: put one on PATH")
    return found, paths


def _is_python(executable: str) -> bool:
    return os.path.basename(executable or "").lower().startswith("python") and os.path.exists(executable)
