"""What a ParaView says of itself, asked by starting its pvpython."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Mapping, Optional

from srn_core.paraviews.find import program_beside

MODULES = {
    "decode": ("numpy", "onnx", "onnxruntime", "zstandard", "srn_core", "srn_filters"),
    "train": ("torch", "pywt"),
}
"""What the plugin imports, by what it is for."""

_ANSWER = "srn-doctor"

_WHO = """
import json, os, platform, sys
from importlib.machinery import EXTENSION_SUFFIXES
found = {"python": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.prefix, "machine": platform.machine(),
         "modules": EXTENSION_SUFFIXES[0]}
try:
    import numpy
    found["numpy"] = numpy.__version__
except ImportError:
    found["numpy"] = None
from paraview import __version__
try:
    from paraview.modules.vtkRemotingCore import vtkPVVersion
    __version__ = "%d.%d.%d" % (
        vtkPVVersion.GetPVVersionMajor(), vtkPVVersion.GetPVVersionMinor(), vtkPVVersion.GetPVVersionPatch())
except Exception:
    pass
found["version"] = __version__
try:
    import vtkmodules.vtkParallelMPI
    found["mpi"] = True
except ImportError:
    found["mpi"] = False
print("ANSWER" + json.dumps(found))
"""

_FIT = """
import json, sys
from importlib import import_module
from paraview.simple import *
said = {"loads": False, "modules": {}}
LoadPlugin(PLUGIN, remote=False, ns=globals())
said["loads"] = "NeuralCompress" in globals()
for name in MODULES:
    try:
        said["modules"][name] = {"version": str(getattr(import_module(name), "__version__", ""))}
    except Exception as error:
        said["modules"][name] = {"error": " ".join(str(error).split())[:200] or type(error).__name__}
print("ANSWER" + json.dumps(said))
"""

_OF_MPI = ("OMPI_", "PMI_", "PMIX_", "MPI_", "MV2_", "HYDRA_", "SLURM_")
"""Beginnings of the variables by which a rank knows that it is one; whoever is only asked must not wait for others."""


def ask_paraview(pvpython: str, timeout: float = 60.0) -> dict[str, Any]:
    """Version, Python, NumPy and MPI of a ParaView, or an "error" that says why it did not tell."""
    gui = program_beside(pvpython, "paraview")
    return {"pvpython": pvpython, "gui": gui, **_asked(pvpython, _WHO, None, timeout)}


def ask_whether_it_fits(
    pvpython: str, plugin: str, variables: Mapping[str, str], timeout: float = 120.0
) -> dict[str, Any]:
    """Whether the plugin "loads" with these environment variables, and each of MODULES: a "version" or an "error".

    Or an "error" that says why it did not tell.
    """
    names = [name for group in MODULES.values() for name in group]
    return _asked(pvpython, f"PLUGIN, MODULES = {plugin!r}, {names!r}\n{_FIT}", variables, timeout)


def _asked(pvpython: str, script: str, variables: Optional[Mapping[str, str]], timeout: float) -> dict[str, Any]:
    alone = {k: v for k, v in os.environ.items() if not k.startswith(_OF_MPI)}
    try:
        done = subprocess.run(
            [pvpython, "-c", script.replace("ANSWER", _ANSWER)],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            env={**alone, **(variables or {})},
        )
    except subprocess.TimeoutExpired:
        return {"error": f"it did not answer within {timeout:.0f} s"}
    except OSError as error:
        return {"error": f"it cannot be started: {error.strerror or error}"}
    for line in done.stdout.splitlines():
        if line.startswith(_ANSWER):
            answer: dict[str, Any] = json.loads(line[len(_ANSWER) :])
            return answer
    said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
    return {"error": f"it ended with exit code {done.returncode} and said: {said[:200]}"}
