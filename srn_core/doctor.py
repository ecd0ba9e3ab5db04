"""What this machine has: ParaView and its Python, packages, devices, the plugin, and how to load it.

Everything is found out by asking the programs and packages themselves, and nothing is changed.
"""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib import import_module, metadata
from typing import Any, Optional

import srn_core

PLUGIN = "NeuralCompress.py"
PACKAGES = {
    "decode": ("numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "zstandard"),
    "train": ("torch", "PyWavelets", "scikit-learn"),
    "files": ("vtk", "pynrrd", "SimpleITK", "h5py", "netCDF4", "zarr"),
}
"""Distribution names by what they are for."""

INSTALLED_AT = (
    "/opt/[Pp]ara[Vv]iew*/bin/pvpython",
    "/usr/local/[Pp]ara[Vv]iew*/bin/pvpython",
    "~/[Pp]ara[Vv]iew*/bin/pvpython",
    "/Applications/ParaView*.app/Contents/bin/pvpython",
    "C:/Program Files/ParaView*/bin/pvpython.exe",
)
"""Where ParaView's own downloads are usually unpacked."""

PROBE = """
import json, sys
found = {"python": "%d.%d.%d" % sys.version_info[:3]}
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
print("srn-doctor" + json.dumps(found))
"""


def examine(timeout: float = 60.0) -> dict[str, Any]:
    """Everything ``srn doctor --json`` prints, as plain JSON types.

    Each ParaView found is started once and given ``timeout`` seconds to answer.
    """
    paraviews = [ask_paraview(path, timeout) for path in find_pvpython()]
    report: dict[str, Any] = {
        "srn": srn_core.__version__,
        "system": platform.platform(),
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "packages": {purpose: {n: _version(n) for n in names} for purpose, names in PACKAGES.items()},
        "torch": torch_devices(),
        "onnxruntime": runtime_providers(),
        "paraview": paraviews,
        "plugin": find_plugin(),
        "start_folder": start_folder(),
    }
    working = [p for p in paraviews if "error" not in p]
    report["load"] = loading(report["plugin"], report["start_folder"], working[0] if working else None)
    report["problems"] = problems(report)
    return report


def find_pvpython() -> list[str]:
    """Paths of the pvpython executables: $PVPYTHON, then those on PATH, then the usual places."""
    named = os.environ.get("PVPYTHON")
    found = [shutil.which(named) or named] if named else []
    on_path = shutil.which("pvpython")
    found += [on_path] if on_path else []
    for pattern in INSTALLED_AT:
        found += sorted(glob.glob(os.path.expanduser(pattern)), reverse=True)
    once: dict[str, str] = {}
    for path in found:
        once.setdefault(os.path.realpath(path), path)
    return list(once.values())


def ask_paraview(pvpython: str, timeout: float = 60.0) -> dict[str, Any]:
    """Version, Python and NumPy of a ParaView, or an "error" that says why it did not tell."""
    found: dict[str, Any] = {"pvpython": pvpython}
    gui = os.path.join(os.path.dirname(pvpython), "paraview" + (".exe" if os.name == "nt" else ""))
    found["gui"] = gui if os.path.exists(gui) else None
    try:
        done = subprocess.run([pvpython, "-c", PROBE], capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return {**found, "error": f"it did not answer within {timeout:.0f} s"}
    except OSError as error:
        return {**found, "error": f"it cannot be started: {error.strerror or error}"}
    for line in done.stdout.splitlines():
        if line.startswith("srn-doctor"):
            return {**found, **json.loads(line[len("srn-doctor") :])}
    said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
    return {**found, "error": f"it ended with exit code {done.returncode} and said: {said[:200]}"}


def find_plugin() -> Optional[str]:
    """The plugin file: of the checkout this package lies in, or of the installation it belongs to."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(srn_core.__file__)))
    candidates = [os.path.join(home, "plugin", PLUGIN)]
    for prefix in (home, sysconfig.get_path("data"), sys.prefix, sysconfig.get_config_var("userbase") or ""):
        candidates.append(os.path.join(prefix, "share", "paraview", "plugins", PLUGIN))
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


def needs_mend(paraview: dict[str, Any]) -> bool:
    """True for ParaView before 5.12 on Python 3.11 or later: it uses inspect.getargspec, which is gone."""
    return _numbers(paraview.get("version")) < (5, 12) and _numbers(paraview.get("python")) >= (3, 11)


def loading(plugin: Optional[str], start: Optional[str], paraview: Optional[dict[str, Any]]) -> dict[str, str]:
    """The exact lines that load the plugin, by way: "gui" (then choose "menu"), "environment", "pvpython"."""
    if plugin is None:
        return {}
    before = []
    mend = paraview is not None and needs_mend(paraview)
    if mend and start:
        others = os.environ.get("PYTHONPATH")
        before.append(f"PYTHONPATH={shlex.quote(os.pathsep.join([start, others] if others else [start]))}")
    site = packages_folder(plugin)
    if site:
        before.append(f"SRN_SITE_PACKAGES={shlex.quote(site)}")
    settings = "".join(f"{b} " for b in before)
    gui = (paraview or {}).get("gui") or "paraview"
    pvpython = (paraview or {}).get("pvpython") or "pvpython"
    script = f"from paraview.simple import *; LoadPlugin({json.dumps(plugin)}, remote=False, ns=globals())"
    return {
        "gui": f"{settings}{shlex.quote(gui)}",
        "menu": f"Tools > Manage Plugins... > Load New... > {plugin} (tick Auto Load to keep it)",
        "environment": f"{settings}PV_PLUGIN_PATH={shlex.quote(os.path.dirname(plugin))} {shlex.quote(gui)}",
        "pvpython": f"{settings}{shlex.quote(pvpython)} -c {shlex.quote(script)}",
    }


def packages_folder(plugin: str) -> Optional[str]:
    """What SRN_SITE_PACKAGES must name for the plugin to find this Python's packages; None: it finds them itself."""
    site = sysconfig.get_path("purelib")
    root = os.path.dirname(os.path.dirname(plugin))
    if os.path.isdir(os.path.join(root, "filters", "srn_filters")):
        own = os.path.join(root, ".venv")
    else:
        own = os.path.dirname(os.path.dirname(root))
    return None if os.path.abspath(site).startswith(os.path.join(os.path.abspath(own), "")) else site


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
        found.append(
            "The plugin file is missing from this installation. "
            "Run: python -m pip install --force-reinstall paraview-srn"
        )
    return found


def _paraview_problems(report: dict[str, Any], paraview: dict[str, Any]) -> list[str]:
    found = []
    mine, its = _numbers(report["python"]["version"])[:2], _numbers(paraview["python"])[:2]
    if mine != its:
        version = ".".join(map(str, its))
        found.append(
            f"{paraview['pvpython']} runs Python {version}, this is Python {'.'.join(map(str, mine))}: "
            "ParaView cannot use the packages installed here. "
            f"Make an environment with python{version} and install paraview-srn in it"
        )
    numpy = report["packages"]["decode"]["numpy"]
    if paraview.get("numpy") and numpy and _numbers(numpy)[:1] != _numbers(paraview["numpy"])[:1]:
        found.append(
            f"{paraview['pvpython']} brings NumPy {paraview['numpy']}, here is {numpy}: "
            "packages built for one do not load with the other. "
            f"Run: python -m pip install 'numpy=={paraview['numpy']}'"
        )
    return found


def _version(distribution: str) -> Optional[str]:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: Optional[str]) -> tuple[int, ...]:
    numbers = []
    for part in (version or "").split("."):
        digits = "".join(c for c in part if c.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
