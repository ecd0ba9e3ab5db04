"""Starts a program of ParaView with the environment that the plugin needs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NoReturn, Optional, Sequence

from srn_core.errors import SrnInputError
from srn_core.paraviews.advice import how_to_install, other_python
from srn_core.paraviews.ask import ask_paraview
from srn_core.paraviews.environment import environment, variables
from srn_core.paraviews.find import find_pvpython, program_beside, pvpython_of
from srn_core.paraviews.packages import Packages, own_packages, packages_in
from srn_core.paraviews.versions import minor


def start(program: str, arguments: Sequence[str], path: Optional[str] = None, folder: Optional[str] = None) -> NoReturn:
    """Become a program of ParaView; its exit code is this process'.

    Args:
        program: "paraview", "pvpython", "pvbatch" or "pvserver".
        arguments: handed on as they are.
        path: of the ParaView; None: the first one found that can use the packages.
        folder: of the packages; None: those of this Python.

    Raises:
        SrnInputError: where no ParaView was found, none can use the packages, or it lacks the program.
    """
    pvpython, ours = _chosen(path, folder)
    executable = program_beside(pvpython, program)
    if executable is None:
        raise SrnInputError(f"the ParaView of {pvpython} has no {program}")
    if os.name == "nt":  # there a process cannot become another one
        sys.exit(subprocess.call([executable, *arguments], env=environment(ours)))
    sys.stdout.flush()
    os.execve(executable, [executable, *arguments], environment(ours))


def _chosen(path: Optional[str], folder: Optional[str]) -> tuple[str, dict[str, str]]:
    """pvpython, and the variables it needs."""
    candidates = find_pvpython() if path is None else [pvpython_of(path)]
    if not candidates:
        raise SrnInputError("no ParaView was found; say where it is: --paraview PATH, or PVPYTHON=/path/to/pvpython")
    refused = []
    for pvpython in candidates:
        paraview = ask_paraview(pvpython)
        unlike = None if folder is not None or "error" in paraview else other_python(paraview)
        if "error" in paraview:
            refused.append(f"{pvpython}: {paraview['error']}")
        elif unlike:
            lines = "; ".join(how_to_install(paraview))
            refused.append(f"{pvpython}: {unlike}. Make it an environment of its own: {lines}")
        else:
            return pvpython, variables(paraview, _packages(folder, paraview["python"]))
    raise SrnInputError("no ParaView here can use these packages. " + " ".join(refused))


def _packages(folder: Optional[str], python: str) -> Packages:
    found = own_packages() if folder is None else packages_in(folder, minor(python))
    if found.plugin is None:
        raise SrnInputError("the plugin file is missing; run: python -m pip install --force-reinstall paraview-srn")
    return found
