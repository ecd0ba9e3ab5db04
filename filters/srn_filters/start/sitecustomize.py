"""Put this folder on PYTHONPATH where ParaView 5.11 runs on Python 3.11 or later.

Python imports ``sitecustomize`` when it starts, which is the only moment before the ParaView window
or PV_PLUGIN_PATH reads its plugins. See ``paraview_mend`` beside this folder for what is mended.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _run(spec: importlib.machinery.ModuleSpec | None) -> None:
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


if sys.version_info >= (3, 11):
    _run(importlib.util.spec_from_file_location("paraview_mend", os.path.join(_here, os.pardir, "paraview_mend.py")))

# Python runs one sitecustomize only: run the one (the distribution's, say) that this one hides.
_run(
    importlib.machinery.PathFinder.find_spec(
        "sitecustomize", [entry for entry in sys.path if os.path.abspath(entry) != _here]
    )
)
