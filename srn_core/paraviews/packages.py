"""Where the packages and the plugin are that a ParaView is to use: this Python's own, or those of a named folder."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from typing import Optional

import srn_core
from srn_core.errors import SrnInputError

PLUGIN = "NeuralCompress.py"
_PLUGINS = os.path.join("share", "paraview", "plugins")


@dataclass(frozen=True)
class Packages:
    """What the environment of a ParaView names."""

    site: str
    """The folder with the packages that ParaView lacks."""
    plugin: Optional[str]
    """The plugin file."""
    start: Optional[str]
    """The folder to put on PYTHONPATH where ParaView 5.11 runs on Python 3.11 or later."""


def own_packages() -> Packages:
    """Those of the Python that runs this."""
    return Packages(sysconfig.get_path("purelib"), find_plugin(), start_folder())


def packages_in(folder: str, python: str) -> Packages:
    """Those of a virtual environment, a conda environment or a folder of ``pip install --target``.

    ``python``: ParaView's, as in "3.12". Raises SrnInputError where the folder has none for that Python.
    """
    folder = os.path.abspath(os.path.expanduser(folder))
    if not os.path.isdir(folder):
        raise SrnInputError(f"--packages: there is no folder {folder}")
    below = (os.path.join("lib", f"python{python}", "site-packages"), os.path.join("Lib", "site-packages"), "")
    sites = [os.path.join(folder, b).rstrip(os.sep) for b in below]
    site = next((s for s in sites if os.path.isdir(os.path.join(s, "onnxruntime"))), None)
    if site is None:
        raise SrnInputError(
            f"--packages: {folder} has no packages for Python {python}; name a virtual environment that python{python} "
            "made, or the folder of a pip install --target"
        )
    beside = os.path.join(folder, _PLUGINS, PLUGIN)
    start = os.path.join(site, "srn_filters", "start")
    return Packages(
        site,
        beside if os.path.isfile(beside) else find_plugin(),
        start if os.path.isdir(start) else start_folder(),
    )


def checkout() -> Optional[str]:
    """The checkout that this package lies in; None: it is installed."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(srn_core.__file__)))
    return home if os.path.isfile(os.path.join(home, "plugin", PLUGIN)) else None


def find_plugin() -> Optional[str]:
    """The plugin file: of the checkout this package lies in, or of the installation it belongs to."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(srn_core.__file__)))
    candidates = [os.path.join(home, "plugin", PLUGIN)]
    for prefix in (home, sysconfig.get_path("data"), sys.prefix, sysconfig.get_config_var("userbase") or ""):
        candidates.append(os.path.join(prefix, _PLUGINS, PLUGIN))
    return next((c for c in candidates if os.path.isfile(c)), None)


def start_folder() -> Optional[str]:
    """The folder to put on PYTHONPATH where ParaView 5.11 runs on Python 3.11 or later."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(srn_core.__file__)))
    candidates = [os.path.join(home, "filters", "srn_filters")]
    spec = importlib.util.find_spec("srn_filters")
    if spec is not None and spec.origin:
        candidates.insert(0, os.path.dirname(spec.origin))
    folders = [os.path.join(c, "start") for c in candidates]
    return next((f for f in folders if os.path.isfile(os.path.join(f, "sitecustomize.py"))), None)
