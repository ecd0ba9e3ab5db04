"""What must be installed for ParaView's own Python, and one line that says how to get it."""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from typing import Any, Optional, Sequence

from srn_core.errors import SrnError

DECODING = ("numpy", "onnxruntime", "onnx", "zstandard")
TRAINING = (*DECODING, "torch", "pywt")
STORING = ("numpy", "zstandard")
EXPORTING = ("numpy", "onnx", "zstandard")

_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "pywt": "PyWavelets",
    "srn_core": "paraview-srn",
    "onnx_export": "paraview-srn",
}

OURS_FIRST = ("sympy", "mpmath", "networkx", "jinja2", "markupsafe", "fsspec", "filelock", "typing_extensions")
"""What torch needs, in versions that a distribution's Python may have too old: Debian's ParaView brings sympy 1.11,
with which torch cannot make an optimiser. Everything else, NumPy and SciPy above all, is ParaView's own."""

_site: Optional[str] = None


class _OursFirst(MetaPathFinder):
    """Finds the packages of OURS_FIRST in one folder, before any other place on the path."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        return PathFinder.find_spec(fullname, [self.folder]) if fullname in OURS_FIRST else None


def installed_in(site_packages: Optional[str]) -> None:
    """Remember the folder that the plugin put on the path for packages ParaView does not have (None: there is none)."""
    global _site
    if site_packages and site_packages != _site:
        sys.meta_path.insert(0, _OursFirst(site_packages))
    _site = site_packages


def require(modules: Sequence[str], job: str) -> None:
    """Raises SrnError naming every one of ``modules`` that is not there."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise SrnError(missing_line(missing, job))


def missing_line(modules: Sequence[str], job: str, reason: str = "") -> str:
    """One line that says what to install where."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    names = " ".join(_DISTRIBUTIONS.get(name, name) for name in modules)
    what = "packages" if len(modules) > 1 else "package"
    return (
        f"{job} needs the Python {what} {names} for ParaView's Python {python}"
        + (f" ({reason})" if reason else "")
        + f". Install with: {install_command(names)}"
        + ("" if _site else f" and set SRN_SITE_PACKAGES={_default_venv_site(python)}")
        + "; then start ParaView again."
    )


def install_command(names: str) -> str:
    """The pip line that puts distributions where this ParaView finds them.

    NumPy is pinned to ParaView's own, which comes first on its path.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if "numpy" not in names.split() and find_spec("numpy") is not None:
        import numpy

        names += f" numpy=={numpy.__version__}"
    if _site is None:
        home = os.path.join("~", "srn")
        return f"python{python} -m venv {home} && {os.path.join(home, 'bin', 'python')} -m pip install {names}"
    for parts in (("bin", "python"), ("Scripts", "python.exe")):
        interpreter = os.path.join(_prefix(_site), *parts)
        if os.path.exists(interpreter):
            return f"{interpreter} -m pip install {names}"
    return f"python{python} -m pip install --target {_site} {names}"


def _prefix(site_packages: str) -> str:
    """The environment that lib/pythonX.Y/site-packages (on Windows Lib/site-packages) belongs to."""
    up = os.path.dirname(site_packages)
    return os.path.dirname(up) if os.path.basename(up).lower() == "lib" else os.path.dirname(os.path.dirname(up))


def _default_venv_site(python: str) -> str:
    return os.path.join("~", "srn", "lib", f"python{python}", "site-packages")
