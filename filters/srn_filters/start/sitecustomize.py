"""Put this folder on PYTHONPATH where ParaView 5.11 runs on Python 3.11 or later.

Python imports ``sitecustomize`` when it starts, which is the only moment before the ParaView window
or PV_PLUGIN_PATH reads its plugins. See ``paraview_mend`` beside this folder for what is mended.
"""

import importlib.machinery
import importlib.util
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _run(spec):
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


if sys.version_info >= (3, 11):
    _run(importlib.util.spec_from_file_location("paraview_mend", os.path.join(_here, os.pardir, "paraview_mend.py")))

# Python runs one sitecustomize only: run the one (the distribution's, say) that this one hides.
_hidden = importlib.machinery.PathFinder.find_spec(
    "sitecustomize", [entry for entry in sys.path if os.path.abspath(entry) != _here]
)
if _hidden is not None and _hidden.loader is not None:
    _run(_hidden)
