"""What this machine has: ParaView and its Python, packages, devices, the plugin, and how to load it.

Everything is found out by asking the programs and packages themselves, and nothing is changed.
"""

from __future__ import annotations

import json
import platform
import shlex
import sys
from importlib import import_module, metadata
from typing import Any, Mapping, Optional

import srn_core
from srn_core.native import calls
from srn_core.paraviews.advice import how_to_install, misfits, other_python, works
from srn_core.paraviews.ask import ask_paraview, ask_whether_it_fits
from srn_core.paraviews.environment import environment, variables
from srn_core.paraviews.find import PROGRAMS, find_pvpython, program_beside, pvpython_of
from srn_core.paraviews.packages import Packages, own_packages, packages_in
from srn_core.paraviews.versions import minor, numbers

PACKAGES = {
    "decode": ("numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "zstandard"),
    "train": ("torch", "PyWavelets", "scikit-learn"),
    "files": ("vtk", "pynrrd", "SimpleITK", "h5py", "netCDF4", "zarr"),
}
"""Distribution names by what they are for."""

NO_PLUGIN = (
    "The plugin file is missing from this installation. Run: python -m pip install --force-reinstall paraview-srn"
)


def examine(timeout: float = 60.0) -> dict[str, Any]:
    """Everything ``srn doctor --json`` prints, as plain JSON types.

    Each ParaView found is started once and given ``timeout`` seconds to answer.
    """
    packages = own_packages()
    paraviews = [ask_paraview(path, timeout) for path in find_pvpython()]
    report: dict[str, Any] = {
        "srn": srn_core.__version__,
        "system": platform.platform(),
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "packages": {purpose: {n: _version(n) for n in names} for purpose, names in PACKAGES.items()},
        "compiled": calls.there(),
        "torch": torch_devices(),
        "onnxruntime": runtime_providers(),
        "paraview": paraviews,
        "plugin": packages.plugin,
        "start_folder": packages.start,
    }
    working = [p for p in paraviews if "error" not in p]
    report["load"] = loading(packages, working[0] if working else None)
    report["problems"] = problems(report)
    return report


def examine_paraview(path: str, folder: Optional[str] = None, timeout: float = 120.0) -> dict[str, Any]:
    """Everything ``srn doctor --paraview`` prints: one ParaView, and whether the packages work in it.

    Args:
        path: its pvpython, another of its programs, its folder or its .app.
        folder: where the packages are (see :func:`srn_core.paraviews.packages.packages_in`); None: with this Python.
        timeout: seconds for each of the two starts of pvpython.

    Raises:
        SrnInputError: where there is no ParaView, or no such folder.
    """
    pvpython = pvpython_of(path)
    paraview = ask_paraview(pvpython, timeout)
    report: dict[str, Any] = {"srn": srn_core.__version__, "paraview": paraview}
    paraview["programs"] = {p: there for p in PROGRAMS if (there := program_beside(pvpython, p))}
    report.update(packages=None, plugin=None, environment={}, fit=None)
    if "error" in paraview:
        return {**report, "fits": False, "problems": [f"{pvpython}: {paraview['error']}"]}
    packages = own_packages() if folder is None else packages_in(folder, minor(paraview["python"]))
    ours = variables(paraview, packages)
    report.update(packages=packages.site, plugin=packages.plugin)
    unlike = other_python(paraview) if folder is None else None
    if unlike:
        found = [_other_python(paraview, unlike)]
    elif packages.plugin is None:
        found = [NO_PLUGIN]
    else:
        report["environment"] = ours
        report["fit"] = ask_whether_it_fits(pvpython, packages.plugin, environment(ours), timeout)
        found = misfits(paraview, report["fit"], packages)
    return {**report, "fits": works(report["fit"]), "problems": found}


def loading(packages: Packages, paraview: Optional[Mapping[str, Any]]) -> dict[str, str]:
    """The exact lines that load the plugin, by way: "gui" (then choose "menu"), "environment", "pvpython"."""
    if packages.plugin is None:
        return {}
    ours = variables(paraview or {}, packages)
    folder = ours.pop("PV_PLUGIN_PATH")
    whole = environment(ours)
    settings = "".join(f"{name}={shlex.quote(whole[name])} " for name in sorted(ours))
    gui = (paraview or {}).get("gui") or "paraview"
    pvpython = (paraview or {}).get("pvpython") or "pvpython"
    script = f"from paraview.simple import *; LoadPlugin({json.dumps(packages.plugin)}, remote=False, ns=globals())"
    return {
        "gui": f"{settings}{shlex.quote(gui)}",
        "menu": f"Tools > Manage Plugins... > Load New... > {packages.plugin} (tick Auto Load to keep it)",
        "environment": f"{settings}PV_PLUGIN_PATH={shlex.quote(folder)} {shlex.quote(gui)}",
        "pvpython": f"{settings}{shlex.quote(pvpython)} -c {shlex.quote(script)}",
    }


def torch_devices() -> dict[str, Any]:
    """Version and CUDA devices of torch, or an "error"."""
    try:
        torch = import_module("torch")
        cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return {"version": str(torch.__version__), "cuda": cuda, "cuda_build": torch.version.cuda}
    except ImportError:
        return {"error": "not installed: compressing is not possible here, decoding is"}
    except Exception as error:  # a broken driver or library ends in many ways
        return {"error": f"installed, but fails: {_line(error)}"}


def runtime_providers() -> dict[str, Any]:
    """Version and execution providers of ONNX Runtime, or an "error"."""
    try:
        runtime = import_module("onnxruntime")
        return {"version": str(runtime.__version__), "providers": list(runtime.get_available_providers())}
    except ImportError:
        return {"error": "not installed: decoding is not possible here"}
    except Exception as error:
        return {"error": f"installed, but fails: {_line(error)}"}


def problems(report: dict[str, Any]) -> list[str]:
    """What stands in the way, each with what to do, most important first."""
    found: list[str] = []
    decode = report["packages"]["decode"]
    missing = [n for n in ("numpy", "onnx", "zstandard") if decode[n] is None]
    if missing or "error" in report["onnxruntime"]:
        needed = [*missing, *(["onnxruntime"] if "error" in report["onnxruntime"] else [])]
        found.append(f"Decoding does not work: {', '.join(needed)} missing. Run: python -m pip install paraview-srn")
    if decode["onnxruntime"] and decode["onnxruntime-gpu"]:
        found.append(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files. Run: "
            "python -m pip uninstall -y onnxruntime onnxruntime-gpu; python -m pip install onnxruntime-gpu"
        )
    if report["torch"].get("cuda") and "CUDAExecutionProvider" not in report["onnxruntime"].get("providers", []):
        found.append("torch sees a GPU, but ONNX Runtime decodes on the CPU: onnxruntime-gpu is not installed")
    if "error" in report["torch"]:
        found.append(
            "torch is missing: fvsrn by rate compresses without its filter, and no network can be trained. Run: "
            "python -m pip install 'paraview-srn[train]'"
        )
    if not report["paraview"]:
        found.append("No ParaView was found. Put its bin folder on PATH or set PVPYTHON=/path/to/pvpython")
    for paraview in report["paraview"]:
        if "error" in paraview:
            found.append(f"{paraview['pvpython']}: {paraview['error']}")
        else:
            found += _paraview_problems(report, paraview)
    if report["plugin"] is None:
        found.append(NO_PLUGIN)
    return found


def _paraview_problems(report: dict[str, Any], paraview: dict[str, Any]) -> list[str]:
    found = []
    unlike = other_python(paraview)
    if unlike:
        found.append(_other_python(paraview, unlike))
    numpy = report["packages"]["decode"]["numpy"]
    if paraview.get("numpy") and numpy and numbers(numpy)[:1] != numbers(paraview["numpy"])[:1]:
        found.append(
            f"{paraview['pvpython']} brings NumPy {paraview['numpy']}, here is {numpy}: "
            "packages built for one do not load with the other. "
            f"Run: python -m pip install 'numpy=={paraview['numpy']}'"
        )
    return found


def _other_python(paraview: Mapping[str, Any], why: str) -> str:
    return (
        f"{paraview['pvpython']} cannot use the packages of this Python: {why}. Make it an environment of its own: "
        + "; ".join(how_to_install(paraview))
    )


def _version(distribution: str) -> Optional[str]:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
