"""Scripts in real ParaView: each runs in a pvpython of its own, which finds the programs and gathers what was said."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from virtual_display import virtual_display

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "plugin" / "NeuralCompress.py"
START = ROOT / "filters" / "srn_filters" / "start"
ERRORS = re.compile(r"ERROR|Traceback|ERR\||Warning:|FATL")
WAIT = 420
"""Seconds after which a hanging ParaView is ended."""

PREAMBLE = """
import inspect, json, sys
if not hasattr(inspect, "getargspec"):
    inspect.getargspec = inspect.getfullargspec
from paraview.simple import *
from paraview import servermanager
import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy, numpy_to_vtk

def tell(**facts):
    print("FACTS " + json.dumps(facts), flush=True)

def array(data, name, association="point"):
    attributes = data.GetPointData() if association == "point" else data.GetCellData()
    return vtk_to_numpy(attributes.GetArray(name))

def compressed(image, name=None, association="POINTS", **settings):
    # A Neural Compress of a data object (or of a source).
    if image.IsA("vtkDataObject"):
        source = TrivialProducer()
        source.GetClientSideObject().SetOutput(image)
    else:
        source = image
    source.UpdatePipeline()
    made = NeuralCompress(Input=source, **settings)
    if name is not None:
        made.Array = [association, name]
    return made

def trained(image, name=None, association="POINTS", **settings):
    # The same with a network that is trained, quick rather than good.
    settings = {
        "Pruner": "smallify", "TrainingPasses": 2, "TrainingSeconds": 20, "MoreSettings": QUICK, **settings
    }
    return compressed(image, name, association, **settings)

QUICK = "fvsrn.width=8 fvsrn.layers=1 fvsrn.grid=4,4,4 training.batch=2048"

def report(source):
    source.UpdatePropertyInformation()
    return source.GetPropertyValue("Report")

def field_json(data, name="srn_report"):
    return json.loads(data.GetFieldData().GetAbstractArray(name).GetValue(0))

def image(dims=(9, 8, 7), name="density", start=(0, 0, 0), dtype="float32", components=1, association="point"):
    from vtkmodules.vtkCommonDataModel import vtkImageData
    data = vtkImageData()
    data.SetExtent(*(v for s, n in zip(start, dims) for v in (s, s + n - 1)))
    data.SetSpacing(0.5, 0.25, 2.0)
    data.SetOrigin(10.0, 20.0, 30.0)
    counts = dims if association == "point" else tuple(max(n - 1, 1) for n in dims)
    z, y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in counts[::-1]), indexing="ij")
    values = 100 * np.stack([np.sin(3 * x + c) + y * z for c in range(components)], axis=-1)
    packed = numpy_to_vtk(np.ascontiguousarray(values.reshape(-1, components)).astype(dtype), deep=True)
    packed.SetName(name)
    (data.GetPointData() if association == "point" else data.GetCellData()).AddArray(packed)
    return data
"""
LOAD = f"LoadPlugin({str(PLUGIN)!r}, remote=False, ns=globals())\n"


class Result:
    """What a script in ParaView told, and what VTK said on the terminal."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code = process.returncode
        self.text = process.stdout + process.stderr
        self.facts: dict[str, Any] = {}
        for line in process.stdout.splitlines():
            if line.startswith("FACTS "):
                self.facts.update(json.loads(line[6:]))

    @property
    def errors(self) -> list[str]:
        """Lines with an error or a warning."""
        return [line for line in self.text.splitlines() if ERRORS.search(line) and not line.startswith("FACTS ")]


def executable(name: str) -> str:
    """The path of pvpython, pvbatch or paraview, beside PVPYTHON where that is set."""
    named = os.environ.get("PVPYTHON")
    found: Optional[str] = None
    if named:
        found = named if name == "pvpython" else str(Path(shutil.which(named) or named).with_name(name))
        found = shutil.which(found)
    else:
        found = shutil.which(name)
    if not found:
        if os.environ.get("SRN_NO_PARAVIEW") == "1":
            pytest.skip(f"{name} is not here, and SRN_NO_PARAVIEW=1 says that this is known")
        pytest.fail(f"{name} was not found: install ParaView, set PVPYTHON, or set SRN_NO_PARAVIEW=1 to go without")
    return found


def environment(**more: Optional[str]) -> dict[str, str]:
    """This process' environment without what would lead ParaView elsewhere; None removes a name."""
    base = {k: v for k, v in os.environ.items() if not k.startswith(("PV_PLUGIN", "PYTHON", "SRN_SITE"))}
    base.update(LC_ALL="C.UTF-8", OMP_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    for name, value in more.items():
        if value is None:
            base.pop(name, None)
        else:
            base[name] = value
    return base


Run = Callable[..., Result]


def run_script(
    folder: Path,
    script: str,
    *,
    errors: bool = False,
    load: bool = True,
    preamble: bool = True,
    program: str = "pvpython",
    display: bool = False,
    ranks: int = 1,
    **env: Optional[str],
) -> Result:
    """Run a script with the preamble above, and the plugin loaded; any VTK error fails unless ``errors`` is true."""
    path = folder / "script.py"
    path.write_text((PREAMBLE if preamble else "") + (LOAD if load else "") + textwrap.dedent(script), encoding="utf-8")
    command = [executable(program), str(path)]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
    if display:
        command = [*virtual_display(), *command]
    process = subprocess.run(command, cwd=folder, env=environment(**env), capture_output=True, text=True, timeout=WAIT)
    result = Result(process)
    assert result.code == 0, result.text
    if not errors:
        assert not result.errors, result.text
    return result
