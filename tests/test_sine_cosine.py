"""The compiled kernel against NumPy in float64, and what happens where nothing can be compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from srn_core.networks import sine_cosine

HAS_COMPILER = any(shutil.which(c) for c in ("cc", "gcc", "clang")) and sys.platform != "win32"


@pytest.mark.parametrize("reach", [1.0, 10.0, 1000.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernel_is_sine_and_snake(reach: float, dtype: str) -> None:
    v = np.random.default_rng(0).uniform(-reach, reach, 10_007).astype(dtype)
    exact, x, h = v.astype(np.longdouble), v.copy(), np.empty_like(v)
    sine_cosine.kernel_for(dtype)(x, h)
    tolerance = 5e-7 if dtype == "float32" else 1e-12
    assert np.abs(x - np.sin(exact)).max() < tolerance
    assert np.abs(h - (exact - 2 * np.cos(exact))).max() < tolerance * max(4, reach)


def test_kernel_takes_all_lengths_and_keeps_nan() -> None:
    for count in (0, 1, 7, 16, 33):
        v, h = np.full(count, 0.5, np.float32), np.empty(count, np.float32)
        sine_cosine.kernel_for(np.float32)(v, h)
        np.testing.assert_allclose(v, np.sin(0.5), rtol=1e-6)
    v, h = np.array([np.nan, 1.0], np.float32), np.empty(2, np.float32)
    sine_cosine.kernel_for(np.float32)(v, h)
    assert np.isnan([v[0], h[0]]).all() and np.isfinite([v[1], h[1]]).all()


def run(tmp_path: Path, **environment: str) -> str:
    code = "from srn_core.networks import sine_cosine as s; print(s.compiled_kernel() is not None)"
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables, check=True)
    return done.stdout.strip()


def test_it_is_compiled_once_and_kept(tmp_path: Path) -> None:
    if not HAS_COMPILER:
        assert run(tmp_path) == "False"
        return
    assert run(tmp_path) == "True"
    (library,) = (tmp_path / "paraview-srn").glob("*.so")
    made = library.stat().st_mtime_ns
    assert run(tmp_path) == "True" and library.stat().st_mtime_ns == made
    assert [p.name for p in (tmp_path / "paraview-srn").iterdir()] == [library.name]


def test_numpy_stands_in_where_nothing_can_be_compiled(tmp_path: Path) -> None:
    assert run(tmp_path, SRN_NO_COMPILER="1") == "False"
    assert run(tmp_path, CC="/no/such/compiler") == "False"
    assert run(tmp_path, CC="false") == "False"
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert run(blocked) == "False"


def test_a_damaged_library_is_not_used(tmp_path: Path) -> None:
    if not HAS_COMPILER:
        return
    run(tmp_path)
    (library,) = (tmp_path / "paraview-srn").glob("*.so")
    library.write_bytes(b"not a library")
    assert run(tmp_path) == "False"
