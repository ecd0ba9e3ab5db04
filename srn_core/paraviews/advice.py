"""Whether packages fit a ParaView, and if not, the lines that make them fit."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any, Mapping, Optional

from srn_core.paraviews.ask import MODULES
from srn_core.paraviews.packages import Packages, checkout
from srn_core.paraviews.versions import minor


def other_python(paraview: Mapping[str, Any]) -> Optional[str]:
    """Why packages compiled for the Python that runs this do not load in that ParaView; None: they do."""
    mine, its = minor(platform.python_version()), minor(paraview["python"])
    if mine != its:
        return f"it runs Python {its}, this is Python {mine}"
    machine = paraview.get("machine", platform.machine())
    if machine != platform.machine():
        return f"it is made for {machine}, this Python for {platform.machine()}"
    modules = paraview.get("modules", EXTENSION_SUFFIXES[0])
    if modules != EXTENSION_SUFFIXES[0]:
        return f"its Python loads modules that end in {modules}, this one those in {EXTENSION_SUFFIXES[0]}"
    return None


def how_to_install(paraview: Mapping[str, Any], extra: str = "train") -> list[str]:
    """Lines for a terminal that install the packages for this ParaView's Python, beside its NumPy, and try them.

    Into a conda environment itself; else into a virtual environment of a Python of the same version.
    """
    version = minor(paraview["python"])
    conda = conda_python(paraview)
    tried = f"srn doctor --paraview {shlex.quote(str(paraview['pvpython']))}"
    if conda:
        return [_pip(shlex.quote(conda), paraview, extra), f"{shlex.quote(os.path.dirname(conda))}{os.sep}{tried}"]
    folder = f"%USERPROFILE%\\srn-{version}" if os.name == "nt" else f"~/srn-{version}"
    programs = f"{folder}\\Scripts\\" if os.name == "nt" else f"{folder}/bin/"
    python = fitting_python(paraview)
    making = f"uv venv --seed --python {version} {folder} (or: conda create -p {folder} python={version} pip)"
    if python:
        making = f"{shlex.quote(python)} -m venv {folder}"
    return [making, _pip(f"{programs}python", paraview, extra), f"{programs}{tried}"]


def _pip(python: str, paraview: Mapping[str, Any], extra: str) -> str:
    """The line with which a Python installs the packages."""
    wanted = [requirement(extra), *([f"numpy=={paraview['numpy']}"] if paraview.get("numpy") else [])]
    return f"{python} -m pip install {' '.join(shlex.quote(one) for one in wanted)}"


def python_of(site: str) -> Optional[str]:
    """The Python of the environment that a site-packages folder belongs to; None: it belongs to none."""
    up = os.path.dirname(os.path.dirname(site))
    candidates = (os.path.join(os.path.dirname(up), "bin", "python"), os.path.join(up, "Scripts", "python.exe"))
    return next((c for c in candidates if os.path.isfile(c)), None)


def conda_python(paraview: Mapping[str, Any]) -> Optional[str]:
    """The Python of the conda environment that a ParaView is part of; None: it is not part of one."""
    prefix = paraview.get("prefix") or ""
    if not os.path.isdir(os.path.join(prefix, "conda-meta")):
        return None
    candidates = (os.path.join(prefix, "bin", "python"), os.path.join(prefix, "python.exe"))
    return next((c for c in candidates if os.path.isfile(c)), None)


def fitting_python(paraview: Mapping[str, Any]) -> Optional[str]:
    """A Python of the ParaView's version that can make virtual environments."""
    version = minor(paraview["python"])
    prefix = paraview.get("prefix") or ""
    names = (os.path.join(prefix, "bin", f"python{version}"), f"python{version}", "python3", "python", sys.executable)
    for name in names:
        path = shutil.which(name)
        if path and _says(path, version):
            return path
    return None


def _says(python: str, version: str) -> bool:
    asked = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", asked], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == version


def requirement(extra: str) -> str:
    """What pip is to install: the checkout, or the distribution."""
    home = checkout()
    return f"{home or 'paraview-srn'}[{extra}]"


def works(fit: Optional[Mapping[str, Any]]) -> bool:
    """Whether the plugin loads and decodes, by what the ParaView answered."""
    if fit is None or not fit.get("loads"):
        return False
    return not any("error" in fit["modules"][name] for name in MODULES["decode"])


def misfits(paraview: Mapping[str, Any], fit: Mapping[str, Any], packages: Packages) -> list[str]:
    """What of the packages does not work in a ParaView that was asked, each with what to do."""
    if "error" in fit:
        return [f"the packages could not be tried in this ParaView: {fit['error']}"]
    said = fit["modules"]
    found = []
    if not fit["loads"]:
        found.append(
            "the plugin does not load: start pvpython with the environment above and read what LoadPlugin says"
        )
    broken = [name for name in MODULES["decode"] if "error" in said[name]]
    lines = "; ".join(how_to_install(paraview))
    if broken:
        found.append(
            f"not usable from {packages.site}: "
            + ", ".join(f"{name} ({said[name]['error']})" for name in broken)
            + f". Install what fits Python {minor(paraview['python'])}"
            + (f" and NumPy {paraview['numpy']}" if paraview.get("numpy") else "")
            + f": {lines}"
        )
    else:
        untrained = [f"{name} ({said[name]['error']})" for name in MODULES["train"] if "error" in said[name]]
        if untrained:
            python = python_of(packages.site)
            found.append(
                f"nothing that is trained works without {', '.join(untrained)}: fvsrn by rate compresses, without its "
                f"filter. For the rest: {_pip(python, paraview, 'train') if python else lines}"
            )
    return found
