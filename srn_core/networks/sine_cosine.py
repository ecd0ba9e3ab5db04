"""Sine and cosine together, the most costly part of a training step on a CPU.

Where a C compiler is found, ``sine_cosine.c`` is compiled once (a second), kept in the user's cache
folder, and used: one pass over memory instead of three. Where none is, or SRN_NO_COMPILER is set,
NumPy does the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np

log = logging.getLogger(__name__)

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC", "-std=c99")
PATIENCE = 60
"""Seconds a compiler may take."""

Kernel = Callable[[np.ndarray, np.ndarray], None]
"""``kernel(v, h)``: v <- sin v and h <- v - 2 cos v, in place, contiguous arrays of the same shape."""


def with_numpy(v: np.ndarray, h: np.ndarray) -> None:
    """The kernel in NumPy, for any float type."""
    np.cos(v, out=h)
    np.multiply(h, -2.0, out=h)
    np.add(h, v, out=h)
    np.sin(v, out=v)


def kernel_for(dtype: Any) -> Kernel:
    """The fastest kernel there is for a dtype."""
    compiled = compiled_kernel() if np.dtype(dtype) == np.float32 else None
    return compiled or with_numpy


@lru_cache(maxsize=1)
def compiled_kernel() -> Optional[Kernel]:
    """The compiled kernel, float32 only, checked against NumPy; None where there is no compiler."""
    if os.environ.get("SRN_NO_COMPILER"):
        return None
    try:
        function = ctypes.CDLL(str(_library())).sine_and_snake
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        log.info("no compiled kernel, NumPy instead: %s", error)
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    function.restype = None

    def kernel(v: np.ndarray, h: np.ndarray) -> None:
        function(v.ctypes.data, h.ctypes.data, v.size)

    return kernel if _agrees(kernel) else None


def _library() -> Path:
    """The shared library, compiled unless it is in the cache. Raises OSError or SubprocessError."""
    compiler = os.environ.get("CC") or next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if compiler is None or sys.platform == "win32":
        raise OSError("no C compiler here")
    source = SOURCE.read_bytes()
    # Other flags, another compiler or another processor sharing the folder must not meet this library.
    identity = b"|".join([source, " ".join(FLAGS).encode(), compiler.encode(), _processor()])
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paraview-srn"
    library = folder / f"sine_cosine-{hashlib.sha256(identity).hexdigest()[:16]}.so"
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder) as building:
        made = Path(building) / library.name
        command = [compiler, *FLAGS, "-o", str(made), str(SOURCE), "-lm"]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
        os.replace(made, library)
    return library


def _processor() -> bytes:
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}".encode()
    return b"".join(next((line for line in lines if line.startswith(key)), b"") for key in (b"model name", b"flags"))


def _agrees(kernel: Kernel) -> bool:
    """Whether a kernel gives NumPy's values: a miscompiled one must not be used."""
    v = np.linspace(-300, 300, 20011, dtype=np.float32)
    expected_v, expected_h, h = v.copy(), np.empty_like(v), np.empty_like(v)
    with_numpy(expected_v, expected_h)
    kernel(v, h)
    return bool(np.abs(v - expected_v).max() < 1e-6 and np.abs(h - expected_h).max() < 1e-4)
